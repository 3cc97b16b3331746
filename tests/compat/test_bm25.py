"""`ChromaBm25EmbeddingFunction` with the real stemmer and hash, beside what the real package gave for the same texts.

It needs two small packages: `pip install snowballstemmer mmh3`.
"""

import json
from pathlib import Path

import pytest

from ochredb.utils.embedding_functions import ChromaBm25EmbeddingFunction

for library in ("snowballstemmer", "mmh3"):
    pytest.importorskip(library, reason=f"needs {library}: make test-compat installs it")

DATA = Path(__file__).parents[1] / "data" / "chroma_bm25.json"
CASES = json.loads(DATA.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["config"]))
def test_vectors_are_chromas(case: dict) -> None:
    """The same dimensions, weights and tokens."""
    function = ChromaBm25EmbeddingFunction.build_from_config(case["config"])
    for found, wanted in zip(function(case["texts"]), case["vectors"], strict=True):
        assert (found.indices, found.labels) == (wanted["indices"], wanted["labels"])
        assert found.values == pytest.approx(wanted["values"])

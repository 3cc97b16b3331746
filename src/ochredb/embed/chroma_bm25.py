"""BM25 weights of a text's words as a sparse vector, each word under a number made from it."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ochredb.core.model import SparseVector
from ochredb.embed.base import Configured, library, refuse_unless_texts, require
from ochredb.embed.protocol import Documents, SparseEmbeddingFunction, SparseVectors

STOPWORDS = Path(__file__).parent / "data" / "english-stopwords.txt"
DEFAULT_CHROMA_BM25_STOPWORDS = STOPWORDS.read_text(encoding="utf-8").split()
"""The English words that say nothing about a text, as Chroma has them."""

_NO_WORD = re.compile(r"[^\w\s]+")


class ChromaBm25EmbeddingFunction(Configured, SparseEmbeddingFunction[Documents]):
    """English texts as BM25 weights; needs `snowballstemmer` and `mmh3`.

    A word's number is the absolute value of murmur3-32 of its stem, and its weight
    tf * (k + 1) / (tf + k * (1 - b + b * words / avg_doc_length)).

    Args:
        k: How soon a word that comes again counts no more.
        b: How much the length of a text counts, 0 to 1.
        avg_doc_length: Words in a text of ordinary length.
        token_max_length: Longer words are left out.
        stopwords: Words that are left out; None is Chroma's list.
        include_tokens: Whether vectors name the stem of each dimension.
    """

    stored_as = "chroma_bm25"
    sparing = frozenset(("stopwords",))

    def __init__(
        self,
        k: float = 1.2,
        b: float = 0.75,
        avg_doc_length: float = 256.0,
        token_max_length: int = 40,
        stopwords: Sequence[str] | None = None,
        include_tokens: bool = False,
    ) -> None:
        require("mmh3", "mmh3")
        require("snowballstemmer", "snowballstemmer")
        self.k = float(k)
        self.b = float(b)
        self.avg_doc_length = float(avg_doc_length)
        self.token_max_length = int(token_max_length)
        self.stopwords = None if stopwords is None else [str(word) for word in stopwords]
        self.include_tokens = bool(include_tokens)

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002 # the name is part of Chroma's contract
        """Weigh the words of each text; one without words has an empty vector."""
        # A stemmer keeps the word at hand in itself, so each call has its own.
        stem = library("snowballstemmer", "snowballstemmer").stemmer("english").stemWord
        number = library("mmh3", "mmh3").hash
        stopwords = {word.lower() for word in self._stopwords()}
        vectors = []
        for text in refuse_unless_texts(input, "BM25"):
            words = _NO_WORD.sub(" ", text).lower().split()
            kept = [word for word in words if word not in stopwords and len(word) <= self.token_max_length]
            stems = [stemmed for word in kept if (stemmed := stem(word).strip())]
            vectors.append(self._vector(stems, [abs(number(each, seed=0)) for each in stems]))
        return vectors

    def _vector(self, stems: list[str], numbers: list[int]) -> SparseVector:
        counts = Counter(numbers)
        indices = sorted(counts)
        # Two stems may have one number; Chroma names it after the first.
        names = dict(zip(reversed(numbers), reversed(stems), strict=True))
        labels = [names[index] for index in indices] if self.include_tokens and stems else None
        return SparseVector(indices, [self._weight(counts[index], len(stems)) for index in indices], labels)

    def _weight(self, times: int, words: int) -> float:
        return times * (self.k + 1) / (times + self.k * (1 - self.b + self.b * words / self.avg_doc_length))

    def _stopwords(self) -> Sequence[Any]:
        return DEFAULT_CHROMA_BM25_STOPWORDS if self.stopwords is None else self.stopwords

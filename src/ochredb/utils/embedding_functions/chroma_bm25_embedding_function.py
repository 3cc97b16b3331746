"""Chroma's file for what is in `ochredb.embed.chroma_bm25`."""

from ochredb.embed.chroma_bm25 import DEFAULT_CHROMA_BM25_STOPWORDS, ChromaBm25EmbeddingFunction

__all__ = ["DEFAULT_CHROMA_BM25_STOPWORDS", "ChromaBm25EmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.fastembed`."""

from ochredb.embed.fastembed import Bm25EmbeddingFunction, Bm25EmbeddingFunctionQueryConfig

__all__ = ["Bm25EmbeddingFunction", "Bm25EmbeddingFunctionQueryConfig"]

"""Chroma's file for what is in `ochredb.embed.nomic`."""

from ochredb.embed.nomic import NomicEmbeddingFunction, NomicQueryConfig

__all__ = ["NomicEmbeddingFunction", "NomicQueryConfig"]

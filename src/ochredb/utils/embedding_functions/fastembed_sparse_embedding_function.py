"""Chroma's file for what is in `ochredb.embed.fastembed`."""

from ochredb.embed.fastembed import FastembedSparseEmbeddingFunction, FastembedSparseEmbeddingFunctionQueryConfig

__all__ = ["FastembedSparseEmbeddingFunction", "FastembedSparseEmbeddingFunctionQueryConfig"]

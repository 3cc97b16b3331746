"""Chroma's file for what is in `ochredb.embed.huggingface`."""

from ochredb.embed.huggingface import HuggingFaceEmbeddingFunction, HuggingFaceEmbeddingServer

__all__ = ["HuggingFaceEmbeddingFunction", "HuggingFaceEmbeddingServer"]

"""Chroma's file for what is in `ochredb.embed.huggingface_sparse`."""

from ochredb.embed.huggingface_sparse import (
    HuggingFaceSparseEmbeddingFunction,
    HuggingFaceSparseEmbeddingFunctionQueryConfig,
)

__all__ = ["HuggingFaceSparseEmbeddingFunction", "HuggingFaceSparseEmbeddingFunctionQueryConfig"]

"""Chroma's home for what its callers import beside a client."""

from ochredb.utils import batch_utils, data_loaders, distance_functions, embedding_functions, sparse_embedding_utils

__all__ = [
    "batch_utils",
    "data_loaders",
    "distance_functions",
    "embedding_functions",
    "sparse_embedding_utils",
]

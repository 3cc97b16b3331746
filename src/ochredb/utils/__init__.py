"""Chroma's home for what its callers import beside a client."""

from ochredb.utils import batch_utils, distance_functions, embedding_functions

__all__ = ["batch_utils", "distance_functions", "embedding_functions"]

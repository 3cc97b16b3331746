"""FAISS, as all who use it are to have it."""

from typing import Any


def library() -> Any:
    """Give FAISS with OpenMP at one thread, because libgomp hangs in a forked child once it has had more."""
    import faiss  # heavy, and only needed by collections beyond a few thousand rows

    faiss.omp_set_num_threads(1)  # a setting of each thread, so said at each use
    return faiss

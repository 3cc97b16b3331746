"""Chroma's way of making a sparse vector of what a model gives."""

from ochredb.core.model import SparseVector
from ochredb.embed.base import ordered

__all__ = ["normalize_sparse_vector"]


def normalize_sparse_vector(indices: list[int], values: list[float], labels: list[str] | None = None) -> SparseVector:
    """Make a sparse vector whose dimensions ascend.

    >>> normalize_sparse_vector([7, 2], [0.5, 1.0])
    SparseVector(indices=[2, 7], values=[1.0, 0.5], labels=None)

    Raises:
        BadValue: A dimension twice, or columns of several lengths.
    """
    if len(values) != len(indices) or (labels is not None and len(labels) != len(indices)):
        return SparseVector(indices, values, labels)  # which refuses it, and says what is wrong
    return ordered(indices, values, labels)

"""Chroma's distances between two vectors, smaller is nearer; they define what a query returns."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[Any]
"""Numbers of any float type (dimension,)."""


def l2(x: Vector, y: Vector) -> float:
    """Give the squared Euclidean distance.

    >>> l2(np.array([0.0, 0.0]), np.array([3.0, 3.0]))
    18.0
    """
    return float(np.square(x - y).sum())


def cosine(x: Vector, y: Vector) -> float:
    """Give 1 - cos; exactly 1 if one of the vectors is zero.

    >>> cosine(np.array([1.0, 0.0]), np.array([0.0, 2.0]))
    1.0
    """
    # 1e-30 is lost in a float16 and could not keep a zero out of the denominator.
    least = 1e-7 if x.dtype == np.float16 else 1e-30
    return float(1.0 - np.dot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y) + least))


def ip(x: Vector, y: Vector) -> float:
    """Give 1 - the inner product.

    >>> ip(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    -13.0
    """
    return float(1.0 - np.dot(x, y))

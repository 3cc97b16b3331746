"""Embeddings as SQLite keeps them: in half precision where it holds the very numbers, in float32 where it does not.

Embeddings that were float16 or small integers before they became float32 take half of the room, and come back bit for
bit. A zero stands behind halves: of an odd number of bytes, a blob tells what it is without its collection.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from ochredb.core.halves import HALF, in_blocks, narrowed, widened
from ochredb.core.model import Floats

SINGLE = np.dtype("<f4")
DIMENSION = "length(embedding) / iif(length(embedding) % 2, 2, 4)"
"""What `dimension` gives, in SQL."""


def encoded(vectors: Floats) -> Iterator[memoryview]:
    """Give each of finite vectors (n, d) as bytes."""
    for some in in_blocks(vectors):
        halves = narrowed(some)
        rows = np.ascontiguousarray(some, SINGLE) if halves is None else _odd(halves)
        view, width = memoryview(rows.tobytes()), rows.shape[1] * rows.itemsize
        yield from (view[start : start + width] for start in range(0, len(view), width))


def decoded(blobs: Sequence[bytes], dimension: int) -> Floats:
    """Give blobs, all of this dimension, as float32 (n, dimension)."""
    data = b"".join(blobs)
    if len(data) == len(blobs) * dimension * SINGLE.itemsize:
        return np.frombuffer(data, SINGLE).reshape(len(blobs), dimension)
    if len(data) == len(blobs) * (dimension * HALF.itemsize + 1):
        rows = np.frombuffer(data, np.uint8).reshape(len(blobs), -1)[:, :-1]
        return widened(np.ascontiguousarray(rows).view(HALF))
    return np.concatenate([decoded([blob], dimension) for blob in blobs])


def is_embedding(value: Any) -> TypeGuard[bytes]:
    """Tell whether a value is as long as an embedding can be."""
    return type(value) is bytes and len(value) > 1 and len(value) % 4 != 2


def dimension(blob: bytes) -> int:
    """Give the dimension of an embedding."""
    return len(blob) // (HALF if len(blob) % 2 else SINGLE).itemsize


def _odd(halves: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    rows = np.zeros((len(halves), halves.shape[1] * HALF.itemsize + 1), np.uint8)
    rows[:, :-1] = np.ascontiguousarray(halves).view(np.uint8)
    return rows

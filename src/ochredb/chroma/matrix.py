"""Vectors as callers give them -> float32 (n, dimension), with errors that begin as Chroma's."""

from typing import Any

import numpy as np

from ochredb.chroma.text import short
from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.core.model import Floats, refuse_infinite

_NUMBERS = frozenset(np.dtype(name) for name in ("float16", "float32", "float64", "int32", "int64"))


def vectors(value: object, path: str = "embeddings") -> Any:
    """Read one vector, or many, as an array (n, dimension) of any kind of numbers; rows of several lengths as a list.

    Raises:
        BadValue: No list or array of vectors, or none in it.
    """
    if isinstance(value, np.ndarray):
        rows: Any = value if value.ndim == 2 else value[None] if value.ndim == 1 else None
    elif isinstance(value, list) and value:
        rows = value if isinstance(value[0], list | np.ndarray) else [value]
    else:
        rows = [] if isinstance(value, list | tuple | str | dict | set) and not value else None
    if rows is None:
        raise _no_embeddings(value, path)
    if not len(rows):
        raise BadValue(f"Expected Embeddings to be non-empty list or numpy array, got {value} at {path}")
    return rows if isinstance(rows, np.ndarray) else _stacked(rows, path)


def numbers(rows: Any, path: str = "embeddings") -> Any:
    """Pass on vectors of numbers that embeddings are made of: float16, float32, float64, int32 and int64."""
    if isinstance(rows, np.ndarray):
        if not rows.shape[1]:
            raise _no_numbers(rows, path)
        if rows.dtype not in _NUMBERS:
            raise BadValue(
                "Expected each value in the embedding to be a int or float, "
                f"got an embedding with {rows.dtype} - {short(rows[0].tolist())} at {path}"
            )
    return rows


def floats(rows: Any, path: str = "embeddings") -> Floats:
    """Give vectors as float32 (n, dimension).

    Raises:
        InvalidArgumentError: Rows of several lengths, NaN, infinity, or more than float32 can hold.
    """
    if not isinstance(rows, np.ndarray):
        lengths = sorted({len(row) for row in rows})
        raise InvalidArgumentError(f"Inconsistent dimensions in provided embeddings: {lengths} at {path}")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(rows, np.float32)
    refuse_infinite(found, path)
    return found


def embeddings(value: object, path: str = "embeddings") -> Floats:
    """Read embeddings as float32 (n, dimension): a list of lists, arrays of any float type, or one vector.

    Raises:
        BadValue: Not numbers, or none.
        InvalidArgumentError: Rows of several lengths, NaN, infinity, or more than float32 can hold.
    """
    return floats(numbers(vectors(value, path), path), path)


def _stacked(rows: list[Any], path: str) -> Any:
    lengths = {len(row) if isinstance(row, list) or np.ndim(row) == 1 else -1 for row in rows}
    if -1 in lengths:
        raise _no_embeddings(rows[0] if len(rows) == 1 else rows, path)
    if lengths == {0}:
        raise _no_numbers(rows, path)
    if len(lengths) > 1:
        return rows
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise _no_embeddings(rows, path) from error
    if array.dtype == object:  # whole numbers beyond 64 bits are an array of objects
        array = _wide(rows, path)
    lists = isinstance(rows[0], list)
    if array.ndim != 2 or array.dtype.kind not in ("iuf" if lists else "biuf"):
        raise _no_embeddings(rows, path)
    return array.astype(np.float64) if lists else array


def _wide(rows: list[Any], path: str) -> Any:
    if not all(isinstance(number, int | float) for row in rows for number in row):
        raise _no_embeddings(rows, path)
    try:
        return np.asarray(rows, np.float64)
    except OverflowError as error:
        raise _no_embeddings(rows, path) from error


def _no_numbers(rows: object, path: str) -> BadValue:
    return BadValue(
        "Expected each embedding in the embeddings to be a 1-dimensional numpy array with at least 1 int/float "
        f"value, got {short(rows)} at {path}"
    )


def _no_embeddings(value: object, path: str) -> BadValue:
    return BadValue(
        "Expected embeddings to be a list of floats or ints, a list of lists, a numpy array, or a list of numpy "
        f"arrays, got {short(value)} at {path}"
    )

"""Columns of other libraries, of Arrow, pandas and polars, as lists and arrays.

They are told by the methods that they have, so that none of these libraries is imported for a caller without it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ochredb.core.errors import BadValue


def is_column(value: object) -> bool:
    """Tell whether something is a column: an array of Arrow's, a series, or an iterator."""
    return isinstance(value, Iterator) or _is_arrow(value) or _is_series(value)


def values(column: Any) -> list[Any]:
    """Give a column as a list of Python's own values, None for each null."""
    if isinstance(column, list):
        return column
    if isinstance(column, Iterator):
        return list(column)
    if _is_arrow(column):
        found: list[Any] = column.to_pylist()
        return found
    if hasattr(column, "isna"):  # pandas has several nulls: None, NaN, NaT, NA
        rows = zip(column.to_list(), column.isna().tolist(), strict=True)
        return [None if null else _plain(value) for value, null in rows]
    return [_plain(value) for value in column.to_list()]


def vectors(column: Any, path: str) -> Any:
    """Give a column of vectors as an array (n, dimension) where it is one in memory, else as a list of vectors.

    Raises:
        BadValue: A row, or a number in it, is null.
    """
    if isinstance(column, np.ndarray):
        return column
    if isinstance(column, list | Iterator):
        return list(column)
    if _is_arrow(column):
        return _arrow_vectors(column, path)
    nulls = column.isna() if hasattr(column, "isna") else column.is_null()
    if nulls.any():
        raise _null(path, nulls.to_list().index(True))
    rows = column.to_numpy()
    return rows if rows.ndim == 2 else list(rows)


def _arrow_vectors(column: Any, path: str) -> Any:
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    array = getattr(array, "storage", array)  # of a tensor, which is a type of its own over a list of fixed size
    if array.null_count:
        raise _null(path, array.is_null().to_pylist().index(True))
    if not hasattr(array, "flatten") or not hasattr(array, "value_lengths"):
        raise BadValue(f"Expected a column of lists of numbers, got Arrow's {array.type} at {path}")
    lengths = np.unique(array.value_lengths().to_numpy(zero_copy_only=False))
    if len(lengths) != 1:
        return array.to_pylist()  # of several lengths: the list is refused by name where dimensions are compared
    numbers = array.flatten()
    if numbers.null_count:
        raise _null(path, numbers.is_null().to_pylist().index(True) // int(lengths[0]))
    return numbers.to_numpy(zero_copy_only=False).reshape(len(array), int(lengths[0]))


def _is_arrow(value: object) -> bool:
    return hasattr(value, "to_pylist") and hasattr(value, "null_count")


def _is_series(value: object) -> bool:
    return hasattr(value, "to_list") and hasattr(value, "to_numpy")


def _plain(value: Any) -> Any:
    """Give an array or a scalar of NumPy's, which a column of objects may hold, as Python has it."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _null(path: str, row: int) -> BadValue:
    return BadValue(f"Expected every embedding to be a list of numbers, got null at {path}[{row}]")

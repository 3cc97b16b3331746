"""The metadata view: a key is a column of typed values over the slots, a condition a NumPy predicate on it.

A key becomes a column when a filter first names it. A value is a kind and 64 bits, or 32 where all are bools and ints
that fit in: an int itself, a float its bits, a bool 0 or 1, a str the hash that Python gives it in this process (64
bits with a secret key, so that neither chance nor intent makes two strings one). Arrays are lists of such elements
beside the slot that holds them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ochredb.core.model import Mask
from ochredb.core.where import Among, Equal, Holds, Order, OrderOp, Scalar, is_number
from ochredb.index.base import Slots, distinct
from ochredb.index.growing import Growing

MISSING, STR, INT, FLOAT, BOOL = range(5)
_KINDS: dict[type, int] = {str: STR, int: INT, float: FLOAT, bool: BOOL}
_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)
_PART = 8192
"""Records that are read at a time: what Python makes of each takes many times what a column keeps."""

Scan = Callable[[Slots, Sequence[str]], tuple[Slots, list[list[Any]]]]
"""Give the slots of those records, of ascending slots, that have metadata, and for each key their values or None."""


class Columns:
    """The columns of one collection, as far as filters have named them."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._seen = 0
        self._stale: list[Slots] = []

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        return sum(column.nbytes for column in self._columns.values())

    def touch(self, slots: Slots) -> None:
        """Learn that these records have other metadata; new ones need no word."""
        if self._columns:
            self._stale.append(slots)

    def ready(self, keys: set[str], slots: int) -> bool:
        """Whether `mask` may be asked about these keys without `prepare`."""
        return not keys or (self._seen == slots and not self._stale and keys <= self._columns.keys())

    def prepare(self, keys: set[str], slots: int, scan: Scan) -> None:
        """Read what these keys' columns lack."""
        self._refresh(slots, scan)
        new = {key: _Column() for key in keys - self._columns.keys()}
        self._fill(new, np.arange(slots), scan)
        self._columns.update(new)

    def mask(self, node: Equal | Order | Among | Holds, slots: int) -> Mask:
        """Give True at the slots whose metadata meet a condition; dead slots may be either."""
        column = self._columns[node.key]
        match node:
            case Equal(_, value):
                return column.among((value,))
            case Among(_, values):
                return column.among(values)
            case Order(_, op, value):
                return column.order(op, value)
            case Holds(_, value):
                return column.holding(value, slots)

    def _refresh(self, slots: int, scan: Scan) -> None:
        stale = [some[some < self._seen] for some in self._stale]
        self._stale = []
        changed = distinct(np.concatenate(stale)) if stale else np.empty(0, np.int64)
        for column in self._columns.values():
            column.clear(changed)
        self._fill(self._columns, np.concatenate((changed, np.arange(self._seen, slots))), scan)
        self._seen = slots

    def _fill(self, columns: dict[str, "_Column"], slots: Slots, scan: Scan) -> None:
        if not columns or not len(slots):
            return
        for column in columns.values():
            column.reach(int(slots[-1]) + 1)
        for start in range(0, len(slots), _PART):
            places, values = scan(slots[start : start + _PART], list(columns))
            for column, each in zip(columns.values(), values, strict=True):
                column.fill(places, each)


class _Column:
    def __init__(self) -> None:
        self._kinds = Growing(np.uint8)
        self._bits = Growing(np.int32)
        self._holders = Growing(np.int64)
        self._element_kinds = Growing(np.uint8)
        self._element_bits = Growing(np.int64)
        self._present: set[int] = set()

    @property
    def nbytes(self) -> int:
        parts = (self._kinds, self._bits, self._holders, self._element_kinds, self._element_bits)
        return sum(part.nbytes for part in parts)

    def reach(self, slots: int) -> None:
        self._kinds.pad(slots, MISSING)
        self._bits.pad(slots, 0)

    def clear(self, slots: Slots) -> None:
        self._kinds.view[slots] = MISSING
        if len(self._holders):
            self._holders.view[np.isin(self._holders.view, slots)] = -1

    def fill(self, slots: Slots, values: list[Any]) -> None:
        kinds = np.array([_KINDS.get(type(value), MISSING) for value in values], np.uint8)
        self._kinds.view[slots] = kinds
        for kind in distinct(kinds[kinds != MISSING]).tolist():
            chosen = np.flatnonzero(kinds == kind)
            bits = _bits(kind, [values[row] for row in chosen])
            if self._narrow and not (kind in (INT, BOOL) and _INT32.min <= bits.min() and bits.max() <= _INT32.max):
                self._widen()
            self._bits.view[slots[chosen]] = bits
            self._present.add(kind)
        for slot, value in zip(slots.tolist(), values, strict=True):
            if type(value) is list and value:
                kind = _KINDS[type(value[0])]
                self._holders.extend([slot] * len(value))
                self._element_kinds.extend([kind] * len(value))
                self._element_bits.extend(_bits(kind, value))

    @property
    def _narrow(self) -> bool:
        return self._bits.view.dtype == np.int32

    def _widen(self) -> None:
        """Have 64 bits for each value."""
        wide = Growing(np.int64)
        wide.extend(self._bits.view)
        self._bits = wide

    def among(self, values: tuple[Scalar, ...]) -> Mask:
        found = np.zeros(len(self._kinds), np.bool_)
        for kind, wanted in _by_kind(values).items():
            if kind in self._present:
                found |= (self._kinds.view == kind) & _equal(kind, self._bits.view, wanted)
        return found

    def order(self, op: OrderOp, value: int | float) -> Mask:
        found = np.zeros(len(self._kinds), np.bool_)
        if INT in self._present:
            least, most = _interval(op, value)
            if least <= most:
                bits = self._bits.view
                found |= (self._kinds.view == INT) & (bits >= least) & (bits <= most)
        if FLOAT in self._present:
            found |= (self._kinds.view == FLOAT) & _compare(op, self._bits.view.view(np.float64), value)
        return found

    def holding(self, value: Scalar, slots: int) -> Mask:
        found = np.zeros(slots, np.bool_)
        kind = _KINDS[type(value)]
        hit = (self._element_kinds.view == kind) & _equal(kind, self._element_bits.view, [value])
        holders = self._holders.view[hit]
        found[holders[holders >= 0]] = True
        return found


def _bits(kind: int, values: list[Any]) -> Any:
    if kind == STR:
        return np.array([hash(value) for value in values], np.int64)
    if kind == FLOAT:
        return np.array(values, np.float64).view(np.int64)
    return np.array(values, np.int64)


def _equal(kind: int, bits: Any, wanted: list[Any]) -> Mask:
    if kind == FLOAT:  # by value, as -0.0 and 0.0 are one number of two patterns
        bits, values = bits.view(np.float64), np.array(wanted, np.float64)
    else:
        values = _bits(kind, wanted)
    equal: Mask = bits == values[0] if len(values) == 1 else np.isin(bits, values)
    return equal


def _by_kind(values: tuple[Scalar, ...]) -> dict[int, list[Any]]:
    """Sort wanted values by the kinds of stored ones that can be equal to them: a number may be stored as int or as
    float.
    """
    wanted: dict[int, list[Any]] = {}
    for value in values:
        if not is_number(value):
            wanted.setdefault(_KINDS[type(value)], []).append(value)
            continue
        if isinstance(value, int) or value.is_integer():  # type: ignore[union-attr] # a str or bool went above
            whole = int(value)
            if _INT64.min <= whole <= _INT64.max:
                wanted.setdefault(INT, []).append(whole)
        if float(value) == value:
            wanted.setdefault(FLOAT, []).append(float(value))
    return wanted


def _interval(op: OrderOp, value: int | float) -> tuple[int, int]:
    """Give the least and the most int64 that stand in this order to a number, in exact arithmetic."""
    if isinstance(value, float) and not math.isfinite(value):
        everything = value == (math.inf if op in ("$lt", "$lte") else -math.inf)
        return (_INT64.min, _INT64.max) if everything else (1, 0)
    floor, ceiling = math.floor(value), math.ceil(value)
    bounds = {
        "$gt": (floor + 1, _INT64.max),
        "$gte": (ceiling, _INT64.max),
        "$lt": (_INT64.min, ceiling - 1),
        "$lte": (_INT64.min, floor),
    }
    least, most = bounds[op]
    return max(least, _INT64.min), min(most, _INT64.max)


_UFUNC: dict[OrderOp, Callable[[Any, float], Any]] = {
    "$gt": np.greater,
    "$gte": np.greater_equal,
    "$lt": np.less,
    "$lte": np.less_equal,
}


def _compare(op: OrderOp, floats: Any, value: int | float) -> Mask:
    bound = float(value)
    if bound > value:  # rounded up: what is beyond the int is at or beyond its float
        op = "$gte" if op in ("$gt", "$gte") else "$lt"
    elif bound < value:
        op = "$gt" if op in ("$gt", "$gte") else "$lte"
    compared: Mask = _UFUNC[op](floats, bound)
    return compared

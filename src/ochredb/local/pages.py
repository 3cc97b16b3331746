"""Pages of an SQLite file, read without SQLite: cells of b-trees, records in them, whatever the rest looks like.

Nothing here believes a number that it reads: what points out of its page, or in a circle, ends the cell, not the walk.

Source: https://www.sqlite.org/fileformat2.html
"""

from collections.abc import Callable, Iterator
from struct import unpack
from typing import NamedTuple, TypeAlias

Value: TypeAlias = int | float | str | bytes | None
Read: TypeAlias = Callable[[int], bytes]
"""Give a page by its number, from 1 on; empty where there is none."""

TABLE_INTERIOR, TABLE_LEAF, INDEX_INTERIOR, INDEX_LEAF = 0x05, 0x0D, 0x02, 0x0A
_HEADERS = {TABLE_INTERIOR: 12, TABLE_LEAF: 8, INDEX_INTERIOR: 12, INDEX_LEAF: 8}
TREE = frozenset(_HEADERS)
_FILE_HEADER = 100
_INTEGERS = (0, 1, 2, 3, 4, 6, 8)
"""Bytes of an integer by its serial type."""
_LARGEST = 1_000_000_000
"""Bytes of the longest record that SQLite allows."""


class Cell(NamedTuple):
    """One record; its rowid is None in an index, and in a table without rowids."""

    rowid: int | None
    values: tuple[Value, ...]


class _Broken(Exception):
    """What was read cannot be what was written."""


def kind(page: bytes, number: int) -> int:
    """Give the first byte of a b-tree page."""
    start = _start(number)
    return page[start] if len(page) > start else 0


def cells(read: Read, number: int, usable: int) -> Iterator[Cell]:
    """Give the records on a page of a b-tree that can be read; text that is not UTF-8 comes as bytes.

    Args:
        read: Gives pages, for what overflows.
        number: Of the page.
        usable: Bytes of a page that SQLite uses.
    """
    page = read(number)
    of = kind(page, number)
    if of not in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
        return
    for at in _pointers(page, number, usable):
        try:
            yield _cell(read, page, at, of, usable)
        except (_Broken, IndexError):
            continue


def children(page: bytes, number: int, usable: int) -> Iterator[int]:
    """Give the pages below a page of a b-tree."""
    if kind(page, number) not in (TABLE_INTERIOR, INDEX_INTERIOR):
        return
    for at in _pointers(page, number, usable):
        yield int.from_bytes(page[at : at + 4], "big")
    start = _start(number)
    yield int.from_bytes(page[start + 8 : start + 12], "big")


def _start(number: int) -> int:
    return _FILE_HEADER if number == 1 else 0


def _pointers(page: bytes, number: int, usable: int) -> Iterator[int]:
    start = _start(number)
    first = start + _HEADERS[kind(page, number)]
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    last = min(first + 2 * count, usable)
    for place in range(first, last - 1, 2):
        at = int.from_bytes(page[place : place + 2], "big")
        if first <= at < usable:
            yield at


def _cell(read: Read, page: bytes, at: int, of: int, usable: int) -> Cell:
    if of == INDEX_INTERIOR:
        at += 4
    length, at = _varint(page, at)
    rowid = None
    if of == TABLE_LEAF:
        rowid, at = _varint(page, at)
        rowid -= (rowid >> 63) << 64
    return Cell(rowid, _record(_payload(read, page, at, length, of, usable)))


def _payload(read: Read, page: bytes, at: int, length: int, of: int, usable: int) -> bytes:
    """Give a record's bytes, those on this page and those on the pages that it overflows to."""
    if not 0 < length <= _LARGEST:
        raise _Broken
    most = usable - 35 if of == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if length <= most:
        if at + length > usable:
            raise _Broken
        return page[at : at + length]
    least = (usable - 12) * 32 // 255 - 23
    here = least + (length - least) % (usable - 4)
    here = here if here <= most else least
    if at + here + 4 > usable:
        raise _Broken
    parts, left = [page[at : at + here]], length - here
    following = int.from_bytes(page[at + here : at + here + 4], "big")
    while left > 0:
        more = read(following)
        if len(more) < usable:
            raise _Broken
        parts.append(more[4 : min(usable, 4 + left)])
        left -= usable - 4
        following = int.from_bytes(more[:4], "big")
    return b"".join(parts)


def _record(payload: bytes) -> tuple[Value, ...]:
    end, at = _varint(payload, 0)
    if end > len(payload):
        raise _Broken
    types = []
    while at < end:
        of, at = _varint(payload, at)
        types.append(of)
    values, at = [], end
    for of in types:
        value, at = _value(payload, at, of)
        values.append(value)
    if at != len(payload):
        raise _Broken
    return tuple(values)


def _value(payload: bytes, at: int, of: int) -> tuple[Value, int]:
    """Read a value of a serial type, and give where the next one begins."""
    if of == 0:
        return None, at
    if of in (8, 9):
        return of - 8, at
    if of in (10, 11):
        raise _Broken
    width = _INTEGERS[of] if of <= 6 else 8 if of == 7 else (of - 12) // 2
    data = payload[at : at + width]
    if len(data) != width:
        raise _Broken
    if of <= 6:
        return int.from_bytes(data, "big", signed=True), at + width
    if of == 7:
        return float(unpack(">d", data)[0]), at + width
    return (_text(data) if of % 2 else data), at + width


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(at, at + 8):
        byte = data[place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place + 1
    return number << 8 | data[at + 8], at + 9

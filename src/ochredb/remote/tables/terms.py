"""Metadata as terms: what a distributed engine compares instead of the values, so that all of them mean the same.

Engines disagree on what 1, 1.0 and True have to do with each other, on ints that no double can hold, on keys with dots
and quotes in them, and on how a text is escaped. So a key is written as a hash, and a value as a code of ASCII letters
and digits: two values are equal exactly if their codes are, and numbers are in the order of theirs. Nothing that a user
wrote gets into an engine's expression, and there is nothing to escape.

A scalar stands under the field `scalar(key)`, an array under `array(key)`: conditions on one never meet the other.
"""

import math
import struct
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

from ochredb.core.model import Metadata
from ochredb.core.where import And, Not, Or, Scalar, Where, both, is_number

Terms: TypeAlias = dict[str, str | list[str]]
"""Codes by field: one of a scalar, several of an array."""

BELOW_NUMBERS, ABOVE_NUMBERS = "n", "o"
"""All codes of numbers, and no others, are between these two."""
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


def terms(metadata: Metadata | None) -> Terms:
    """Give the terms of a record's metadata; a sparse vector has none, as no filter finds it."""
    found: Terms = {}
    for key, value in (metadata or {}).items():
        if isinstance(value, list):
            found[array(key)] = sorted({element(item) for item in value})
        elif isinstance(value, str | int | float):
            found[scalar(key)] = code(value)
    return found


@lru_cache(maxsize=4096)
def scalar(key: str) -> str:
    """Give the field of a key's scalars."""
    return "s" + _hash(key, 12)


@lru_cache(maxsize=4096)
def array(key: str) -> str:
    """Give the field of a key's arrays."""
    return "a" + _hash(key, 12)


def code(value: Scalar) -> str:
    """Give the code of a scalar: equal numbers have one code, be they int or float.

    >>> code(1) == code(1.0), code(1) == code(True), code(2**53) < code(2**53 + 1)
    (True, False, True)
    """
    return _number(value) if is_number(value) else _typed(value)  # type: ignore[arg-type] # is_number has looked


def element(value: Scalar) -> str:
    """Give the code of an element of an array, which is equal to those of its own type only."""
    return _typed(value)


def halves(number: str) -> tuple[float, int]:
    """Give what the code of a number is made of: the float64 at or just below it, and how far it is beyond that.

    For engines that compare numbers and no texts: numbers are in the order of these pairs.
    """
    bits = int(number[1:17], 16)
    bits = bits ^ _SIGN if bits & _SIGN else bits ^ _ALL
    (below,) = struct.unpack(">d", bits.to_bytes(8))
    return below, int(number[17:], 16)


def split(where: Where | None, native: Callable[[Where], bool]) -> tuple[Where | None, Where | None]:
    """Part a filter in what the engine answers and what is left to be checked on the records that it finds.

    Args:
        where: The filter.
        native: Whether the engine can answer a condition that is no And, Or or Not.

    Returns:
        A native filter that every match meets, or None; and what of the filter that does not tell yet, or None.
    """
    if where is None or _wholly(where, native):
        return where, None
    match where:
        case And(nodes):
            parts = [split(node, native) for node in nodes]
            return both(*(part for part, _ in parts)), both(*(rest for _, rest in parts))
        case Or(nodes):
            found = [part for part, _ in (split(node, native) for node in nodes)]
            given = tuple(part for part in found if part is not None)
            return (Or(given) if len(given) == len(found) else None), where
        case _:
            return None, where


def _wholly(where: Where, native: Callable[[Where], bool]) -> bool:
    match where:
        case And(nodes) | Or(nodes):
            return all(_wholly(node, native) for node in nodes)
        case Not(node):
            return _wholly(node, native)
        case _:
            return native(where)


def _number(value: int | float) -> str:
    below = float(value)
    if below > value:  # an int of more than 53 bits was rounded up
        below = math.nextafter(below, -math.inf)
    (bits,) = struct.unpack(">Q", struct.pack(">d", below + 0.0))  # -0.0 and 0.0 are one number
    bits = bits ^ _ALL if bits & _SIGN else bits | _SIGN  # so that the order of the bits is that of the numbers
    beyond = value - int(below) if isinstance(value, int) else 0
    return f"{BELOW_NUMBERS}{bits:016x}{beyond:03x}"


def _typed(value: Scalar) -> str:
    match value:
        case bool():
            return f"b{int(value)}"
        case str():
            return "t" + _hash(value, 16)
        case int():
            return f"i{value}"
        case float():
            return "f" + struct.pack(">d", value + 0.0).hex()


def _hash(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()

"""Embeddings on the wire: lists of numbers, base64 or blocks -> float32 (n, dimension), and back (contract 4.4)."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from ochredb.chroma.bodies import Block
from ochredb.core.errors import BadBody, InvalidArgumentError
from ochredb.core.model import Floats, refuse_infinite


def read(given: Block | Sequence[list[float] | str], path: str = "embeddings") -> Floats:
    """Read embeddings, all of one form, as float32 (n, dimension); none at all are (0, 0).

    Raises:
        BadBody: Lists and base64 mixed.
        InvalidArgumentError: Rows of several lengths or of none, bytes that are no float32s, NaN, infinity, or more
            than float32 can hold.
    """
    if isinstance(given, Block):
        found = _unpacked(given, path)
    elif _all_text(given):
        found = _matrix([_decoded(text) for text in given], path)
        _refuse_nonfinite(found)
    elif _all_lists(given):
        with np.errstate(over="ignore"):
            found = _matrix([np.array(row, np.float32) for row in given], path)
    else:
        raise BadBody(f"{path}: data did not match any variant of untagged enum EmbeddingsPayload: lists and base64")
    refuse_infinite(found, path)
    return found


def block(embeddings: Floats) -> Block:
    """Give embeddings (n, dimension) as a block; without a row the dimension is as good as any."""
    return Block(embeddings.shape[1] or 1, np.ascontiguousarray(embeddings, "<f4").tobytes())


def numbers(embeddings: Floats) -> list[list[float]]:
    """Give embeddings as the shortest decimals that are the same float32s, as Chroma writes them.

    Those below 1e-13, which have no short one that is found so, are as exact.

    >>> numbers(np.array([[0.3, 1.0]], np.float32))
    [[0.3, 1.0]]
    """
    given = embeddings.ravel()
    found = given.astype(np.float64)
    left, wanted = np.flatnonzero(given), found[given != 0]
    size = np.floor(np.log10(np.abs(wanted)))
    for digits in range(9, 0, -1):
        # 10 to the power of 22 is the largest that a float64 holds, so within it a division rounds correctly.
        places = np.clip(digits - 1 - size, -22, 22)
        scale = np.power(10.0, np.abs(places))
        short = np.where(places < 0, np.rint(wanted / scale) * scale, np.rint(wanted * scale) / scale)
        with np.errstate(over="ignore"):
            good = short.astype(np.float32) == given[left]
        found[left[good]] = short[good]
        left, wanted, size = left[good], wanted[good], size[good]
    rows: Any = found.reshape(embeddings.shape).tolist()
    decimals: list[list[float]] = rows
    return decimals


def _unpacked(given: Block, path: str) -> Floats:
    if len(given.data) % (4 * given.dimension):
        raise InvalidArgumentError(
            f"{path}: expected rows of {given.dimension} float32, got {len(given.data)} bytes, which is no whole number"
        )
    return np.frombuffer(given.data, "<f4").reshape(-1, given.dimension)


def _matrix(rows: list[Floats], path: str) -> Floats:
    if not rows:
        return np.empty((0, 0), np.float32)
    lengths = sorted({len(row) for row in rows})
    if not lengths[0]:
        raise InvalidArgumentError(f"Validation error: {path}: Each embedding must have at least 1 dimension")
    if len(lengths) > 1:
        raise InvalidArgumentError(f"Inconsistent dimensions in provided embeddings: {lengths} at {path}")
    return np.stack(rows)


def _decoded(text: str) -> Floats:
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgumentError(f"Invalid base64 string: {error}") from error
    if len(data) % 4:
        raise InvalidArgumentError(
            f"Invalid byte length: {len(data)} bytes cannot be converted to f32 values (must be divisible by 4)"
        )
    return np.frombuffer(data, "<f4")


def _refuse_nonfinite(found: Floats) -> None:
    good = np.isfinite(found)
    if not good.all():
        row, column = np.argwhere(~good)[0].tolist()
        name = "NaN" if np.isnan(found[row, column]) else str(found[row, column])
        raise InvalidArgumentError(f"Non-finite float value at embedding index {row}: {name}")


def _all_text(given: Sequence[Any]) -> TypeGuard[list[str]]:
    return bool(given) and all(type(row) is str for row in given)


def _all_lists(given: Sequence[Any]) -> TypeGuard[list[list[float]]]:
    return all(type(row) is list for row in given)

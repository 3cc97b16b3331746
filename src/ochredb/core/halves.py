"""Numbers in half precision: whether it holds float32 as they are, and both ways between the two."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ochredb.core.model import Floats

HALF = np.dtype("<f2")
_MOVED, _COPIES_OF_SIGN, _ZERO = 13, 0x7000_0000, np.float32(2.0**112)
"""By how many bits the fraction of float32 is longer than that of a half, the bits above a half's exponent but for the
sign, and by how much the numbers that both write with the same exponent differ."""
_SIGN, _SIGN_MOVED, _SIZE, _INFINITE = 0x8000, 3, 0x3_FFFF, 0x7C00
"""The sign of a half, by how many bits it stands lower than that of a float32 so moved, the bits of that below its
sign, and what is too large for a half."""
BLOCK = 1 << 17
"""Components that are looked at at a time: 512 KiB of float32, which a processor keeps at hand."""


def lossless(vectors: Floats) -> bool:
    """Tell whether half precision holds vectors (n, d) as they are."""
    return all(narrowed(some) is not None for some in in_blocks(vectors))


def widened(halves: npt.NDArray[Any]) -> Floats:
    """Give finite numbers of half precision as float32, as `astype` does, which takes four times as long.

    The bits of a half, put where those of float32 are, make the number over 2**112, as their exponents count from
    other zeros; numbers too small for a leading one included.

    >>> widened(np.array([1.5, -65504, 6e-8], HALF))
    array([ 1.5000000e+00, -6.5504000e+04,  5.9604645e-08], dtype=float32)
    """
    bits = halves.view("<i2").astype(np.int32)  # the sign stands in all upper bits, of which one is to be left
    bits <<= _MOVED
    bits &= ~_COPIES_OF_SIGN
    wide: Floats = bits.view(np.float32)
    wide *= _ZERO
    return wide


def narrowed(vectors: Floats) -> npt.NDArray[Any] | None:
    """Give vectors in half precision; None if it does not hold them as they are.

    It does what `widened` does backwards, a third of the work of `astype` and a comparison.
    """
    with np.errstate(under="ignore"):
        bits = (vectors / _ZERO).view(np.int32)
    bits >>= _MOVED
    sizes = bits & _SIZE
    if sizes.max(initial=0) >= _INFINITE:
        return None
    bits >>= _SIGN_MOVED
    bits &= _SIGN
    bits |= sizes
    halves = bits.astype("<u2").view(HALF)
    return halves if (widened(halves) == vectors).all() else None


def in_blocks(vectors: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Give vectors (n, d) so many at a time that a processor keeps them at hand."""
    width = max(BLOCK // max(vectors.shape[1], 1), 1)
    return (vectors[start : start + width] for start in range(0, len(vectors), width))

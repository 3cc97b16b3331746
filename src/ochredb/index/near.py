"""Which of some exact rows may be the nearest: told from float32, allowing for all that its rounding can have done."""

import math

import numpy as np

from ochredb.core.model import Floats, Space
from ochredb.index.base import Slots
from ochredb.index.exact import LARGE, ROUNDING, SMALL
from ochredb.index.rows import Lengths, Rows


def near(space: Space, rows: Rows, query: Floats, slots: Slots, k: int) -> Slots:
    """Keep of slots (n,) those that may be among the k nearest of a query, in no order.

    Args:
        space: Of the distances.
        rows: Exact ones.
        query: float32 (d,).
        slots: Slots of rows; -1 stands for none.
        k: At least 1.
    """
    exact = query.astype(np.float64)
    square = float(np.vdot(exact, exact))
    if len(slots) <= k or not (SMALL < square < LARGE and _is_plain(rows.lengths)):
        return slots[slots >= 0]
    away = rows.squares(query, slots) if space == "l2" else -rows.products(query, slots)
    last = float(np.partition(away, k - 1)[k - 1])
    rounding = 2 * ROUNDING * math.sqrt(rows.dimension)
    few: Slots = slots[away <= _limit(space, last, rows.lengths, rounding, math.sqrt(square))]
    return few if last < math.inf else few[few >= 0]


def _is_plain(lengths: Lengths) -> bool:
    """Whether no square or product of such rows leaves float32."""
    return SMALL < lengths.least**2 <= lengths.most**2 < LARGE


def _limit(space: Space, last: float, lengths: Lengths, rounding: float, length: float) -> float:
    """Give how far a row may be, in the measure of what was computed, to be nearer in truth than the `last`.

    Args:
        space: Of the distances.
        last: What was computed of the k-th.
        lengths: Of all rows.
        rounding: What float32 may be wrong by, in parts of the lengths or squares involved.
        length: The query's.
    """
    if space == "l2":
        return last * (1 + rounding) + SMALL
    slack = rounding * lengths.most * length
    if space == "ip":
        return last + slack
    ratio = lengths.least / lengths.most  # products have yet to be divided by the row's own length
    return max(last * ratio, last / ratio) + slack

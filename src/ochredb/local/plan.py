"""Exact or index, and how deep: one decision, one function."""

import math
from typing import NamedTuple

EXACT_ROWS = 2500
"""So few rows are looked at one by one: half a millisecond at most, as long as an index takes, and all are found."""
_WIDEST = 8.0


class Plan(NamedTuple):
    """How to look for the nearest among indexed rows.

    Args:
        exact: Look at every allowed row.
        effort: Otherwise how hard the index is to search, 100 being the usual.
        candidates: And how many rows it is to propose.
    """

    exact: bool
    effort: int = 100
    candidates: int = 0


def plan(rows: int, allowed: int, k: int, effort: int) -> Plan:
    """Decide how to search.

    Args:
        rows: Rows in the index.
        allowed: Those that the filter keeps.
        k: How many are wanted.
        effort: The collection's own, its `ef_search`.

    A filter goes with topics: the lists near a query may hold few of the rows that it keeps, so that the search widens
    as the filter narrows. Measured on 99,000 rows, a filter that keeps 8 % needs all lists for recall .99 where no
    filter needs a fifth of them.
    """
    candidates = math.ceil((20 + 3 * k) * max(effort / 100, 1))
    if allowed <= EXACT_ROWS or 2 * candidates >= allowed:
        return Plan(exact=True)
    widening = min(rows / allowed, _WIDEST)
    return Plan(exact=False, effort=math.ceil(effort * widening), candidates=candidates)

"""The table: a case a line, percentiles and recall together, each peer beside ours from the same run."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from rich.table import Table

from bench.case import Sample
from bench.peers import OURS

CHROMA = "chroma"

Results: TypeAlias = dict[str, dict[str, Sample]]
"""By peer, then by case in the order of the measurement."""

MORE_IS_BETTER = {"rows/s", "queries/s"}
ENOUGH_FOR_P99 = 50


@dataclass(frozen=True)
class Goal:
    """What we want of a case: to be so many times better than Chroma, to be within a bound, at this recall.

    Args:
        times: 0 for any.
        most: Of the median, in the unit of the case.
        recall: At least.
        most_p99: Of the 99th percentile.
    """

    times: float = 0.0
    most: float = math.inf
    recall: float = 0.0
    most_p99: float = math.inf

    def __str__(self) -> str:
        bounds = {"": self.most, "p99 ": self.most_p99}
        wanted = [f"{self.times:g} x"] if self.times else []
        wanted += [f"{which}<= {most:g}" for which, most in bounds.items() if most < math.inf]
        return ", ".join(wanted) + (f" ({self.recall:g})" if self.recall else "")

    def reached(self, ours: Sample, theirs: Sample | None) -> bool:
        """Say whether our side of a case is good enough, as far as it can be told without the other side."""
        return (
            (theirs is None or times(ours, theirs) >= self.times)
            and p50(ours) <= self.most
            and p99(ours) <= self.most_p99
            and (ours.recall is None or ours.recall >= self.recall)
        )


_FILTERS = ("source = EIPs", "year >= 2015 and status = Final", "source != EIPs")
_SHARES = ("0.1 %", "1 %", "50 %", "99 %")
GOALS = {
    0: {
        "rows acknowledged": Goal(25),
        "query": Goal(5, recall=0.97),
        **{f"query, {name}": Goal(40, recall=0.97) for name in _FILTERS},
    },
    100_000: {
        "rows acknowledged": Goal(50),
        "until indexed, from the first add": Goal(20),
        "query": Goal(6, 0.35, 0.98),
        "query, 1,000 in one call": Goal(6),
        **{f"query, {name}": Goal(most=0.6, recall=0.97) for name in _FILTERS + _SHARES},
        "first query with a filter": Goal(most=0.4),
        "query, document contains asyncio": Goal(most=4),
        "query, document contains asyncio, at first": Goal(most=150),
        "get 100 ids": Goal(most=0.4),
        "get where, limit 100, offset 200": Goal(most=0.3),
        "get all with embeddings": Goal(most=500),
        "upsert 1,000 rows": Goal(most=40),
        "update metadata of 1,000": Goal(most=20),
        "delete 1,000 rows": Goal(most=10),
        "query beside a writer": Goal(most_p99=5),
        "memory, over the import": Goal(most=150),
        "disk": Goal(most=280),
        "open and first query": Goal(most=0.12),
        "import": Goal(most=0.25),
    },
    1_000_000: {
        "query": Goal(most=1.2, recall=0.97),
        **{f"query, {share}": Goal(most=2, recall=0.95) for share in ("1 %", "50 %")},
        "memory, over the import": Goal(most=1000),
        "open and first query": Goal(most=1),
    },
}
"""By the least number of rows that they are for, and by case."""


def goals(rows: int) -> dict[str, Goal]:
    """Give the goals for so many rows, by case."""
    return GOALS[max(least for least in GOALS if least <= rows)]


def table(results: Results, title: str, wanted: dict[str, Goal]) -> Table:
    """Lay out all cases of all peers, and what is wanted of ours."""
    lines = Table(title=title, caption="p50 / p99, recall@10 by distance in brackets; more than 1 x: ours is better")
    lines.add_column("case")
    lines.add_column("unit")
    others = [name for name in results if name != OURS]
    for name in results:
        lines.add_column(name, justify="right")
    if OURS in results:
        for name in others:
            lines.add_column(f"x {name}", justify="right")
        lines.add_column("wanted", justify="right")
    for case in dict.fromkeys(case for samples in results.values() for case in samples):
        lines.add_row(*_row(case, results, others, wanted.get(case)))
    return lines


def _row(case: str, results: Results, others: list[str], goal: Goal | None) -> list[str]:
    found = {name: samples.get(case) for name, samples in results.items()}
    unit = next(sample.unit for sample in found.values() if sample)
    row = [case, unit, *(cell(sample) for sample in found.values())]
    if OURS in results:
        row += [_against(found[OURS], found[name]) for name in others]
        row.append(_wanted(goal, found[OURS], found.get(CHROMA)))
    return row


def cell(sample: Sample | None) -> str:
    """Write a sample: its median, its 99th percentile if there are enough samples, its recall if it has one."""
    if sample is None:
        return "-"
    text = number(p50(sample))
    if len(sample.samples) >= ENOUGH_FOR_P99:
        text += f" / {number(p99(sample))}"
    if sample.recall is not None:
        text += f" ({sample.recall:.3f})"
    return f"{text}*" if sample.note else text


def p50(sample: Sample) -> float:
    """Give the median."""
    return float(np.median(sample.samples))


def p99(sample: Sample) -> float:
    """Give the 99th percentile."""
    return float(np.percentile(sample.samples, 99))


def times(ours: Sample, theirs: Sample) -> float:
    """Give how many times better ours is, by the medians."""
    if ours.unit in MORE_IS_BETTER:
        return p50(ours) / p50(theirs)
    return p50(theirs) / p50(ours)


def number(value: float) -> str:
    """Write a number with as many digits as one reads."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def notes(results: Results) -> list[str]:
    """Give what the stars in the table mean."""
    return [
        f"* {name}, {sample.case}: {sample.note}"
        for name, samples in results.items()
        for sample in samples.values()
        if sample.note
    ]


def _against(ours: Sample | None, theirs: Sample | None) -> str:
    return "-" if ours is None or theirs is None else f"{number(times(ours, theirs))} x"


def _wanted(goal: Goal | None, ours: Sample | None, theirs: Sample | None) -> str:
    if goal is None or ours is None:
        return "" if goal is None else str(goal)
    return f"[{'green' if goal.reached(ours, theirs) else 'red'}]{goal}[/]"

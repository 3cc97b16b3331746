"""The table: a case a line, percentiles and recall together, each peer beside ours from the same run."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from rich.table import Table

from bench.case import Sample
from bench.peers import OURS

Results: TypeAlias = dict[str, dict[str, Sample]]
"""By peer, then by case in the order of the measurement."""

MORE_IS_BETTER = {"rows/s", "queries/s"}
ENOUGH_FOR_P99 = 50


@dataclass(frozen=True)
class Goal:
    """What we want: so many times better than the peer, at this recall."""

    times: float
    recall: float = 0.0


GOALS = {
    "rows acknowledged": Goal(25),
    "query": Goal(5, 0.97),
    "query, source = EIPs": Goal(40, 0.97),
    "query, year >= 2015 and status = Final": Goal(40, 0.97),
    "query, source != EIPs": Goal(40, 0.97),
}


def table(results: Results, title: str) -> Table:
    """Lay out all cases of all peers."""
    lines = Table(title=title, caption="p50 / p99, recall@10 by distance in brackets; more than 1 x: ours is better")
    lines.add_column("case")
    lines.add_column("unit")
    others = [name for name in results if name != OURS]
    for name in results:
        lines.add_column(name, justify="right")
    if OURS in results:
        for name in others:
            lines.add_column(f"x {name}", justify="right")
        lines.add_column("goal", justify="right")
    for case in dict.fromkeys(case for samples in results.values() for case in samples):
        lines.add_row(*_row(case, results, others))
    return lines


def _row(case: str, results: Results, others: list[str]) -> list[str]:
    found = {name: samples.get(case) for name, samples in results.items()}
    unit = next(sample.unit for sample in found.values() if sample)
    row = [case, unit, *(cell(sample) for sample in found.values())]
    if OURS in results:
        row += [_against(case, found[OURS], found[name]) for name in others]
        row.append(_goal(case))
    return row


def cell(sample: Sample | None) -> str:
    """Write a sample: its median, its 99th percentile if there are enough samples, its recall if it has one."""
    if sample is None:
        return "-"
    text = number(p50(sample))
    if len(sample.samples) >= ENOUGH_FOR_P99:
        text += f" / {number(float(np.percentile(sample.samples, 99)))}"
    if sample.recall is not None:
        text += f" ({sample.recall:.3f})"
    return f"{text}*" if sample.note else text


def p50(sample: Sample) -> float:
    """Give the median."""
    return float(np.median(sample.samples))


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


def reached(case: str, ours: Sample, theirs: Sample) -> bool:
    """Say whether our side of a case is as good as its goal wants; a case without a goal is."""
    goal = GOALS.get(case, Goal(0))
    return times(ours, theirs) >= goal.times and (ours.recall is None or ours.recall >= goal.recall)


def notes(results: Results) -> list[str]:
    """Give what the stars in the table mean."""
    return [
        f"* {name}, {sample.case}: {sample.note}"
        for name, samples in results.items()
        for sample in samples.values()
        if sample.note
    ]


def _against(case: str, ours: Sample | None, theirs: Sample | None) -> str:
    if ours is None or theirs is None:
        return "-"
    text = f"{number(times(ours, theirs))} x"
    if case not in GOALS:
        return text
    return f"[green]{text}[/]" if reached(case, ours, theirs) else f"[red]{text}[/]"


def _goal(case: str) -> str:
    goal = GOALS.get(case)
    if goal is None:
        return ""
    return f"{goal.times:g} x" + (f", {goal.recall:g}" if goal.recall else "")

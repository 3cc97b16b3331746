"""Draw how the cost of a query grows, from results that were kept: `python -m bench.plots FOLDER RESULTS...`.

Writes `query-rows.svg`, `query-k.svg` and `query-dimension.svg`: medians in milliseconds, both axes logarithmic, a line
for each peer that the results know.
"""

import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Point: TypeAlias = tuple[float, float]
Lines: TypeAlias = Mapping[str, Mapping[float, float]]
"""By the name of a line: what it costs by what it depends on."""

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLOURS = ("#c2571a", "#2b6ca3", "#4a8a3c", "#7a4fa3", "#8a6d1f", "#a33b5b", "#4d4d4d")
STEPS = (1, 2, 5)


def main() -> int:
    """Draw into the folder that comes first on the command line what the files after it hold."""
    folder, *files = map(Path, sys.argv[1:])
    samples = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    plots = {
        "rows": gathered(samples, r"query", lambda sample, _: sample["rows"]),
        "k": gathered(samples, r"query, k = (\d+)", lambda _, found: int(found[1])),
        "dimension": gathered(samples, r"query, passages, (\d+), cosine", lambda _, found: int(found[1])),
    }
    for axis, lines in plots.items():
        if any(len(line) > 1 for line in lines.values()):
            (folder / f"query-{axis}.svg").write_text(drawn(lines, axis), encoding="utf-8")
    return 0


def gathered(samples: Iterable[dict[str, Any]], case: str, place: Any) -> Lines:
    """Give the median of the cases of a name, the least where there are several runs."""
    lines: dict[str, dict[float, float]] = defaultdict(dict)
    for sample in samples:
        found = re.fullmatch(case, sample["case"])
        if found:
            at, median = place(sample, found), float(np.median(sample["samples"]))
            lines[sample["peer"]][at] = min(median, lines[sample["peer"]].get(at, math.inf))
    return lines


def drawn(lines: Lines, axis: str) -> str:
    """Draw lines as SVG."""
    across = Scale([at for line in lines.values() for at in line], MARGIN, WIDTH - MARGIN)
    up = Scale([cost for line in lines.values() for cost in line.values()], HEIGHT - MARGIN, MARGIN)
    parts = [*axes(across, up, axis)]
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        points = [(across(at), up(cost)) for at, cost in sorted(line.items())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(text(points[-1][0] + 6, points[-1][1] + 4, name, colour))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 40} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


class Scale:
    """A logarithmic axis from one place on the paper to another."""

    def __init__(self, values: list[float], start: float, stop: float) -> None:
        self.ticks = [tick for tick in ticks() if min(values) / 2.5 < tick < max(values) * 2.5]
        self.least, self.most = min(self.ticks), max(self.ticks)
        self.start, self.stop = start, stop

    def __call__(self, value: float) -> float:
        """Give the place of a value."""
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return self.start + share * (self.stop - self.start)


def ticks() -> list[float]:
    """Give the round numbers of every size."""
    return [step * 10.0**power for power in range(-4, 9) for step in STEPS]


def axes(across: Scale, up: Scale, axis: str) -> Iterable[str]:
    """Draw the lines of the grid with their numbers, and what they mean."""
    for tick in across.ticks:
        x = across(tick)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#ddd"/>'
        yield text(x - 10, HEIGHT - MARGIN + 18, f"{tick:,.0f}")
    for tick in up.ticks:
        y = up(tick)
        yield f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield text(10, y + 4, f"{tick:g}")
    yield text(10, 24, "ms a query, median")
    yield text(WIDTH / 2, HEIGHT - 14, axis)


def text(x: float, y: float, words: str, colour: str = "#333") -> str:
    """Write words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{words}</text>'


if __name__ == "__main__":
    sys.exit(main())

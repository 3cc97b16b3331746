"""Print results that were kept as a table in Markdown: `python -m bench.markdown RESULTS...`.

The README's table is one of these, and so are those in `docs/why/0018`. Medians, recall@10 by distance in brackets,
how many times better ours is than Chroma, and what is wanted. Where several files hold a case of a peer, the last one
counts.
"""

import argparse
import json
import re
from dataclasses import fields
from pathlib import Path

from bench.case import Sample
from bench.peers import OURS
from bench.report import CHROMA, Goal, Results, goals, number, p50, times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.markdown", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="files of bench/results")
    parser.add_argument("--cases", type=re.compile, default=re.compile(""), help="a regular expression")
    parser.add_argument("--rows", type=int, default=50_000, help="of which the results are (default: %(default)s)")
    options = parser.parse_args()
    results: Results = {}
    for file in options.results:
        for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            if line["rows"] == options.rows and options.cases.search(line["case"]):
                sample = Sample(**{field.name: line[field.name] for field in fields(Sample)})
                results.setdefault(line["peer"], {})[sample.case] = sample
    print(markdown(results, goals(options.rows)))


def markdown(results: Results, wanted: dict[str, Goal]) -> str:
    """Lay out all cases of all peers, and what is wanted of ours."""
    ours, theirs = results.get(OURS, {}), results.get(CHROMA, {})
    lines = [["", "unit", *results, f"times {CHROMA}", "wanted"], ["---"] * (len(results) + 4)]
    for case in dict.fromkeys(case for samples in results.values() for case in samples):
        found = [samples.get(case) for samples in results.values()]
        unit = next(sample.unit for sample in found if sample)
        ratio = number(times(ours[case], theirs[case])) if case in ours and case in theirs else ""
        lines.append([case, unit, *map(cell, found), ratio, str(wanted.get(case, ""))])
    return "\n".join("|" + "|".join(f" {text} " if text else " " for text in line) + "|" for line in lines)


def cell(sample: Sample | None) -> str:
    """Write a median, with its recall if it has one."""
    if sample is None:
        return ""
    recall = "" if sample.recall is None else f" ({sample.recall:.3f})".replace("(0.", "(.")
    return number(p50(sample)) + recall


if __name__ == "__main__":
    main()

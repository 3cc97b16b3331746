"""Measure Ochre beside its peers: `python -m bench`.

One process runs at a time. Every peer answers the same questions about the same rows, then its store is removed; every
sample is kept as a line of JSON with the machine, the commit and the versions.
"""

import argparse
import json
import sys
from collections.abc import Collection, Iterator
from compileall import compile_dir
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from bench import report
from bench.case import Sample
from bench.data import HOME, LEAST_ROWS, ROOT
from bench.environment import PeerError, ask
from bench.growth import read_rows
from bench.machine import context
from bench.peers import OTHERS, OURS, USUAL
from bench.truth import make_truth

# Opening comes before the rest, while nothing has read the store; changing comes last, because it spoils it.
QUESTIONS = {"load": 1, "open": 5, "query": 1, "bound": 1, "depth": 1, "fetch": 1, "busy": 1, "change": 1, "cold": 5}
"""How often each question is asked, every time in a fresh process."""
ALONE = {"collections": 1, "shapes": 1}
"""Likewise those that are only asked by name: they have a store and rows of their own."""

WIDTH = 140  # of the table where there is no terminal to fit, as in a log

console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
progress = Console(stderr=True)


def main() -> int:
    """Run the benchmark; give 1 if a peer failed."""
    options, facts = arguments(), context()
    HOME.mkdir(exist_ok=True)
    compile_dir(ROOT / "src", quiet=1)  # as the packages of the peers were when they were installed
    results: report.Results = {name: {} for name in options.peers}
    failures = []
    # Beside the repository's other derived files, not in /tmp, which may be memory and would make a sync free.
    with TemporaryDirectory(prefix="truth-", dir=HOME) as scratch:
        truth = Path(scratch) / "truth.npz"
        make_truth(read_rows(options.rows)).save(truth)
        for name, samples in results.items():
            versions: dict[str, str] = {}
            try:
                for line in answers(name, truth, options.rows, options.questions):
                    take(line, name, versions, samples)
            except PeerError as error:
                failures.append(str(error))
            keep(options.out, name, samples, {"rows": options.rows, **facts, "versions": versions})
    title = f"{options.rows:,} rows, {facts['machine']['cpu']}, commit {facts['commit']}"
    show(results, title, report.goals(options.rows), failures)
    return 1 if failures else 0


def show(results: report.Results, title: str, wanted: dict[str, report.Goal], failures: list[str]) -> None:
    """Print the table, what its stars mean, and who failed."""
    if any(results.values()):
        console.print(report.table(results, title, wanted))
    for note in report.notes(results):
        console.print(note, markup=False)
    for failure in failures:
        progress.print(failure, style="red", markup=False)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Ochre beside its peers.")
    parser.add_argument("--rows", type=int, default=50_000, help="rows to load (default: %(default)s)")
    parser.add_argument("--peers", nargs="+", choices=OTHERS, default=USUAL, help="whom to set beside ours")
    parser.add_argument("--only", choices=["ours", *OTHERS], help="measure one side only")
    parser.add_argument(
        "--questions", nargs="+", choices=[*QUESTIONS, *ALONE], default=QUESTIONS, help="what to ask; all need `load`"
    )
    parser.add_argument("--out", type=Path, help="file for the samples (default: one a run in bench/results)")
    options = parser.parse_args()
    if options.rows < LEAST_ROWS:
        parser.error(f"--rows: {options.rows}, at least {LEAST_ROWS} wanted: the changes at the end take 3,000")
    options.peers = [OURS if options.only == "ours" else options.only] if options.only else [OURS, *options.peers]
    return options


def answers(name: str, truth: Path, rows: int, questions: Collection[str]) -> Iterator[dict[str, Any]]:
    """Put the questions that it can answer to a peer, in a store of its own, and give its lines."""
    able = import_module(f"bench.peers.{name}").Peer.questions & set(questions)
    with TemporaryDirectory(prefix=f"{name}-", dir=HOME) as store:
        for question, repeats in {**QUESTIONS, **ALONE}.items():
            for _ in range(repeats if question in able else 0):
                yield from ask(question, name, Path(store), truth, rows)


def take(line: dict[str, Any], name: str, versions: dict[str, str], samples: dict[str, Sample]) -> None:
    """Add a line to the results; a repeated case adds to its samples."""
    if "versions" in line:
        versions.update(line["versions"])
        return
    sample = Sample(**line)
    known = samples.get(sample.case)
    samples[sample.case] = replace(sample, samples=known.samples + sample.samples) if known else sample
    progress.print(f"[dim]{name}: {sample.case}, {sample.unit}:[/] {report.cell(sample)}", highlight=False)


def keep(out: Path | None, name: str, samples: dict[str, Sample], facts: dict[str, Any]) -> None:
    """Append the samples to a file, a JSON object a case."""
    if not samples:
        return
    if out is None:
        out = ROOT / "bench" / "results" / f"{facts['date'][:16].replace(':', '')}-{facts['commit']}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        for sample in samples.values():
            record = {"peer": name, **asdict(sample), **facts}
            record["samples"] = [round(value, 4) for value in sample.samples]
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"bench: {error}")

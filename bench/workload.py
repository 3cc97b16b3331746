"""Time the cases of one question of one peer: `python -m bench.workload QUESTION PEER STORE TRUTH ROWS`.

It runs unchanged in each peer's environment and needs the standard library, NumPy and the peer. What it finds goes to
standard output, a JSON object a line: the versions first, then the cases as they are measured. Nothing is imported
before the peer that would make the peer's own import look cheaper or its memory look smaller.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from bench.case import Case, Counted, Sample, Session
from bench.memory import resident
from bench.peers import Peer


def main() -> None:
    """Answer the question on the command line: its name, the peer's, then store, truth and the number of rows."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not stand between the lines
    question, *rest = sys.argv[1:]
    for line in answer(question, begin(*rest)):
        print(json.dumps(line), file=lines, flush=True)


def begin(peer: str, store: str, truth: str, rows: str) -> Session:
    """Import the peer, and note what that alone cost."""
    opened = import_module(f"bench.peers.{peer}").Peer
    start = time.perf_counter()
    import_module(opened.module)
    imported = time.perf_counter() - start
    return Session(opened, Path(store), Path(truth), int(rows), imported, resident())


def answer(question: str, session: Session) -> Iterator[dict[str, Any]]:
    """Give the versions, then the samples of the question's cases as they come."""
    yield {"versions": versions(session.peer)}
    for case in import_module(f"bench.questions.{question}").cases(session):
        yield asdict(measure(case))


def measure(case: Case) -> Sample:
    """Make a case's calls and keep every sample."""
    if isinstance(case, Counted):
        return Sample(case.name, case.unit, [case.value], note=case.note)
    samples, answers = [], []
    for call in case.calls:
        start = time.perf_counter()
        answer = call()
        seconds = time.perf_counter() - start
        samples.append(case.per / seconds if case.per else seconds * 1000)
        if case.judge:  # else the answers would stay in memory, which is measured too
            answers.append(answer)
    return Sample(case.name, case.unit, samples, case.judge(answers) if case.judge else None, case.note)


def versions(peer: type[Peer]) -> dict[str, str]:
    """Give the versions of what answers in this process."""
    found = {"python": platform.python_version(), "numpy": metadata.version("numpy")}
    try:
        return {**found, peer.distribution: metadata.version(peer.distribution)}
    except metadata.PackageNotFoundError:  # a source tree on PYTHONPATH
        return {**found, peer.distribution: getattr(import_module(peer.module), "__version__", "source")}


if __name__ == "__main__":
    main()

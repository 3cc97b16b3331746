"""Many processes on one folder: some write, some read, and whoever reads knows what was acknowledged before."""

import os
import time
from pathlib import Path
from random import Random

import numpy as np

from ochredb.core.model import NO_FIELDS, Delete, Floats, Get, NewCollection, Query, Records, Write
from ochredb.core.where import Where, parse
from ochredb.local.engine import LocalEngine
from tests.crash.small import lower_thresholds
from tests.crash.steps import SCOPE

COLLECTION = "crowd"
ROWS, DIMENSION = 20, 16
KEPT = 40
"""Batches that a writer keeps; each new one then takes the place of its oldest."""


def prepare(folder: Path) -> None:
    """Make the database."""
    engine = LocalEngine(folder)
    engine.create_collection(SCOPE, NewCollection(COLLECTION))
    engine.close()


def write(folder: Path, boards: Path, writer: int, seconds: float) -> int:
    """Write batch after batch, say on a board what was acknowledged, and give how many there were."""
    lower_thresholds()
    engine, end, n = LocalEngine(folder), time.monotonic() + seconds, 0
    collection = engine.get_collection(SCOPE, COLLECTION).id
    board = os.open(boards / str(writer), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while time.monotonic() < end:
        engine.write(collection, Write("add", batch(writer, n)))
        os.write(board, f"+{n}\n".encode())
        if n >= KEPT:
            os.write(board, f"-{n - KEPT}\n".encode())  # from here on it may be gone
            assert engine.delete(collection, Delete(where=_of(writer, n - KEPT))) == ROWS
        n += 1
    engine.close()
    return n


def read(folder: Path, boards: Path, seed: int, seconds: float) -> int:
    """Look for what the boards say, in every way, and give how often."""
    lower_thresholds()
    engine, end, looked = LocalEngine(folder), time.monotonic() + seconds, 0
    collection, random = engine.get_collection(SCOPE, COLLECTION).id, Random(seed)
    while time.monotonic() < end:
        posted = [(int(path.name), there) for path in boards.iterdir() if (there := standing(path))]
        if not posted:
            continue
        writer, there = random.choice(posted)
        n = random.choice(sorted(there)[-3:])
        seen = _looked_for(engine, collection, writer, n)
        # Found wanting only if the writer has not begun to remove it meanwhile.
        assert seen == (ROWS, ROWS, ROWS) or n not in standing(boards / str(writer)), (writer, n, seen)
        looked += 1
    engine.close()
    return looked


def standing(board: Path) -> set[int]:
    """Give the batches that were acknowledged and that nobody has begun to remove."""
    lines = board.read_text().split("\n")[:-1]
    return {int(line[1:]) for line in lines if line[0] == "+"} - {int(line[1:]) for line in lines if line[0] == "-"}


def batch(writer: int, n: int) -> Records:
    """Give the n-th batch of a writer."""
    ids = [f"{writer} {n} {row}" for row in range(ROWS)]
    return Records(ids, _vectors(writer, n), [f"text {writer} {n}."] * ROWS, [{"writer": writer, "batch": n}] * ROWS)


def _vectors(writer: int, n: int) -> Floats:
    return np.random.default_rng((writer, n)).standard_normal((ROWS, DIMENSION), np.float32)


def _of(writer: int, n: int) -> Where:
    return parse({"$and": [{"writer": writer}, {"batch": n}]})


def _looked_for(engine: LocalEngine, collection: str, writer: int, n: int) -> tuple[int, int, int]:
    """Count the records of a batch that are found by id, by filter, and by their vectors."""
    ids = [f"{writer} {n} {row}" for row in range(ROWS)]
    by_id = len(engine.get(collection, Get(ids=ids, fields=NO_FIELDS)))
    by_filter = len(engine.get(collection, Get(where=_of(writer, n), fields=NO_FIELDS)))
    hits = engine.query(collection, Query(_vectors(writer, n), 1, fields=NO_FIELDS))
    by_vector = sum(found.ids == [id_] for found, id_ in zip(hits.records, ids, strict=True))
    return by_id, by_filter, by_vector

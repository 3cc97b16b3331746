"""The rows that every peer is measured with, and the filters that are put to them.

Up to 50,000 they are the first of the shared passages: MiniLM embeddings of 384 dimensions, stored as float16 and read
as float32, the text as the document, and `source`, `path`, `chunk`, `year` and `status` as the metadata. More are made
of these, as `growth.py` says.
"""

import gzip
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Metadata: TypeAlias = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench"
"""Environments of the peers, grown rows, truths: all that can be made again."""
SEED = 20
MANY = 1000  # queries that go into one call; the first SINGLES of them are asked one at a time
SINGLES = 300
K = 10
CALL = 1000  # rows in a call that writes
CHANGES = 3  # calls of each kind of change
LEAST_ROWS = 5000  # fewer would not survive the changes
WORD = "asyncio"  # in 0.2 % of the documents


@dataclass(frozen=True)
class Filter:
    """A filter twice: as the peers read it, and as the truth does."""

    where: dict[str, Any]
    allows: Callable[[Metadata], bool]


FILTERS = {
    "source = EIPs": Filter({"source": "EIPs"}, lambda row: row["source"] == "EIPs"),
    "year >= 2015 and status = Final": Filter(
        {"$and": [{"year": {"$gte": 2015}}, {"status": "Final"}]},
        lambda row: row["year"] >= 2015 and row["status"] == "Final",
    ),
    "source != EIPs": Filter({"source": {"$ne": "EIPs"}}, lambda row: row["source"] != "EIPs"),
    "0.1 %": Filter({"chunk": {"$gte": 521}}, lambda row: row["chunk"] >= 521),
    "1 %": Filter({"chunk": {"$gte": 392}}, lambda row: row["chunk"] >= 392),
    "50 %": Filter({"chunk": {"$lt": 50}}, lambda row: row["chunk"] < 50),
    "99 %": Filter({"chunk": {"$gte": 1}}, lambda row: row["chunk"] >= 1),
}
BARE = "no filter"
DELETED = "after the deletes"
CONTAINS = f"document contains {WORD}"


@dataclass(frozen=True)
class Rows:
    """Rows in the order of the collection; the id of row 7 is `p000007`."""

    embeddings: Floats
    documents: list[str]
    metadatas: list[Metadata]

    def __len__(self) -> int:
        return len(self.documents)

    def take(self, rows: Sequence[int] | Labels) -> dict[str, Any]:
        """Give some rows as the keyword arguments of a write."""
        return {
            "ids": [name(row) for row in rows],
            "embeddings": self.embeddings[rows],
            "documents": [self.documents[row] for row in rows],
            "metadatas": [self.metadatas[row] for row in rows],
        }

    def calls(self) -> list[dict[str, Any]]:
        """Give all rows as calls of `CALL`."""
        return [self.take(range(start, min(start + CALL, len(self)))) for start in range(0, len(self), CALL)]


def name(row: int) -> str:
    """Give the id of a row."""
    return f"p{row:06d}"


def home() -> Path:
    """Find the directory of the shared passages.

    Raises:
        FileNotFoundError: It is neither at `OCHRE_BENCH_DATA` nor at `../shared/data` beside the repository.
    """
    given = os.environ.get("OCHRE_BENCH_DATA")
    found = Path(given) if given else ROOT.parent / "shared" / "data"
    missing = [file for file in ("passages.f16.npy", "passages.jsonl.gz") if not (found / file).is_file()]
    if missing:
        place = f"OCHRE_BENCH_DATA={given}" if given else "../shared/data (beside the repository)"
        raise FileNotFoundError(f"{place}: no {' and no '.join(missing)}; set OCHRE_BENCH_DATA to their directory")
    return found


def read_passages(count: int) -> Rows:
    """Read the first of the shared passages; fewer than `count` if there are no more."""
    embeddings = np.load(home() / "passages.f16.npy", mmap_mode="r")[:count].astype(np.float32)
    with gzip.open(home() / "passages.jsonl.gz", "rt", encoding="utf-8") as lines:
        metadatas = [json.loads(line) for line in islice(lines, count)]
    if len(embeddings) != len(metadatas):
        raise ValueError(f"rows: there are {len(embeddings)} embeddings, but {len(metadatas)} passages")
    return Rows(embeddings, [row.pop("text") for row in metadatas], metadatas)

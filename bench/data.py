"""The rows, the queries and the truth that every peer is measured with.

Rows are the first n of the shared passages: MiniLM embeddings of 384 dimensions, stored as float16 and read as float32,
the text as the document, and `source`, `path`, `chunk`, `year` and `status` as the metadata.

Queries never stand in the collection. All rows do, so a query is made of two near rows: draw a row a, draw b from its
1,000 nearest neighbours, mix the unit vectors as w a + (1 - w) b with w from 0.7 to 1.2 (past 1 it points away from b),
normalise, add Gaussian noise of length 0.5, normalise. One generator with a fixed seed draws everything, so the same n
gives the same queries. These numbers were chosen against 500 passages that were truly held out, because a mix between
two close rows is an easy query and flatters every index: at 49,500 rows a FAISS IVF224,PQ192x4fs with 32 and 64 lists,
re-ranking 100, finds .961 and .985 of the neighbours of held-out passages and .963 and .984 of those of made ones; an
HNSW of 16 links with ef 64 and 100 finds .980 and .987, and .985 and .994. Mixes halfway between two of 32 neighbours
gave .983 and .995, .994 and .996.

The truth is by distance, not by id, because the corpus has identical paragraphs: a row counts as found if it passes the
filter and is not farther than the true tenth neighbour within 1e-5, in float64 from the float32 embeddings.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Exact: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Metadata: TypeAlias = dict[str, Any]
Near: TypeAlias = tuple[Labels, Labels]
"""The accepted rows of all queries one after the other, and where each query begins (one more than queries)."""

ROOT = Path(__file__).resolve().parent.parent
SEED = 20
MANY = 1000  # queries that go into one call; the first SINGLES of them are asked one at a time
SINGLES = 300
K = 10
SLACK = 1e-5
NEIGHBOURS = 1000
WEIGHTS = (0.7, 1.2)
NOISE = 0.5
CALL = 1000  # rows in a call that writes
CHANGES = 3  # calls of each kind of change
LEAST_ROWS = 5000  # fewer would not survive the changes
BLOCK = 100  # queries whose distances are in memory at a time


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
}
BARE = "no filter"
DELETED = "after the deletes"


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


def read_rows(count: int) -> Rows:
    """Read the first rows of the shared passages.

    Raises:
        ValueError: There are fewer.
    """
    embeddings = np.load(home() / "passages.f16.npy", mmap_mode="r")[:count].astype(np.float32)
    with gzip.open(home() / "passages.jsonl.gz", "rt", encoding="utf-8") as lines:
        metadatas = [json.loads(line) for line in islice(lines, count)]
    if not count == len(embeddings) == len(metadatas):
        raise ValueError(f"rows: {count} wanted, but there are {len(embeddings)} embeddings, {len(metadatas)} passages")
    return Rows(embeddings, [row.pop("text") for row in metadatas], metadatas)


@dataclass(frozen=True)
class Truth:
    """The queries, and for each of them the rows that count as found.

    Args:
        queries: Unit vectors (MANY, d).
        changed: Rows (CHANGES, CALL) that are upserted, updated and deleted at the end.
        near: By the name of a filter, `BARE` or `DELETED`.
    """

    queries: Floats
    changed: Labels
    near: dict[str, Near]

    def recall(self, case: str, found: Sequence[Sequence[str]]) -> float:
        """Give the share of the K nearest that were found, 0 to 1.

        Args:
            case: A name in `near`.
            found: For the first queries in their order, the ids that came back.

        Source: recall@k by distance as ann-benchmarks counts it, with an absolute slack.
        """
        rows, starts = self.near[case]
        hits = 0
        for i, ids in enumerate(found):
            accepted = {name(row) for row in rows[starts[i] : starts[i + 1]]}
            hits += min(K, len(accepted & set(ids[:K])))
        return hits / (K * len(found))

    def save(self, path: Path) -> None:
        """Write it as an .npz."""
        parts: dict[str, Any] = {f"rows {case}": rows for case, (rows, _) in self.near.items()}
        parts |= {f"starts {case}": starts for case, (_, starts) in self.near.items()}
        np.savez(path, queries=self.queries, changed=self.changed, **parts)

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Read what `save` wrote."""
        with np.load(path) as file:
            near = {case: (file[f"rows {case}"], file[f"starts {case}"]) for case in (BARE, *FILTERS, DELETED)}
            return cls(file["queries"], file["changed"], near)


def make_truth(rows: Rows) -> Truth:
    """Make the queries of these rows and find their neighbours exactly."""
    rng = np.random.default_rng(SEED)
    unit = _normal(rows.embeddings.astype(np.float64))
    queries = _queries(unit, rng).astype(np.float32)
    changed = rng.choice(len(rows), (CHANGES, CALL), replace=False)
    allowed = {BARE: np.ones(len(rows), bool), DELETED: np.ones(len(rows), bool)}
    allowed[DELETED][changed] = False
    for case, filter_ in FILTERS.items():
        allowed[case] = np.array([filter_.allows(row) for row in rows.metadatas])
    return Truth(queries, changed, _near(unit, queries, allowed))


def _queries(unit: Exact, rng: np.random.Generator) -> Exact:
    """Mix pairs of near rows, as the head of this file says."""
    first = rng.choice(len(unit), MANY, replace=False)
    rank = rng.integers(1, NEIGHBOURS + 1, MANY)
    weight = rng.uniform(*WEIGHTS, (MANY, 1))
    noise = rng.standard_normal((MANY, unit.shape[1]))
    second = np.concatenate([_ranked(unit, first[block], rank[block]) for block in _blocks()])
    mixed: Exact = weight * unit[first] + (1 - weight) * unit[second]
    return _normal(_normal(mixed) + NOISE * _normal(noise))


def _ranked(unit: Exact, rows: Labels, rank: Labels) -> Labels:
    """Give for each row the neighbour of a rank, 1 being the nearest."""
    distances = 1 - unit[rows] @ unit.T
    distances[np.arange(len(rows)), rows] = -1  # a row is its own rank 0, before all of its duplicates
    return np.argsort(distances, axis=1, kind="stable")[np.arange(len(rows)), rank]


def _near(unit: Exact, queries: Floats, allowed: dict[str, Mask]) -> dict[str, Near]:
    """Give by case the accepted rows of all queries, flat, and where each query begins."""
    found: dict[str, list[Labels]] = {case: [] for case in allowed}
    for block in _blocks():
        distances = 1 - _normal(queries[block].astype(np.float64)) @ unit.T
        for case, mask in allowed.items():
            kept = np.where(mask, distances, np.inf)
            tenth = np.partition(kept, K - 1, axis=1)[:, K - 1]
            found[case].extend(np.nonzero(row <= limit + SLACK)[0] for row, limit in zip(kept, tenth, strict=True))
    return {
        case: (np.concatenate(rows), np.cumsum([0, *(len(accepted) for accepted in rows)]))
        for case, rows in found.items()
    }


def _normal(vectors: Exact) -> Exact:
    """Scale each row to length 1."""
    scaled: Exact = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _blocks() -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, MANY, BLOCK))

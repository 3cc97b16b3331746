"""The queries, and what they should find.

Queries never stand in the collection. All rows do, so a query is made of two near passages: draw a passage a, draw b
from its 1,000 nearest neighbours, mix the unit vectors as w a + (1 - w) b with w from 0.7 to 1.2 (past 1 it points away
from b), normalise, add Gaussian noise of length 0.5, normalise. One generator with a fixed seed draws everything, so
the same n gives the same queries, and all sizes beyond the passages have the same. These numbers were chosen against
500 passages that were truly held out, because a mix between two close rows is an easy query and flatters every index:
at 49,500 rows a FAISS IVF224,PQ192x4fs with 32 and 64 lists, re-ranking 100, finds .961 and .985 of the neighbours of
held-out passages and .963 and .984 of those of made ones; an HNSW of 16 links with ef 64 and 100 finds .980 and .987,
and .985 and .994. Mixes halfway between two of 32 neighbours gave .983 and .995, .994 and .996.

The truth is by distance, not by id, because the corpus has identical paragraphs: a row counts as found if it passes the
filter and is not farther than the true tenth neighbour within 1e-5, in float64 from the float32 embeddings. Where a
filter keeps fewer than ten rows, all of them are to be found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bench.data import (
    BARE,
    CALL,
    CHANGES,
    CONTAINS,
    DELETED,
    FILTERS,
    MANY,
    SEED,
    WORD,
    Floats,
    K,
    Labels,
    Mask,
    Rows,
    name,
)

Exact: TypeAlias = npt.NDArray[np.float64]
Near: TypeAlias = tuple[Labels, Labels]
"""The accepted rows of all queries one after the other, and where each query begins (one more than queries)."""

PASSAGES = 50_000  # queries are made of so many rows, those that are no mixes themselves
SLACK = 1e-5
NEIGHBOURS = 1000
WEIGHTS = (0.7, 1.2)
NOISE = 0.5
_BLOCK = 100  # queries whose distances are in memory at a time, for _CHUNK rows
_CHUNK = 50_000


@dataclass(frozen=True)
class Truth:
    """The queries, and for each of them the rows that count as found.

    Args:
        queries: Unit vectors (MANY, d).
        changed: Rows (CHANGES, CALL) that are upserted, updated and deleted at the end.
        near: By the name of a filter, `BARE`, `CONTAINS` or `DELETED`.
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
        hits = wanted = 0
        for i, ids in enumerate(found):
            accepted = {name(row) for row in rows[starts[i] : starts[i + 1]]}
            hits += min(K, len(accepted & set(ids[:K])))
            wanted += min(K, len(accepted))
        return hits / wanted

    def save(self, path: Path) -> None:
        """Write it as an .npz."""
        parts: dict[str, Any] = {f"rows {case}": rows for case, (rows, _) in self.near.items()}
        parts |= {f"starts {case}": starts for case, (_, starts) in self.near.items()}
        np.savez(path, queries=self.queries, changed=self.changed, **parts)

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Read what `save` wrote."""
        with np.load(path) as file:
            cases = (BARE, *FILTERS, CONTAINS, DELETED)
            near = {case: (file[f"rows {case}"], file[f"starts {case}"]) for case in cases}
            return cls(file["queries"], file["changed"], near)


def make_truth(rows: Rows) -> Truth:
    """Make the queries of these rows and find their neighbours exactly."""
    rng = np.random.default_rng(SEED)
    queries = _queries(_normal(rows.embeddings[:PASSAGES].astype(np.float64)), rng).astype(np.float32)
    changed = rng.choice(len(rows), (CHANGES, CALL), replace=False)
    return Truth(queries, changed, _near(rows.embeddings, queries, _allowed(rows, changed)))


def _allowed(rows: Rows, changed: Labels) -> dict[str, Mask]:
    """Give by case which rows may be found."""
    allowed = {BARE: np.ones(len(rows), bool), DELETED: np.ones(len(rows), bool)}
    allowed[DELETED][changed] = False
    for case, filter_ in FILTERS.items():
        allowed[case] = np.array([filter_.allows(row) for row in rows.metadatas])
    allowed[CONTAINS] = np.array([WORD in document for document in rows.documents])
    return allowed


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


def _near(embeddings: Floats, queries: Floats, allowed: dict[str, Mask]) -> dict[str, Near]:
    """Give by case the accepted rows of all queries, flat, and where each query begins."""
    found: dict[str, list[list[tuple[Labels, Exact]]]] = {case: [[] for _ in queries] for case in allowed}
    unit = _normal(queries.astype(np.float64))
    for start in range(0, len(embeddings), _CHUNK):
        chunk = _normal(embeddings[start : start + _CHUNK].astype(np.float64))
        for block in _blocks():
            distances = 1 - unit[block] @ chunk.T
            for case, mask in allowed.items():
                some = np.flatnonzero(mask[start : start + _CHUNK])
                kept = distances[:, some]
                for at, row in zip(range(block.start, block.stop), kept, strict=True):
                    near = _nearest(row)
                    found[case][at].append((some[near] + start, row[near]))
    return {case: _joined(parts) for case, parts in found.items()}


def _joined(parts: list[list[tuple[Labels, Exact]]]) -> Near:
    rows = []
    for chunks in parts:
        labels, distances = (np.concatenate(column) for column in zip(*chunks, strict=True))
        rows.append(labels[_nearest(distances)])
    return np.concatenate(rows), np.cumsum([0, *map(len, rows)])


def _nearest(distances: Exact) -> Labels:
    """Give where the K nearest are, and whatever is as near as the last of them."""
    if len(distances) <= K:
        return np.arange(len(distances))
    return np.flatnonzero(distances <= np.partition(distances, K - 1)[K - 1] + SLACK)


def _normal(vectors: Exact) -> Exact:
    """Scale each row to length 1."""
    scaled: Exact = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _blocks() -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, MANY, _BLOCK))

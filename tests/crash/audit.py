"""Whether an engine holds what a ledger says, to the last bit, and finds it."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ochredb.core.engine import Engine
from ochredb.core.model import ALL_FIELDS, NO_FIELDS, CollectionInfo, Floats, Get, Query, Records, Space
from ochredb.core.where import Where
from ochredb.local import check as checking
from ochredb.testing.compare import NEAR, TIE
from ochredb.testing.reference import ReferenceEngine
from tests.crash import steps
from tests.crash.ledger import Told
from tests.crash.steps import FILTERS, SCOPE

Contents: TypeAlias = dict[str, tuple[Any, ...]]
"""By the name of a collection all that there is to it, in a form that `==` compares."""

QUERIES = 6
K = 10
RECALL = 0.8
"""What approximate searches must find; those of all records must find every one."""


def settle_account(engine: Engine, truth: ReferenceEngine, told: Told) -> None:
    """Bring the reference to where the ledger says that the engine is, and find the engine there.

    The call that was under way when the writer died may have happened as a whole or not at all.
    """
    for step in told.done:
        steps.change(truth, step)
    found = contents(engine)
    if told.open is not None and found != contents(truth):
        steps.change(truth, told.open)
    same_contents(found, contents(truth), told)


def contents(engine: Engine) -> Contents:
    """Read everything that an engine holds."""
    return {info.name: _whole(engine, info) for info in engine.list_collections(SCOPE)}


def same_contents(found: Contents, wanted: Contents, told: Told | None = None) -> None:
    """Assert that two engines hold the same, and say which record of which collection is not."""
    if found == wanted:
        return
    lines = [f"collections {sorted(found)}, by the ledger {sorted(wanted)}"]
    for name in sorted(found.keys() & wanted.keys()):
        ours, theirs = found[name], wanted[name]
        if ours != theirs:
            lines.append(f"{name}: {ours[:2]}, by the ledger {theirs[:2]}; {_difference(ours[2], theirs[2])}")
    raise AssertionError("\n".join([*lines, f"under way: {None if told is None else told.open}"]))


def check(folder: Path, deep: bool = True) -> None:
    """Assert that `ochre check` finds nothing wrong; if `deep`, looking at every page, row and view."""
    problems = checking.check(folder, deep).problems
    assert not problems, problems


def search(engine: Engine, truth: ReferenceEngine, seed: int) -> None:
    """Assert that an engine finds what it holds: by vector, by filter, by text, by all of them."""
    random = np.random.default_rng(seed)
    for info in truth.list_collections(SCOPE):
        ours = engine.get_collection(SCOPE, info.name).id
        _find_all(engine, ours, truth, info, random)
        for where in FILTERS:
            _find_filtered(engine, ours, truth, info, where, random)


def _whole(engine: Engine, info: CollectionInfo) -> tuple[Any, ...]:
    records = engine.get(info.id, Get(fields=ALL_FIELDS))
    assert engine.count(info.id) == len(records), f"{info.name} counts {engine.count(info.id)}, holds {len(records)}"
    described = info.space, info.dimension if len(records) else None, repr(info.metadata)
    return described, len(records), dict(zip(records.ids, _rows(records), strict=True)), tuple(records.ids)


def _rows(records: Records) -> list[tuple[Any, ...]]:
    assert records.embeddings is not None
    blobs = [row.tobytes() for row in records.embeddings]
    # Of metadata the text that Python writes of it: it tells 1, 1.0 and True apart.
    texts = map(repr, records.metadatas or [])
    return list(zip(records.documents or [], texts, records.uris or [], blobs, strict=True))


def _difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    other = [id_ for id_ in ours.keys() & theirs.keys() if ours[id_] != theirs[id_]]
    parts = {"lost": theirs.keys() - ours.keys(), "not in the ledger": ours.keys() - theirs.keys(), "changed": other}
    return ", ".join(f"{len(ids)} {what} {sorted(ids)[:5]}" for what, ids in parts.items())


def _find_all(engine: Engine, ours: str, truth: ReferenceEngine, info: CollectionInfo, random: Any) -> None:
    known = truth.get(info.id, Get(fields=frozenset(("embeddings",))))
    if not len(known) or known.embeddings is None:
        return
    drawn = random.standard_normal((QUERIES // 2, known.embeddings.shape[1]), np.float32)
    queries = np.concatenate((drawn, known.embeddings[random.integers(0, len(known), QUERIES // 2)]))
    _near(engine, ours, info.space, known, queries, None)
    found = engine.query(ours, Query(queries[:1], len(known), fields=NO_FIELDS))
    assert set(found.records[0].ids) == set(known.ids), f"{info.name}: a query for all records misses some"
    exact = np.sort(_distances(info.space, known.embeddings, queries[:1])[0])
    np.testing.assert_allclose(found.distances[0], exact, rtol=NEAR, atol=NEAR)


def _find_filtered(
    engine: Engine, ours: str, truth: ReferenceEngine, info: CollectionInfo, where: Where, random: Any
) -> None:
    known = truth.get(info.id, Get(where=where, fields=frozenset(("embeddings",))))
    found = engine.get(ours, Get(where=where, fields=NO_FIELDS))
    assert found.ids == known.ids, f"{info.name}: {where} finds {len(found)} records, by the ledger {len(known)}"
    if len(known) and known.embeddings is not None:
        _near(engine, ours, info.space, known, known.embeddings[random.integers(0, len(known), 2)], where)


def _near(engine: Engine, ours: str, space: Space, known: Records, queries: Floats, where: Where | None) -> None:
    """Assert that the nearest are near: every distance right, every record one of those known, and few of them missed.

    Args:
        engine: That is asked.
        ours: Its id of the collection.
        space: Of it.
        known: The records that may be found, with embeddings.
        queries: float32 (q, d).
        where: What they are filtered by.
    """
    assert known.embeddings is not None
    k = min(K, len(known))
    hits = engine.query(ours, Query(queries, k, where=where, fields=NO_FIELDS))
    exact = _distances(space, known.embeddings, queries)
    place = {id_: at for at, id_ in enumerate(known.ids)}
    right = 0
    for row, (records, distances) in enumerate(zip(hits.records, hits.distances, strict=True)):
        assert len(set(records.ids)) == k, f"{len(set(records.ids))} records instead of {k}, {where}"
        assert set(records.ids) <= place.keys(), f"records that should not be found, {where}"
        true = exact[row, [place[id_] for id_ in records.ids]]
        np.testing.assert_allclose(distances, true, rtol=NEAR, atol=NEAR)
        right += int((true <= np.partition(exact[row], k - 1)[k - 1] + TIE).sum())
    assert right >= RECALL * k * len(queries), f"{right} of {k * len(queries)} nearest records found, {where}"


def _distances(space: Space, rows: Floats, queries: Floats) -> npt.NDArray[np.float64]:
    x, y = queries.astype(np.float64), rows.astype(np.float64)
    if space == "l2":
        return np.square(x[:, None] - y).sum(axis=2)
    if space == "cosine":
        x, y = x / np.linalg.norm(x, axis=1, keepdims=True), y / np.linalg.norm(y, axis=1, keepdims=True)
    return 1.0 - x @ y.T

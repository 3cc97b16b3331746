"""A collection of two thousand rows that is indexed like a large one, against the reference: views never lie."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Delete,
    Floats,
    Get,
    Metadata,
    NewCollection,
    Query,
    Records,
    Scope,
    Space,
    Write,
)
from ochredb.core.where import Contains, Where, parse
from ochredb.local import built, log, vectors
from ochredb.local.engine import LocalEngine
from ochredb.testing.compare import same_records
from ochredb.testing.reference import ReferenceEngine

DIMENSION = 24
SCOPE = Scope()
WHERES: tuple[Where | None, ...] = (
    None,
    None,
    parse({"n": {"$lt": 3}}),
    parse({"n": {"$ne": 3}}),
    parse({"topic": 2}),
    parse({"$or": [{"topic": 1}, {"tags": {"$contains": "x"}}]}),
    Contains("word 7"),
    parse({"nokey": 1}),
)

pytestmark = pytest.mark.usefixtures("small")


class Pair:
    """One collection in two engines: in a folder or in memory, and in the reference."""

    def __init__(self, folder: Path | None, space: Space = "l2", seed: int = 0) -> None:
        self.folder, self.space = folder, space
        self.random, self.rng = Random(seed), np.random.default_rng(seed)
        self.centres = self.rng.standard_normal((30, DIMENSION))
        self.reference, self.engine = ReferenceEngine(), LocalEngine(folder)
        new = NewCollection("views", space)
        self.theirs = self.reference.create_collection(SCOPE, new).id
        self.ours = self.engine.create_collection(SCOPE, new).id
        self.ids: list[str] = []
        self.made = 0

    def rows(self, n: int) -> Floats:
        """Draw vectors in clusters, a few of them equal."""
        rows = self.centres[self.rng.integers(0, 30, n)] + 0.5 * self.rng.standard_normal((n, DIMENSION))
        rows[1::50] = rows[0]
        return rows.astype(np.float32)

    def write(self, write: Write) -> None:
        """Write to both."""
        self.engine.write(self.ours, write)
        self.reference.write(self.theirs, write)

    def add(self, n: int) -> None:
        """Add new records."""
        ids = [f"id {self.made + k}" for k in range(n)]
        metadatas: list[Metadata | None] = [
            {"n": k % 10, "topic": k % 7, "tags": ["x"] if k % 20 == 0 else ["y", "z"]} if k % 11 else None
            for k in range(n)
        ]
        texts: list[str | None] = [f"word {self.random.randrange(12)}." if k % 5 else None for k in range(n)]
        self.write(Write("add", Records(ids, self.rows(n), texts, metadatas)))
        self.made += n
        self.ids += ids

    def update(self, n: int, mode: Any = "update") -> None:
        """Give known records new vectors, metadata or documents."""
        ids = self.random.sample(self.ids, min(n, len(self.ids)))
        columns: dict[str, Any] = {
            "embeddings": self.rows(len(ids)),
            "metadatas": [{"n": self.random.randrange(10), "topic": None} for _ in ids],
            "documents": [f"word {self.random.randrange(12)}, changed" for _ in ids],
        }
        if mode == "update":
            columns = {name: column for name, column in columns.items() if self.random.random() < 0.6}
        else:
            columns["metadatas"] = [{"n": self.random.randrange(10)} for _ in ids]
        self.write(Write(mode, Records(ids, **columns)))

    def delete(self, delete: Delete) -> None:
        """Delete from both."""
        assert self.engine.delete(self.ours, delete) == self.reference.delete(self.theirs, delete)
        self.ids = self.reference.get(self.theirs, Get(fields=NO_FIELDS)).ids

    def check(self, least: float = 0.95, queries: int = 4) -> None:
        """Assert that gets are equal, hits are what they say, and nearly all of the nearest are among them."""
        assert self.engine.count(self.ours) == len(self.ids)
        found = wanted = 0
        for where in WHERES:
            get = Get(where=where, fields=ALL_FIELDS)
            truth = self.reference.get(self.theirs, get)
            same_records(self.engine.get(self.ours, get), truth)
            k = self.random.choice((1, 10, 40))
            query = Query(self.rows(queries), k, where=where, fields=ALL_FIELDS)
            hits, ranking = self.engine.query(self.ours, query), self.reference.query(self.theirs, query)
            for records, distances, best in zip(hits.records, hits.distances, ranking.distances, strict=True):
                assert len(records) == len(set(records.ids)) == min(k, len(truth)), where
                assert set(records.ids) <= set(truth.ids), where
                place = {id_: at for at, id_ in enumerate(truth.ids)}
                same_records(records, truth.take([place[id_] for id_ in records.ids]))
                assert distances == sorted(distances)
                wanted += len(best)
                found += int(np.sum(np.array(distances) <= np.array(best) + 1e-6 + 1e-6 * np.abs(best)))
            self.exact_distances(query, hits)
        assert found >= least * wanted

    def exact_distances(self, query: Query, hits: Any) -> None:
        """Assert that the distances are those of the embeddings that come with them."""
        for vector, records, distances in zip(query.embeddings, hits.records, hits.distances, strict=True):
            x, y = records.embeddings.astype(float), vector.astype(float)
            truth = {
                "l2": ((x - y) ** 2).sum(1),
                "ip": 1 - x @ y,
                "cosine": 1 - x @ y / (np.linalg.norm(x, axis=1) * np.linalg.norm(y)),
            }[self.space]
            np.testing.assert_allclose(distances, truth, rtol=1e-5, atol=1e-5)

    def reopen(self) -> None:
        """Close the engine and open its folder again."""
        self.engine.close()
        self.engine = LocalEngine(self.folder)

    @property
    def built(self) -> bool:
        """Whether the collection is searched by an index."""
        view = self.engine._collections.get(self.ours)
        return view is not None and view.vectors is not None and view.vectors.built is not None

    def views(self) -> Path:
        """Give the folder of the collection's views."""
        assert self.folder is not None
        return self.folder / self.ours


SPACES = pytest.mark.parametrize("space", ["l2", "cosine", "ip"])


@SPACES
@pytest.mark.parametrize(("place", "seed"), [("memory", 1), ("folder", 2)])
def test_random_calls(tmp_path: Path, space: Space, place: str, seed: int) -> None:
    """Whatever is written, changed, deleted, indexed and reopened in whatever order, answers are the reference's."""
    pair = Pair(tmp_path if place == "folder" else None, space, seed)
    pair.add(1500)
    pair.engine.settle()
    assert pair.built
    steps: list[Callable[[], None]] = [
        lambda: pair.add(pair.random.randrange(1, 150)),
        lambda: pair.update(pair.random.randrange(1, 100)),
        lambda: pair.update(pair.random.randrange(1, 100), "upsert"),
        lambda: pair.delete(Delete(ids=pair.random.sample(pair.ids, 40))),
        lambda: pair.delete(Delete(where=parse({"n": 4}), limit=60)),
        lambda: pair.engine.settle(),
        pair.reopen if place == "folder" else lambda: None,
    ]
    for _ in range(8):
        for step in pair.random.choices(steps, k=3):
            step()
        pair.check(queries=2)
    pair.engine.close()


@SPACES
def test_an_index_grows_with_its_collection(tmp_path: Path, space: Space) -> None:
    """From nothing to several times the rows that the index was first trained for, and searched on the way."""
    pair = Pair(tmp_path, space, seed=3)
    for n in (1, 15, 384, 100, 400, 1500):
        pair.add(n)
        pair.check(queries=2)
        pair.engine.settle()
        pair.check(queries=2)
    assert pair.built
    pair.engine.close()


def test_all_are_deleted_and_others_come(tmp_path: Path) -> None:
    """A collection that was emptied is empty to every verb, and takes new records, also across reopening."""
    pair = Pair(tmp_path, seed=4)
    pair.add(900)
    pair.engine.settle()
    for _ in range(2):
        pair.delete(Delete(ids=list(pair.ids)))
        pair.check(queries=1)
        pair.reopen()
        pair.check(queries=1)
        pair.add(700)
        pair.check()
        pair.engine.settle()
        pair.check()
    pair.engine.close()


def test_many_are_deleted(tmp_path: Path) -> None:
    """A view that is mostly dead slots is made anew without them, and answers stay what they were."""
    pair = Pair(tmp_path, seed=5)
    pair.add(2500)
    pair.engine.settle()
    for _ in range(3):
        pair.delete(Delete(ids=pair.random.sample(pair.ids, len(pair.ids) * 2 // 3)))
        pair.check()
        pair.engine.settle()
        pair.check()
        pair.update(30)
        pair.add(30)
        pair.check()
        pair.reopen()
        pair.check()
    assert len(pair.engine._collections[pair.ours].roster) < 2500
    pair.engine.close()


def damage_all(folder: Path, random: Random) -> None:
    del random
    shutil.rmtree(folder)


def damage_one_by_removal(folder: Path, random: Random) -> None:
    random.choice([path for path in folder.iterdir() if path.is_file()]).unlink()


def damage_by_flipping(folder: Path, random: Random) -> None:
    path = random.choice([path for path in folder.iterdir() if path.stat().st_size])
    data = bytearray(path.read_bytes())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def damage_by_truncating(folder: Path, random: Random) -> None:
    path = random.choice([path for path in folder.iterdir() if path.stat().st_size])
    path.write_bytes(path.read_bytes()[: random.randrange(path.stat().st_size)])


def damage_by_noise(folder: Path, random: Random) -> None:
    for path in folder.iterdir():
        path.write_bytes(random.randbytes(path.stat().st_size or 5))


DAMAGES = [damage_all, damage_one_by_removal, damage_by_flipping, damage_by_truncating, damage_by_noise]


@pytest.mark.parametrize("damage", DAMAGES)
def test_views_are_derived(tmp_path: Path, damage: Callable[[Path, Random], None]) -> None:
    """Whatever happens to the files of the views, the answers are those of the truth, and the views come back."""
    pair = Pair(tmp_path, seed=6)
    pair.add(1000)
    pair.engine.query(pair.ours, Query(pair.rows(1), where=Contains("word 7")))
    pair.engine.settle()
    for _ in range(3 if damage in (damage_all, damage_by_noise) else 5):
        pair.engine.close()
        assert (pair.views() / "vectors.json").exists()
        damage(pair.views(), pair.random)
        pair.engine = LocalEngine(tmp_path)
        pair.check(queries=1)
        pair.update(20)
        pair.engine.settle()
        pair.check(queries=1)
        assert pair.built
    pair.engine.close()


def test_a_view_too_far_behind_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log no longer reaches back to what a view has seen, on disk or in memory, the truth is read again."""
    monkeypatch.setattr(log, "KEPT", 8)
    pair = Pair(tmp_path, seed=7)
    pair.add(1000)
    pair.engine.settle()
    for _ in range(2):
        for _ in range(12):
            pair.update(9)
            pair.add(3)
            pair.delete(Delete(ids=pair.random.sample(pair.ids, 4)))
        pair.check()
        pair.engine.settle()
        pair.check()
        other = LocalEngine(tmp_path)
        for _ in range(12):
            write = Write("upsert", Records(["by another", pair.ids[3]], pair.rows(2)))
            other.write(pair.ours, write)
            pair.reference.write(pair.theirs, write)
        other.close()
        pair.ids = pair.reference.get(pair.theirs, Get(fields=NO_FIELDS)).ids
        pair.check()
        pair.reopen()
        pair.check()
    pair.engine.close()


def test_the_writes_of_other_collections_leave_a_view_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index on disk is used again, however much was written elsewhere since, if its own collection is unchanged."""
    monkeypatch.setattr(log, "KEPT", 8)
    pair = Pair(tmp_path, seed=8)
    pair.add(1000)
    pair.engine.settle()
    other = pair.engine.create_collection(SCOPE, NewCollection("other")).id
    pair.engine.close()
    assert (pair.views() / "vectors.json").exists()
    pair.engine = LocalEngine(tmp_path)
    for n in range(20):
        pair.engine.write(other, Write("add", Records([str(n)], pair.rows(1))))
    pair.check()
    assert pair.built
    pair.engine.close()


@SPACES
def test_a_long_tail_is_read_from_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:  # fmt: skip
    """Rows that are not indexed yet and too many to keep are found all the same, changed and deleted ones too."""
    monkeypatch.setattr(vectors, "TAIL_BYTES", 100 * DIMENSION * 4)
    monkeypatch.setattr(built, "_CHUNK", 64)
    pair = Pair(tmp_path, space, seed=9)
    pair.engine._indexer._stopping = True  # nothing is indexed until it is asked for
    pair.add(700)
    pair.check()
    pair.engine._indexer._stopping = False
    pair.engine.settle()
    assert pair.built
    pair.engine._indexer._stopping = True
    pair.add(500)
    pair.update(200)
    pair.delete(Delete(ids=pair.random.sample(pair.ids, 100)))
    view = pair.engine._collections[pair.ours]
    pair.check()
    assert view.vectors is not None
    assert not view.vectors.ready
    pair.engine._indexer._stopping = False
    pair.engine.settle()
    pair.check()
    pair.engine.close()


def test_a_restored_truth_is_believed(tmp_path: Path) -> None:
    """After the file of the truth was put back to an earlier state, views of the later one do not speak for it."""
    pair = Pair(tmp_path / "store", seed=10)
    pair.add(600)
    pair.engine.close()
    backup = tmp_path / "backup"
    shutil.copy(tmp_path / "store" / "ochre.sqlite3", backup)
    later = LocalEngine(tmp_path / "store")
    for n in range(3):
        later.write(pair.ours, Write("add", Records([f"later {n} {k}" for k in range(300)], pair.rows(300))))
    later.settle()
    later.close()
    assert (pair.views() / "vectors.json").exists()
    for path in (tmp_path / "store").glob("ochre.sqlite3*"):
        path.unlink()
    shutil.copy(backup, tmp_path / "store" / "ochre.sqlite3")
    pair.engine = LocalEngine(tmp_path / "store")
    pair.engine._indexer._stopping = True  # no view is read before the truth has gone beyond what they saw
    for _ in range(6):
        pair.delete(Delete(ids=pair.random.sample(pair.ids, 40)))
        pair.add(10)
    pair.check()
    pair.engine.close()


class TestTheCount:
    """As many records come as were asked for and match, however little an index was told to try."""

    def filled(self, effort: int, rows: Floats, metadatas: list[Metadata | None] | None = None) -> tuple[Any, str]:
        """Give an engine with an indexed collection."""
        engine = LocalEngine(None)
        collection = engine.create_collection(SCOPE, NewCollection("count", effort=effort)).id
        ids = [str(n) for n in range(len(rows))]
        engine.write(collection, Write("add", Records(ids, rows, None, metadatas)))
        engine.settle()
        assert engine._collections[collection].vectors.built is not None
        return engine, collection

    @pytest.mark.parametrize(("effort", "k"), [(0, 100), (1, 300), (10, 500), (100, 900), (100, 3000)])
    def test_without_a_filter(self, effort: int, k: int) -> None:
        """As many as were asked for, of thousands, at every effort."""
        rows = np.random.default_rng(0).standard_normal((4000, 32)).astype(np.float32)
        engine, collection = self.filled(effort, rows)
        hits = engine.query(collection, Query(rows[:5], k, fields=NO_FIELDS))
        engine.close()
        assert [len(found) for found in hits.distances] == [k] * 5

    @pytest.mark.parametrize("effort", [1, 10, 100])
    def test_with_a_filter_that_keeps_only_what_is_far(self, effort: int) -> None:
        """They come although all that match are in another corner than the query."""
        rng = np.random.default_rng(1)
        rows = rng.standard_normal((4000, 32)).astype(np.float32)
        rows[3500:] += 20
        engine, collection = self.filled(effort, rows, [{"far": n >= 3500} for n in range(4000)])
        hits = engine.query(collection, Query(rows[:5], 10, where=parse({"far": True}), fields=NO_FIELDS))
        engine.close()
        assert [len(found) for found in hits.distances] == [10] * 5

    @pytest.mark.parametrize("k", [10, 300, 900])
    def test_after_many_were_deleted(self, k: int) -> None:
        """The nearest that are left come, whatever was nearer once."""
        rows = np.random.default_rng(2).standard_normal((2000, 8)).astype(np.float32)
        engine, collection = self.filled(100, rows)
        engine.delete(collection, Delete(ids=[str(n) for n in range(900)]))
        engine.write(collection, Write("update", Records(["900"], rows[900:901])))
        engine.settle()
        query = np.zeros((1, 8), np.float32)
        hits = engine.query(collection, Query(query, k, fields=NO_FIELDS))
        engine.close()
        assert len(hits.distances[0]) == k
        best = np.sort((rows[900:].astype(float) ** 2).sum(1))[:k]
        assert np.sum(np.array(hits.distances[0]) <= best * (1 + 1e-5)) >= 0.95 * k

    @SPACES
    @pytest.mark.parametrize("value", [0, 1])
    def test_of_vectors_that_are_all_alike(self, space: Space, value: int) -> None:
        """They come where all vectors are the same, as placeholders are."""
        engine = LocalEngine(None)
        collection = engine.create_collection(SCOPE, NewCollection("alike", space)).id
        rows = np.full((1000, 40), value, np.float32)
        engine.write(collection, Write("add", Records([str(n) for n in range(1000)], rows)))
        engine.settle()
        hits = engine.query(collection, Query(rows[:2], 10, fields=NO_FIELDS))
        engine.close()
        assert [len(found) for found in hits.distances] == [10, 10]


def share_found(engine: LocalEngine, collection: str, rows: Floats, queries: Floats) -> float:
    hits = engine.query(collection, Query(queries, 10, fields=NO_FIELDS))
    found = 0
    for query, distances in zip(queries, hits.distances, strict=True):
        best = np.sort(((rows.astype(float) - query) ** 2).sum(1))[:10]
        found += int(np.sum(np.array(distances) <= best * (1 + 1e-5) + 1e-6))
    return found / (10 * len(queries))


@pytest.mark.parametrize("at_once", [True, False])
def test_rows_unlike_the_first_are_found(at_once: bool) -> None:
    """What the first rows of a collection are like does not decide how well later, quite different ones are found."""
    rng = np.random.default_rng(11)
    first = rng.standard_normal((800, 32)).astype(np.float32)
    later = (2000 + rng.standard_normal((2200, 32))).astype(np.float32)
    engine = LocalEngine(None)
    collection = engine.create_collection(SCOPE, NewCollection("unlike")).id
    for n, part in enumerate([np.concatenate((first, later))] if at_once else [first, later]):
        engine.write(collection, Write("add", Records([f"{n} {row}" for row in range(len(part))], part)))
        if not at_once:
            engine.settle()
    engine.settle()
    rows = np.concatenate((first, later))
    share = share_found(engine, collection, rows, later[:50] + np.float32(0.1))
    engine.close()
    assert share >= 0.9


def test_records_embedded_anew_are_found() -> None:
    """After every record was given the embedding of another model, the index fits the new ones."""
    rng = np.random.default_rng(12)

    def embeddings(shift: float, scale: float) -> Floats:
        centres = rng.standard_normal((60, 32))
        rows = centres[rng.integers(0, 60, 3000)] + 0.5 * rng.standard_normal((3000, 32))
        return (shift + scale * rows).astype(np.float32)

    engine = LocalEngine(None)
    collection = engine.create_collection(SCOPE, NewCollection("anew")).id
    ids = [str(n) for n in range(3000)]
    for rows in (embeddings(0, 1), embeddings(3, 0.3)):
        engine.write(collection, Write("upsert", Records(ids, rows)))
        engine.settle()
        share = share_found(engine, collection, rows, rows[:50])
    engine.close()
    assert share >= 0.9

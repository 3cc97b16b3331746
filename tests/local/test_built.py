"""The rows that are indexed: how exactly they are kept."""

import math
from pathlib import Path

import numpy as np
import pytest

from ochredb.core.halves import HALF
from ochredb.core.model import NO_FIELDS, Delete, Floats, Metadata, NewCollection, Query, Records, Scope, Space, Write
from ochredb.core.where import parse
from ochredb.index.base import Allowed, Slots
from ochredb.index.exact import score
from ochredb.index.rows import SINGLE
from ochredb.local import built, vectors
from ochredb.local.check import check
from ochredb.local.engine import LocalEngine

SPACES = ("l2", "cosine", "ip")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("space", SPACES)
def test_rows_are_exact_until_they_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space, kind: type[np.floating]
) -> None:
    """A small collection keeps float32 rows, a larger one halves them without a new training; both answer with the
    truth, reopened too.
    """
    monkeypatch.setattr(built, "EXACT_BYTES", 1000 * 32 * 4)
    monkeypatch.setattr(built, "_hardness", lambda _: 1)  # an index that became harder to search would be trained anew
    vectors = np.random.default_rng(3).standard_normal((1300, 32)).astype(kind).astype(np.float32)
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("rows", space)).id
    answers = []
    for start, stop, dtype in ((0, 900, SINGLE), (900, 1300, HALF)):
        ids = [str(n) for n in range(start, stop)]
        engine.write(collection, Write("add", Records(ids, vectors[start:stop])))
        engine.settle()
        view = engine._collections[collection].vectors
        assert view is not None
        assert view.built is not None
        assert (view.built.rows.dtype, view.built.trained) == (dtype, 900)
        assert view.built.rows.exact == (dtype == SINGLE or kind == np.float16)
        hits = engine.query(collection, Query(vectors[:20], 5, fields=NO_FIELDS))
        assert np.isfinite(hits.distances).all()
        answers.append(hits)
    engine.close()
    engine = LocalEngine(tmp_path)
    again = engine.query(collection, Query(vectors[:20], 5, fields=NO_FIELDS))
    engine.close()
    assert [found.ids for found in again.records] == [found.ids for found in answers[-1].records]
    assert again.distances == answers[-1].distances
    if space != "ip":
        assert all(found.ids[0] == str(n) for n, found in enumerate(again.records))


@pytest.mark.usefixtures("small")
def test_rows_that_are_gone_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were many with those that were deleted stay exact, and are not trained anew for each that comes."""
    monkeypatch.setattr(built, "EXACT_BYTES", 1000 * 32 * 4)
    trained: list[int] = []
    train = built.train
    for module in (built, vectors):
        monkeypatch.setattr(module, "train", lambda *given: trained.append(1) or train(*given))
    rows = np.random.default_rng(3).standard_normal((1010, 32)).astype(np.float32)
    ids = [str(n) for n in range(1010)]
    engine = LocalEngine(None)
    collection = engine.create_collection(Scope(), NewCollection("churn", "l2")).id
    engine.write(collection, Write("add", Records(ids[:995], rows[:995])))
    engine.settle()
    engine.delete(collection, Delete(ids=ids[:100]))
    for start, stop in ((995, 1008), (1008, 1009), (1009, 1010)):
        engine.write(collection, Write("add", Records(ids[start:stop], rows[start:stop])))
        engine.settle()
        assert _rows(engine, collection) == (SINGLE, True)
    assert trained == [1]
    engine.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
def test_how_far_to_look_is_measured(tmp_path: Path, space: Space) -> None:
    """Neighbours in clusters are looked for nearby, those of rows drawn at random farther, and this is kept on disk."""
    rng = np.random.default_rng(8)
    centres = rng.standard_normal((8, 32))
    reaches = []
    for name, apart in (("clusters", 0.2), ("random", 20.0)):
        vectors = centres[rng.integers(0, 8, 3000)] + apart * rng.standard_normal((3000, 32))
        engine = LocalEngine(tmp_path)
        collection = engine.create_collection(Scope(), NewCollection(name, space)).id
        records = Records([str(n) for n in range(3000)], (vectors / (1 + apart)).astype(np.float32))
        engine.write(collection, Write("add", records))
        engine.settle()
        reaches.append(_reach(engine, collection))
        assert len(reaches[-1]) == len(built.TRIED_DEPTHS)
        engine.close()
        engine = LocalEngine(tmp_path)
        engine.query(collection, Query(vectors[:1].astype(np.float32), 1, fields=NO_FIELDS))
        assert _reach(engine, collection) == reaches[-1]
        engine.close()
    clusters, random = reaches
    assert clusters[0] < random[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("how", ["add", "upsert", "at once"])
def test_halves_are_exact_while_they_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space, how: str
) -> None:
    """Vectors that were float16 at birth are ranked by their halves; with the first that was not, by the truth."""
    whole = np.random.default_rng(5).standard_normal((1500, 32)).astype(np.float16).astype(np.float32)
    odd = whole[:1] * np.float32(1.0001)
    ids = [str(n) for n in range(1500)]
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("halves", space)).id
    if how == "at once":
        monkeypatch.setattr(built, "lossless", lambda _: True)  # the sample does not show the odd one
        whole[700] = odd
    engine.write(collection, Write("add", Records(ids, whole)))
    engine.settle()
    if how != "at once":
        assert _rows(engine, collection) == (HALF, True)
        engine.close()
        engine = LocalEngine(tmp_path)
        _compare(engine, collection, space, whole)
        assert _rows(engine, collection) == (HALF, True)
        assert not check(tmp_path, deep=True).problems
        if how == "upsert":
            whole[700] = odd
            engine.write(collection, Write("upsert", Records(["700"], odd)))
        else:
            whole = np.concatenate((whole, odd))
            engine.write(collection, Write("add", Records(["1500"], odd)))
        engine.settle()
    assert _rows(engine, collection) == (HALF, False)
    _compare(engine, collection, space, whole)
    engine.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_all_may_go_while_an_index_is_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, dtype: type
) -> None:
    """An index whose rows are all gone when it is to be tried is made all the same, without an error in the log."""
    vectors = np.random.default_rng(13).standard_normal((3000, 8)).astype(dtype).astype(np.float32)
    ids = [str(n) for n in range(3000)]
    engine = LocalEngine(None)
    collection = engine.create_collection(Scope(), NewCollection("gone", "l2")).id
    tried = built._tried

    def try_on_nothing(made: built.Built, job: built.Job) -> built.Built:
        engine.delete(collection, Delete(ids))
        made = tried(made, job)
        assert made.rows.exact == (dtype == np.float16)
        return made

    monkeypatch.setattr(built, "_tried", try_on_nothing)
    engine.write(collection, Write("add", Records(ids, vectors)))
    engine.settle()
    engine.close()
    assert not caplog.records


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", ["l2", "cosine"])
@pytest.mark.parametrize("how", ["at once", "later"])
def test_near_duplicates_are_told_apart(tmp_path: Path, space: Space, how: str) -> None:
    """Rows that half precision does not tell apart are kept in single precision, also if they come later."""
    rng = np.random.default_rng(14)
    vectors = rng.standard_normal((6000, 32)).astype(np.float32)
    count = 6000 if how == "at once" else 4000
    vectors[-count:] = vectors[rng.integers(0, count // 40, count)]
    vectors[-count:] += np.float32(1e-4) * rng.standard_normal((count, 32)).astype(np.float32)
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("twins", space)).id
    for start, stop in ((0, 6000),) if how == "at once" else ((0, 2000), (2000, 6000)):
        records = Records([str(n) for n in range(start, stop)], vectors[start:stop])
        engine.write(collection, Write("add", records))
        engine.settle()
    assert _rows(engine, collection) == (SINGLE, True)
    _find_nearest(engine, collection, space, vectors, vectors[-50:])
    engine.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
def test_a_stray_does_not_hide_what_is_near(tmp_path: Path, space: Space) -> None:
    """However far one row is from all others, it is no measure of what an index must find."""
    vectors = np.random.default_rng(11).standard_normal((3000, 40)).astype(np.float32)
    vectors[7] = 1e15
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("stray", space)).id
    engine.write(collection, Write("add", Records([str(n) for n in range(3000)], vectors)))
    engine.settle()
    _find_nearest(engine, collection, space, vectors, vectors[:50])
    engine.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("factor", [0.0, 0.3, 3, 1e8])
@pytest.mark.parametrize("how", ["add", "upsert"])
def test_a_few_rows_of_another_length_spoil_nothing(tmp_path: Path, space: Space, factor: float, how: str) -> None:
    """Rows that come later, and are shorter or longer than all before, are found, and do not hide the others."""
    rng = np.random.default_rng(12)
    vectors = (rng.standard_normal((3000, 40)) + np.where(np.arange(40) < 3, 3, 0)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("later", space)).id
    engine.write(collection, Write("add", Records([str(n) for n in range(3000)], vectors)))
    engine.settle()
    engine.close()
    engine = LocalEngine(tmp_path)
    odd = vectors[:20] * np.float32(factor)
    if how == "add":
        vectors = np.concatenate((vectors, odd))
        start = 3000
    else:
        vectors[-20:] = odd
        start = 2980
    engine.write(collection, Write("upsert", Records([str(n) for n in range(start, start + 20)], odd)))
    engine.settle()
    _find_nearest(engine, collection, space, vectors, vectors[100:150])
    _find_nearest(engine, collection, space, vectors, odd)
    engine.close()


def _find_nearest(engine: LocalEngine, collection: str, space: Space, vectors: Floats, queries: Floats) -> None:
    """Assert that on average nine in ten of the ten nearest are found."""
    hits = engine.query(collection, Query(queries, 10, fields=NO_FIELDS))
    truth = [np.sort(score(space, query, vectors))[9] for query in queries]
    found = [np.mean(np.array(distances) <= far) for far, distances in zip(truth, hits.distances, strict=True)]
    assert np.mean(found) >= 0.9


def _compare(engine: LocalEngine, collection: str, space: Space, vectors: Floats) -> None:
    """Assert that distances are those of the vectors, to the last bit."""
    queries = np.random.default_rng(6).standard_normal((20, 32)).astype(np.float32)
    hits = engine.query(collection, Query(queries, 5, fields=NO_FIELDS))
    for query, records, distances in zip(queries, hits.records, hits.distances, strict=True):
        assert score(space, query, vectors[[int(id_) for id_ in records.ids]]).tolist() == distances


def _rows(engine: LocalEngine, collection: str) -> tuple[object, bool]:
    view = engine._collections[collection].vectors
    assert view is not None
    assert view.built is not None
    return view.built.rows.dtype, view.built.rows.exact


def _reach(engine: LocalEngine, collection: str) -> tuple[float, ...]:
    view = engine._collections[collection].vectors
    assert view is not None
    assert view.built is not None
    return view.built.reach


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_many_queries_in_one_call_are_many_queries(tmp_path: Path, space: Space, dtype: type) -> None:
    """They are searched at the same time, some of them in all rows, and find what each would find alone."""
    rng = np.random.default_rng(9)
    vectors = rng.standard_normal((2000, 32)).astype(dtype).astype(np.float32)
    metadatas: list[Metadata | None] = [{"n": row % 20} for row in range(2000)]
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("many", space)).id
    engine.write(collection, Write("add", Records([str(n) for n in range(2000)], vectors, None, metadatas)))
    engine.settle()
    assert _rows(engine, collection) == (HALF, dtype == np.float16)
    queries = rng.standard_normal((300, 32)).astype(np.float32)
    for k, where in ((5, None), (30, parse({"n": {"$lt": 4}})), (99, parse({"n": 7}))):
        together = engine.query(collection, Query(queries, k, where=where, fields=NO_FIELDS))
        alone = [engine.query(collection, Query(query[None], k, where=where, fields=NO_FIELDS)) for query in queries]
        assert [found.ids for found in together.records] == [one.records[0].ids for one in alone]
        assert together.distances == [one.distances[0] for one in alone]
    engine.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
def test_every_row_is_covered_once(monkeypatch: pytest.MonkeyPatch, space: Space) -> None:
    """Rows that are read a part at a time, one part ahead, all come into lists and rows; those that came later too."""
    monkeypatch.setattr(built, "_CHUNK", 100)
    vectors = np.random.default_rng(6).standard_normal((1250, 40)).astype(np.float32)

    def job(rows: int) -> built.Job:
        alive = np.arange(rows) % 10 > 0
        return built.Job(alive, np.empty(0, np.int64), lambda slots: (slots, vectors[slots]), lambda: True)

    made = built.train(space, 40, job(820))
    for rows in (820, 1250):
        assert made is not None
        alive = np.flatnonzero(job(rows).alive)
        assert np.array_equal(np.sort(made.ivf.slots), alive)
        np.testing.assert_allclose(made.rows.take(alive), made.ivf.measured(vectors[alive]), rtol=1e-3, atol=1e-5)
        found = made.search(job(rows).read, vectors[alive], 1, Allowed(job(rows).alive), 400)
        assert space == "ip" or np.mean(found.slots[:, 0] == alive) > 0.97
        made = built.extend(made, job(1250), share=0)


class Patience:
    """Says so many times that the work is to go on, and counts how often it is asked."""

    def __init__(self, times: float = math.inf) -> None:
        self.times = times
        self.asked = 0

    def __call__(self) -> bool:
        """Answer as `goes_on`."""
        self.asked += 1
        return self.asked <= self.times


@pytest.mark.usefixtures("small")
def test_nothing_comes_of_an_index_that_is_given_up() -> None:
    """Whenever the work is told to stop, also while the index is being tried: what was measured so far is not kept."""
    vectors = np.random.default_rng(4).standard_normal((1200, 8)).astype(np.float32)

    def read(slots: Slots) -> tuple[Slots, Floats]:
        return slots, vectors[slots]

    def job(rows: int, patience: Patience) -> built.Job:
        return built.Job(np.ones(rows, np.bool_), np.empty(0, np.int64), read, patience)

    endless = Patience()
    old = built.train("l2", 8, job(1000, endless))
    assert old is not None
    for times in range(endless.asked):
        assert built.train("l2", 8, job(1000, Patience(times))) is None
    endless = Patience()
    assert built.extend(old, job(1200, endless), share=0) is not None
    for times in range(endless.asked):
        assert built.extend(old, job(1200, Patience(times)), share=0) is None

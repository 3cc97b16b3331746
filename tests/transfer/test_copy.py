"""A copy holds what its source holds; what is in the target already is met as was asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ochredb.core.engine import Engine
from ochredb.core.errors import (
    DuplicateIDError,
    IDAlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
)
from ochredb.core.model import ALL_FIELDS, Floats, Get, NewCollection, Records, Scope, Write
from ochredb.core.where import Where, matches
from ochredb.local.engine import LocalEngine
from ochredb.testing import strategies
from ochredb.testing.compare import same_info, typed
from ochredb.testing.reference import ReferenceEngine
from ochredb.transfer import copy as copying
from ochredb.transfer.choice import Choice, Chosen
from ochredb.transfer.copy import Manner
from ochredb.transfer.moved import Conflict, Progress
from ochredb.transfer.stored import Stored

EVERYTHING = Get(fields=ALL_FIELDS)


def copy(source: Engine, target: Engine | None, choice: Choice | None = None, **manner: Any) -> Any:
    """Copy a part of one engine into another, and give what became of each collection by its name."""
    read = Stored(source, "source")
    done = copying.copy(Chosen(read, choice) if choice else read, target, "target", Manner(**manner))
    return {moved.name: moved for moved in done.collections}


def contents(engine: Engine) -> dict[tuple[Scope, str], tuple[Any, ...]]:
    """Give all that an engine holds, in a form that `==` compares to the bit and to the type."""
    found = {}
    for tenant in engine.list_tenants():
        for database in engine.list_databases(tenant):
            for info in engine.list_collections(Scope(tenant, database.name)):
                records = engine.get(info.id, EVERYTHING)
                assert records.embeddings is not None
                rows = [row.tobytes() for row in records.embeddings]
                columns = records.ids, rows, records.documents, typed(records.metadatas), records.uris
                found[info.scope, info.name] = tuple(zip(*columns, strict=True))
    return found


def rows(*ids: str, version: int = 0, **columns: Any) -> Records:
    """Give records whose contents are drawn from their ids and a version."""
    embeddings = np.array([[len(id_) + version, sum(map(ord, id_))] for id_ in ids], np.float32)
    given = {
        "documents": [f"{id_} {version}" for id_ in ids],
        "metadatas": [{"version": version, id_: True} for id_ in ids],
        "uris": [None] * len(ids),
    }
    return Records(list(ids), embeddings, **(given | columns))


def holding(*batches: Records, name: str = "books", **more: Any) -> ReferenceEngine:
    """Give an engine with one collection of these records."""
    engine = ReferenceEngine()
    collection = engine.create_collection(Scope(), NewCollection(name, **more)).id
    for batch in batches:
        engine.write(collection, Write("upsert", batch))
    return engine


SCOPES = (Scope(), Scope("default_tenant", "logs"), Scope("acme/../x", "é"))


@settings(max_examples=40)
@given(st.dictionaries(st.tuples(st.sampled_from(SCOPES), st.sampled_from(["a", "b"])), strategies.records()))
def test_a_copy_is_the_same_record_by_record(collections: dict[tuple[Scope, str], Records]) -> None:
    """Through an engine of another kind and back: all tenants and databases, every value, and the order."""
    first, middle, last = LocalEngine(None), ReferenceEngine(), LocalEngine(None)
    for (scope, name), records in collections.items():
        copying._make_scope(first, scope)
        new = NewCollection(name, "ip", 7, {"n": 1}, {"hnsw": {"x": [1.0]}}, {"keys": {}})
        first.write(first.create_collection(scope, new).id, Write("add", records))
    assert sum(moved.written for moved in copy(first, middle).values()) <= sum(map(len, collections.values()))
    copy(middle, last)
    assert contents(last) == contents(first)
    for scope in SCOPES:
        for ours, theirs in zip(last.list_collections(scope), first.list_collections(scope), strict=True):
            same_info(ours, theirs)
    first.close()
    last.close()


def test_a_copy_passes_through_in_batches() -> None:
    """No batch is larger than it may be, and whoever watches is told after each of them."""
    source, target = holding(rows(*(f"{n}" for n in range(2_500)))), ReferenceEngine()
    seen: list[Progress] = []
    copying.copy(Stored(source, "source"), target, "target", Manner(), seen.append)
    assert [(one.rows, one.of) for one in seen] == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]
    assert seen[0].bytes < seen[-1].bytes


OLD, NEW = rows("a", "b", "c"), rows("b", "c", "d", version=1)


def test_an_id_that_is_there_is_an_error_unless_told_otherwise() -> None:
    """The batch is not written, and the text says which id, where, and what to say instead."""
    target = holding(OLD)
    before = contents(target)
    wanted = r"target: collection 'books' has a record with the id 'b' already; .*--on-conflict"
    with pytest.raises(IDAlreadyExistsError, match=wanted):
        copy(holding(NEW), target)
    assert contents(target) == before


def test_skipping_leaves_what_is_there() -> None:
    """Known ids keep their records, and others are added."""
    target = holding(OLD)
    (moved,) = copy(holding(NEW), target, on_conflict="skip").values()
    assert (moved.rows, moved.written, moved.skipped, moved.present) == (3, 1, 2, 0)
    assert contents(target) == contents(holding(OLD, NEW.take([2])))


@settings(max_examples=100)
@given(strategies.records(), strategies.records())
def test_replacing_leaves_nothing_of_what_was_there(old: Records, new: Records) -> None:
    """Records of the source are in the target as in the source; the others of the target are untouched."""
    for target in (holding(old), _local(old)):
        (moved,) = copy(holding(new), target, on_conflict="replace").values()
        assert _by_id(target) == _by_id(holding(old)) | _by_id(holding(new))
        assert moved.written + moved.replaced + moved.present == len(new)
        target.close()


def _local(records: Records) -> Engine:
    engine = LocalEngine(None)
    engine.write(engine.create_collection(Scope(), NewCollection("books")).id, Write("add", records))
    return engine


def _by_id(engine: Engine) -> dict[str, Any]:
    (records,) = contents(engine).values()
    return {record[0]: record for record in records}


@pytest.mark.parametrize("conflict", ["error", "skip", "replace"])
def test_a_second_run_finds_all_there(conflict: Conflict) -> None:
    """What was written by the first run is passed over by one that resumes, and by one that replaces."""
    source, target = holding(OLD), ReferenceEngine()
    copy(source, target)
    before = contents(target)
    (moved,) = copy(source, target, on_conflict=conflict, resume=True).values()
    assert (moved.present, moved.written, moved.replaced, moved.skipped) == (3, 0, 0, 0)
    assert contents(target) == before


def test_resuming_does_not_take_another_record_for_its_own() -> None:
    """An id with another record is an error when resuming, too."""
    target = holding(OLD)
    with pytest.raises(IDAlreadyExistsError, match="has another record with the id 'b'"):
        copy(holding(NEW), target, resume=True)


TWICE = Records(["a", "b", "a"], np.array([[1, 1], [2, 2], [3, 3]], np.float32))


@pytest.mark.parametrize(("conflict", "first"), [("skip", 1.0), ("replace", 3.0)])
def test_an_id_that_comes_twice(conflict: Conflict, first: float) -> None:
    """In one batch, as in two: skipping takes the first of them, replacing the last."""
    for batches in ([TWICE], [TWICE.take([0, 1]), TWICE.take([2])]):
        target = ReferenceEngine()
        done = copying.copy(_Given(batches), target, "target", Manner(on_conflict=conflict)).collections[0]
        assert (done.rows, done.written, done.skipped + done.replaced) == (3, 2, 1)
        assert _by_id(target)["a"][1] == np.array([first, first], np.float32).tobytes()


def test_an_id_that_comes_twice_is_an_error() -> None:
    """The text names the id; nothing of the batch is written."""
    target = ReferenceEngine()
    with pytest.raises(DuplicateIDError, match="given: the id 'a' comes twice in target: collection 'books'"):
        copying.copy(_Given([TWICE]), target, "target", Manner())
    assert contents(target) == {(Scope(), "books"): ()}


class _Given(Stored):
    """A source of one collection that gives these batches."""

    def __init__(self, batches: list[Records]) -> None:
        super().__init__(holding(), "given")
        self._batches = batches

    def records(self, collection: Any, fields: Any = ALL_FIELDS) -> Iterator[Records]:
        del collection, fields
        return iter(self._batches)


def test_a_dry_run_reads_everything_and_writes_nothing() -> None:
    """It counts, finds conflicts in a target that is there, and makes neither tenant nor collection."""
    target = ReferenceEngine()
    (moved,) = copy(holding(NEW), target, dry_run=True).values()
    assert (moved.rows, moved.written) == (3, 3)
    assert contents(target) == {}
    (moved,) = copy(holding(NEW), None, dry_run=True).values()
    assert moved.written == 3
    target = holding(OLD)
    with pytest.raises(IDAlreadyExistsError):
        copy(holding(NEW), target, dry_run=True)
    (moved,) = copy(holding(NEW), target, dry_run=True, on_conflict="replace").values()
    assert (moved.written, moved.replaced) == (1, 2)
    assert contents(target) == contents(holding(OLD))


def test_another_space_or_dimension_is_refused() -> None:
    """Distances would be others: the text names both, and nothing is written."""
    target = holding(OLD, space="l2")
    with pytest.raises(InvalidArgumentError, match="has the space l2, and that of source cosine"):
        copy(holding(NEW, space="cosine"), target)
    wide = Records(["x"], np.zeros((1, 3), np.float32))
    with pytest.raises(InvalidArgumentError, match="embeddings of dimension 2, and source of 3"):
        copy(holding(wide), target)
    assert contents(target) == contents(holding(OLD))


class _Full(LocalEngine):
    """An engine whose disk is full after so many writes."""

    left = 2

    def write(self, collection: str, write: Write) -> None:
        if self.left == 0:
            raise InternalError("disk full")
        self.left -= 1
        super().write(collection, write)


def test_whole_batches_stay_when_a_write_fails_and_resuming_adds_the_rest(tmp_path: Path) -> None:
    """A full disk in the middle: no half batch, and afterwards neither a gap nor a duplicate."""
    source = holding(rows(*(f"{n}" for n in range(3_500))))
    full = _Full(tmp_path)
    with pytest.raises(InternalError, match="disk full"):
        copy(source, full)
    (there,) = contents(full).values()
    assert len(there) == 2_000
    full.left = 100
    (moved,) = copy(source, full, resume=True).values()
    assert (moved.present, moved.written) == (2_000, 1_500)
    assert contents(full) == contents(source)
    full.close()


def _lose(records: Records) -> Records:
    return records.take(range(len(records) - 1))


def _spoil(records: Records) -> Records:
    return replace(records, documents=["other", *(records.documents or [])[1:]])


def _turn(records: Records) -> Records:
    return replace(records, embeddings=None if records.embeddings is None else -records.embeddings)


@pytest.mark.parametrize("wrong", [_lose, _spoil, _turn])
def test_what_is_not_there_as_it_was_written_is_an_error(wrong: Callable[[Records], Records]) -> None:
    """An engine that loses or changes records is noticed, unless nobody looks."""

    class Wrong(ReferenceEngine):
        def write(self, collection: str, write: Write) -> None:
            super().write(collection, replace(write, records=wrong(write.records)))

    with pytest.raises(InternalError, match=r"the record '\w' is not there as it was written"):
        copy(holding(OLD), Wrong())
    copy(holding(OLD), Wrong(), verify=False)


def test_an_engine_that_rounds_is_no_error() -> None:
    """Embeddings that come back but for rounding are the same; the report counts them, also when resuming."""

    class Rounding(ReferenceEngine):
        def write(self, collection: str, write: Write) -> None:
            assert write.records.embeddings is not None
            off = write.records.embeddings * np.float32(1.000001)
            super().write(collection, replace(write, records=replace(write.records, embeddings=off)))

    target = Rounding()
    (moved,) = copy(holding(OLD), target).values()
    assert (moved.written, moved.rounded) == (3, 3)
    (moved,) = copy(holding(OLD), target, resume=True).values()
    assert (moved.present, moved.rounded) == (3, 3)


def _embed(new: NewCollection, documents: list[str]) -> Floats:
    return np.array([[len(text), new.effort] for text in documents], np.float32)


def test_records_without_embeddings_are_embedded() -> None:
    """By the collection's own function; what is there already is not embedded again."""
    calls: list[int] = []

    def embed(new: NewCollection, documents: list[str]) -> Floats:
        calls.append(len(documents))
        return _embed(new, documents)

    source, target = holding(OLD, effort=7), ReferenceEngine()
    (moved,) = copy(source, target, Choice(embeddings=False), embed=embed).values()
    assert moved.written == 3
    assert _by_id(target)["a"][1] == np.array([3, 7], np.float32).tobytes()
    (moved,) = copy(source, target, Choice(embeddings=False), embed=embed, resume=True).values()
    assert (moved.present, calls) == (3, [3])


def test_a_record_with_neither_embedding_nor_document_is_refused() -> None:
    """The text names the record and what it lacks."""
    source = holding(rows("a", "b", documents=["x", None]))
    with pytest.raises(InvalidArgumentError, match="source: record 'b' has no embedding and no document to embed"):
        copy(source, ReferenceEngine(), Choice(embeddings=False), embed=_embed)
    with pytest.raises(InvalidArgumentError, match="source: record 'a' has no embedding"):
        copy(source, ReferenceEngine(), Choice(embeddings=False))


@given(strategies.records(max_size=20), strategies.wheres())
def test_a_filter_takes_what_it_means(records: Records, where: Where) -> None:
    """The records that match, and only those, with all that they have."""
    target = ReferenceEngine()
    copy(holding(records), target, Choice(where=where))
    wanted = [
        id_
        for id_, metadata, document in zip(records.ids, records.metadatas or [], records.documents or [], strict=True)
        if matches(where, metadata, document)
    ]
    (there,) = contents(target).values()
    assert [record[0] for record in there] == wanted
    assert dict(_by_id(target)).items() <= _by_id(holding(records)).items()


def test_collections_are_chosen_by_pattern_tenant_and_database() -> None:
    """A glob, a tenant and a database narrow together; nothing at all is an error that says what there is."""
    source = ReferenceEngine()
    for scope in SCOPES:
        copying._make_scope(source, scope)
        for name in ("docs-a", "docs-b", "logs"):
            source.create_collection(scope, NewCollection(name))

    def taken(**choice: Any) -> list[tuple[str, str]]:
        found = Chosen(Stored(source, "source"), Choice(**choice)).collections()
        return [(one.scope.database, one.new.name) for one in found]

    assert len(taken()) == 9
    assert taken(collections=("docs-*",), database="logs") == [("logs", "docs-a"), ("logs", "docs-b")]
    assert taken(tenant="acme/../x", collections=("logs", "docs-b")) == [("é", "docs-b"), ("é", "logs")]
    with pytest.raises(NotFoundError, match="none of its 9 collections was chosen; there are docs-a, docs-b, logs"):
        taken(collections=("Docs-*",))

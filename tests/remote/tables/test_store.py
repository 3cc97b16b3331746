"""What happens when calls fail, when several write at once, and when a call is larger than the engine takes."""

import itertools
import random
import threading
from collections import Counter

import numpy as np
import pytest

from ochredb.core.errors import CorruptError, NotFoundError, NotSupported, PartlyWrittenError, UnreachableError
from ochredb.core.model import NO_FIELDS, Change, Get, Metadata, NewCollection, Query, Records, Scope, Write
from ochredb.core.where import parse_document
from ochredb.remote.tables.engine import TableEngine, table_of
from ochredb.remote.tables.rows import key_of, pieces
from ochredb.remote.tables.store import REST
from ochredb.testing.contract.stage import EVERYTHING, ids, make, metadata, put, vectors
from tests.remote.tables.memory import Memory


def test_calls_that_fail_are_made_again() -> None:
    """While every third call fails, all verbs do what they do."""
    chance = random.Random(3)
    engine = TableEngine(Memory(lambda _: chance.random() < 0.33))
    collection = make(engine)
    names = [str(n) for n in range(40)]
    put(engine, collection, names, documents=["long " * 20] * 40)
    put(engine, collection, names[:20], "upsert", metadatas=[{"n": n} for n in range(20)])
    assert engine.get(collection, Get()).documents == ["long " * 20] * 40
    assert len(engine.query(collection, Query(vectors([1, 0, 0]), k=40)).records[0]) == 40
    engine.close()


def test_an_engine_that_stays_away() -> None:
    """The error comes when the wait is over, and says what failed."""
    gone = threading.Event()
    engine = TableEngine(Memory(lambda _: gone.is_set()), wait=0.1)
    collection = make(engine)
    put(engine, collection, ["a"])
    gone.set()
    for verb in (lambda: engine.count(collection), lambda: put(engine, collection, ["b"])):
        with pytest.raises(UnreachableError, match=r"memory: .* fails"):
            verb()
    gone.clear()
    assert ids(engine, collection) == ["a"]
    engine.close()


def test_a_write_of_which_parts_fail() -> None:
    """The error names the ids that are in and those that are not, and it is true; written again, all are there once."""
    upserts = itertools.count()
    broken = threading.Event()
    engine = TableEngine(
        Memory(lambda call: broken.is_set() and call == "upsert" and next(upserts) % 2 == 0), wait=0.01
    )
    collection = make(engine)
    put(engine, collection, ["first"])
    names = [str(n) for n in range(12)]
    broken.set()
    with pytest.raises(PartlyWrittenError, match=r"records were not acknowledged \(memory: upsert fails\)") as failed:
        put(engine, collection, names)
    broken.clear()
    assert failed.value.written
    assert failed.value.missing
    assert sorted(failed.value.written + failed.value.missing) == sorted(names)
    assert sorted(ids(engine, collection)) == sorted(["first", *failed.value.written])
    put(engine, collection, names)
    assert Counter(ids(engine, collection)) == Counter(["first", *names])
    engine.close()


def test_a_write_whose_documents_fail() -> None:
    """When the pieces of a long document cannot be written, nothing else is."""
    broken = threading.Event()
    engine = TableEngine(Memory(lambda call: broken.is_set() and call == "upsert"), wait=0.01)
    collection = make(engine)
    put(engine, collection, ["first"])
    broken.set()
    with pytest.raises(UnreachableError, match=r"^memory: upsert fails$"):
        put(engine, collection, [str(n) for n in range(12)], documents=["é" * 200] * 12)
    broken.clear()
    assert ids(engine, collection) == ["first"]
    engine.close()


def test_two_engines_on_one_backend() -> None:
    """What one acknowledged the other finds: records, collections, their names, and that they are gone."""
    memory = Memory()
    one, other = TableEngine(memory), TableEngine(memory)
    collection = make(one, name="c")
    put(one, collection, ["a"])
    assert ids(other, other.get_collection(Scope(), "c").id) == ["a"]
    put(other, collection, ["b"])
    assert ids(one, collection) == ["a", "b"]
    other.modify_collection(collection, Change(name="renamed"))
    assert one.get_collection(Scope(), "renamed").id == collection
    other.delete_collection(Scope(), "renamed")
    for verb in (lambda: ids(one, collection), lambda: put(one, collection, ["x"]), lambda: one.count(collection)):
        with pytest.raises(NotFoundError, match=rf"Collection \[{collection}\] does not exist"):
            verb()


def test_a_collection_that_two_create_at_once() -> None:
    """Both are given the same collection, so that neither writes into one that nobody finds."""
    barrier = threading.Barrier(2)
    memory = Memory()
    engines = [TableEngine(memory), TableEngine(memory)]
    found: list[str] = []

    def create(engine: TableEngine) -> None:
        barrier.wait()
        found.append(engine.create_collection(Scope(), NewCollection("same"), exist_ok=True).id)

    threads = [threading.Thread(target=create, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert engines[0].get_collection(Scope(), "same").id == found[0]


def test_threads_that_change_one_record() -> None:
    """Merging changes of one id by many threads of a process are all kept."""
    engine = TableEngine(Memory())
    collection = make(engine)
    put(engine, collection, ["a"])

    def change(n: int) -> None:
        put(engine, collection, ["a", f"own {n}"], "upsert", metadatas=[{f"k{n}": n}, None])

    threads = [threading.Thread(target=change, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metadata(engine, collection, "a") == {f"k{n}": n for n in range(16)}
    assert engine.count(collection) == 17
    engine.close()


def test_threads_that_write_first() -> None:
    """Of many first writes at once, each adds its records, and none takes another's away."""
    engine = TableEngine(Memory())
    collection = make(engine)
    threads = [threading.Thread(target=put, args=(engine, collection, ["same", str(n)])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(engine, collection)) == sorted(["same", *map(str, range(8))])
    engine.close()


def test_pieces_of_documents_leave_with_them() -> None:
    """Nothing is left of a long document that was replaced, or whose record or collection was removed."""
    memory = Memory()
    engine = TableEngine(memory)
    collection = make(engine, name="c")
    rest = table_of(collection) + REST
    put(engine, collection, ["a", "b"], documents=["é" * 90, None])
    assert memory.count(rest) == len(pieces("é" * 90, 40)) - 1
    put(engine, collection, ["a"], "update", documents=["ü" * 200])
    assert memory.count(rest) == len(pieces("ü" * 200, 40)) - 1
    assert engine.get(collection, EVERYTHING).documents == ["ü" * 200, None]
    assert ids(engine, collection, parse_document({"$contains": "ü" * 150})) == ["a"]
    put(engine, collection, ["a"], "update", documents=["short"])
    assert memory.count(rest) == 0
    engine.delete_collection(Scope(), "c")
    assert rest not in memory.tables()
    engine.close()


def test_a_document_that_lost_a_piece() -> None:
    """It is refused by name, not given in part."""
    memory = Memory()
    engine = TableEngine(memory)
    collection = make(engine)
    put(engine, collection, ["a"], documents=["é" * 90])
    rest = table_of(collection) + REST
    memory.delete(rest, [memory.page(rest, None, -1)[0].key])
    with pytest.raises(CorruptError, match="the document of record 'a' is not whole"):
        engine.get(collection, Get())
    assert engine.get(collection, Get(fields=NO_FIELDS)).ids == ["a"]
    engine.close()


def test_what_is_too_large_is_refused() -> None:
    """Ids and metadata beyond a limit, dimensions beyond it and too many neighbours raise NotSupported, by name."""
    engine = TableEngine(Memory())
    collection = make(engine)
    put(engine, collection, ["a"])
    wide: Metadata = {str(n): n for n in range(200)}
    for name, columns in (("x" * 9001, {}), ("b", {"metadatas": [wide]})):
        with pytest.raises(NotSupported, match="memory does not take records with more than"):
            put(engine, collection, [name], **columns)
    with pytest.raises(NotSupported, match="memory does not take embeddings of more than 64 dimensions, got 65"):
        engine.write(make(engine), Write("add", Records(["a"], np.ones((1, 65), np.float32))))
    new = make(engine)
    with pytest.raises(NotSupported, match="memory does not take records with more than"):
        put(engine, new, ["x" * 9001])
    assert engine.get_collection_by_id(new).dimension is None
    assert ids(engine, collection) == ["a"]
    assert engine.query(collection, Query(vectors([1, 0, 0]), k=20_000)).records[0].ids == ["a"]
    engine.close()


def test_pieces_are_whole_characters() -> None:
    """A text is cut between characters, and its pieces are the text."""
    text = "aé東🦆" * 9
    for size in range(4, 20):
        cut = pieces(text, size)
        assert "".join(cut) == text
        assert all(0 < len(piece.encode()) <= size for piece in cut)


def test_keys_tell_names_apart() -> None:
    """Names that are joined alike have different keys, and one name has one key for good."""
    assert key_of("a", "bc") != key_of("ab", "c")
    assert key_of("a") == "f53b3155-b302-582e-996b-7645b7b614b1"

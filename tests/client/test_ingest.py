"""Many records into a collection: tables, frames, generators, files; and what happens when something fails."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import ochredb
from ochredb.embed.protocol import Documents, EmbeddingFunction, Embeddings
from ochredb.errors import (
    BusyError,
    DuplicateIDError,
    InternalError,
    InvalidArgumentError,
    ServiceError,
    UnwrittenError,
)
from ochredb.transfer.pipeline import Pipeline
from tests.crash.children import needs_fork

SOURCE = Path(__file__).parents[2] / "src"
ROWS = [
    {"id": f"r{n}", "text": f"text {n}", "n": n if n % 2 else None, "embedding": [float(n), 1.0]} for n in range(10)
]


class Paid(EmbeddingFunction[Documents]):
    """Counts what it embeds, and fails as often as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        self.texts: list[str] = []
        self.errors = list(errors)

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Give the length."""
        if self.errors:
            raise self.errors.pop(0)
        self.texts += input
        return [[len(text), 1.0] for text in input]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two further attempts at once."""
    monkeypatch.setattr(Pipeline, "pauses", (0.0, 0.0))


@pytest.fixture
def empty(client: ochredb.ClientAPI) -> ochredb.Collection:
    """Give a collection without records and without an embedding function."""
    return client.create_collection("empty", embedding_function=None)


def embedded_by(client: ochredb.ClientAPI, function: Paid) -> ochredb.Collection:
    """Give an empty collection with an embedding function that it cannot remember."""
    client.create_collection("paid", embedding_function=None)
    return client.get_collection("paid", embedding_function=function)


def texts(count: int, start: int = 0) -> Iterator[dict[str, Any]]:
    """Give rows that are to be embedded."""
    return ({"id": f"t{n}", "document": f"text {n}", "n": n} for n in range(start, count))


def content(collection: ochredb.Collection) -> list[tuple[Any, ...]]:
    """Give all that a collection holds."""
    found: Any = collection.get(include=["documents", "metadatas", "embeddings"])
    return list(zip(found["ids"], found["documents"], found["metadatas"], found["embeddings"].tolist(), strict=True))


WANTED = [(r["id"], r["text"], {"n": r["n"]} if r["n"] is not None else None, r["embedding"]) for r in ROWS]
TABLES = {
    "arrow": lambda: pa.Table.from_pylist(ROWS),
    "pandas": lambda: pd.DataFrame(ROWS).astype({"n": "Int64"}),
    "polars": lambda: pl.DataFrame(ROWS),
    "generator": lambda: iter(ROWS),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_added_in_one_call(kind: str, empty: ochredb.Collection) -> None:
    """Whatever library it is of, `add` makes the same records of it, and so does `ingest`, batch by batch."""
    empty.add(TABLES[kind]())
    assert content(empty) == WANTED
    other = empty._client.create_collection("other", embedding_function=None)
    assert ochredb.ingest(other, TABLES[kind](), batch=3).rows == 10
    assert content(other) == WANTED


def test_a_parquet_file_is_added_in_one_call(tmp_path: Path, empty: ochredb.Collection) -> None:
    """By its path; `ingest` takes it as text, too."""
    file = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), file, row_group_size=4)
    empty.add(file)
    assert content(empty) == WANTED
    empty.delete(ids=[row[0] for row in WANTED])
    assert ochredb.ingest(empty, str(file), batch=3) == ochredb.ingest(empty, file, mode="upsert", batch=100)
    assert sorted(content(empty)) == sorted(WANTED)


def test_tables_upsert_and_update(empty: ochredb.Collection) -> None:
    """A null is a column that says nothing, so that what is stored stays."""
    empty.upsert(pa.Table.from_pylist(ROWS[:2]))
    empty.upsert(pa.table({"id": ["r1", "new"], "vector": [[7.0, 7.0]] * 2, "n": [None, 3]}))
    empty.update(pd.DataFrame({"id": ["r0", "absent"], "n": [5, 6]}))
    assert content(empty) == [
        ("r0", "text 0", {"n": 5}, [0, 1]),
        ("r1", "text 1", {"n": 1}, [7, 7]),
        ("new", None, {"n": 3}, [7, 7]),
    ]


def test_columns_of_other_libraries_are_columns(empty: ochredb.Collection) -> None:
    """Each argument may be an array of Arrow's, a series, or a generator."""
    frame = pl.DataFrame(ROWS)
    empty.add(
        ids=pd.Series(frame["id"].to_list()),  # type: ignore[arg-type] # for the checker they are lists
        documents=(text for text in frame["text"]),  # type: ignore[arg-type] # likewise
        embeddings=frame["embedding"].to_arrow(),
        metadatas=[{"n": n} if n is not None else None for n in frame["n"]],
    )
    assert content(empty) == WANTED
    found = empty.query(query_embeddings=frame["embedding"][3:4], n_results=1)
    assert found["ids"] == [["r3"]]


@pytest.mark.parametrize(
    ("row", "error", "told"),
    [
        ({"id": "r1", "embedding": [1, 1]}, DuplicateIDError, "duplicates of: r1"),
        ({"id": 1.5, "embedding": [1, 1]}, ValueError, r"got 1\.5 at ids\[10\]"),
        ({"id": "x", "embedding": [1]}, InvalidArgumentError, "Inconsistent dimensions"),
        ({"id": "x", "embedding": [1, float("nan")]}, InvalidArgumentError, r"embeddings\[10\]\[1\] is nan"),
        ({"id": "x"}, ValueError, "embedding"),
        ({"id": "x", "embedding": [1, 1], "at": {"a": 1}}, ValueError, r"metadatas\[10\]"),
    ],
)
def test_a_bad_row_of_a_table_changes_nothing(row: Any, error: Any, told: str, empty: ochredb.Collection) -> None:
    """`add` takes all of a table or nothing, and names the row."""
    with pytest.raises(error, match=told):
        empty.add(iter([*ROWS, row]))
    assert empty.count() == 0


def test_a_bad_row_of_a_source_stops_it_there(empty: ochredb.Collection) -> None:
    """The batches before it are written, and the error says which rows it is among."""
    with pytest.raises(InvalidArgumentError, match="among rows 10 to 11 of the source"):
        ochredb.ingest(empty, [*ROWS, {"id": "x", "embedding": [1]}], batch=3)
    assert empty.count() == 9


def test_a_generator_is_read_as_it_is_needed(empty: ochredb.Collection) -> None:
    """Of any number of rows only some batches are in memory: no more than are embedded ahead, and one that is read."""
    read: list[int] = []

    def many() -> Iterator[dict[str, Any]]:
        for n in range(1000):
            assert n - empty.count() <= 10 * (4 + 2)
            read.append(n)
            yield {"id": str(n), "embedding": [n, 0]}

    told: list[tuple[int, int | None]] = []
    assert ochredb.ingest(empty, many(), batch=10, progress=lambda done, of: told.append((done, of))).rows == 1000
    assert empty.count() == len(read) == 1000
    assert told == [(done, None) for done in range(10, 1001, 10)]


def test_progress_knows_how_long_a_table_is(empty: ochredb.Collection, capfd: pytest.CaptureFixture[str]) -> None:
    """A bar is for terminals, and a function is told how many rows there are."""
    told: list[tuple[int, int | None]] = []
    ochredb.ingest(empty, pa.Table.from_pylist(ROWS), batch=4, progress=lambda done, of: told.append((done, of)))
    assert told == [(4, 10), (8, 10), (10, 10)]
    ochredb.ingest(empty, pa.Table.from_pylist(ROWS), progress=True)
    assert capfd.readouterr() == ("", "")


def test_what_is_known_is_not_paid_again(client: ochredb.ClientAPI) -> None:
    """A second run embeds only what the first did not get to."""
    paid = Paid()
    collection = embedded_by(client, paid)
    assert ochredb.ingest(collection, texts(5), batch=2).known == 0
    done = ochredb.ingest(collection, texts(9), batch=2)
    assert (done.rows, done.known, collection.count()) == (9, 5, 9)
    assert sorted(paid.texts) == [f"text {n}" for n in range(9)]
    ochredb.ingest(collection, texts(9), mode="upsert")
    assert len(paid.texts) == 18


def test_a_failure_of_the_service_that_passes_is_not_seen(client: ochredb.ClientAPI) -> None:
    """It is asked again, and nothing is lost or embedded twice."""
    paid = Paid(ServiceError("answered 500"), ConnectionError("refused"))
    collection = embedded_by(client, paid)
    ochredb.ingest(collection, texts(5), batch=2)
    assert (collection.count(), len(paid.texts)) == (5, 5)


def test_a_failure_of_the_service_that_stays_is_raised(client: ochredb.ClientAPI) -> None:
    """What was embedded is written, and the next run pays for the rest only."""
    paid = Paid()
    collection = embedded_by(client, paid)
    ochredb.ingest(collection, texts(4), batch=2)
    paid.errors = [ServiceError("answered 500")] * 3
    with pytest.raises(ServiceError, match="answered 500"):
        ochredb.ingest(collection, texts(9), batch=2)
    ochredb.ingest(collection, texts(9), batch=2)
    assert collection.count() == 9
    assert sorted(paid.texts) == [f"text {n}" for n in range(9)]


@pytest.mark.parametrize("error", [BusyError("process 7 holds the lock"), InternalError("database or disk is full")])
def test_embeddings_outlive_an_engine_that_fails(
    client: ochredb.ClientAPI, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """They are in the error, and `ingest` takes them from there without paying again."""
    paid = Paid()
    collection = embedded_by(client, paid)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(collection._engine, "write", fail)
        with pytest.raises(UnwrittenError, match=str(error)) as caught:
            ochredb.ingest(collection, texts(20), batch=2)
    assert collection.count() == 0
    embedded = len(paid.texts)
    assert ochredb.ingest(collection, caught.value.records).rows == embedded
    assert collection.count() == embedded == len(paid.texts)
    ochredb.ingest(collection, texts(20), batch=2)
    assert collection.count() == len(paid.texts) == 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"mode": "insert"}, "mode: expected one of add, upsert, update, got 'insert'"),
        ({"batch": 0}, "batch: expected a whole number of at least 1, got 0"),
        ({"workers": True}, "workers: expected"),
        ({"columns": {"sku": "id"}}, "Expected columns of id, document"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments: Any, told: str, empty: ochredb.Collection) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=told):
        ochredb.ingest(empty, iter(ROWS), **arguments)
    assert empty.count() == 0


def test_an_asynchronous_collection_is_refused(tmp_path: Path) -> None:
    """It has an event loop, and `ingest` blocks."""

    async def try_it() -> None:
        client = await ochredb.AsyncPersistentClient(tmp_path / "db")
        collection: Any = await client.create_collection("rows", embedding_function=None)
        await collection.add(pa.Table.from_pylist(ROWS))
        assert await collection.count() == 10
        with pytest.raises(TypeError, match="of a client that blocks, got a AsyncCollection"):
            ochredb.ingest(collection, iter(ROWS))
        await client.close()

    asyncio.run(try_it())


CHILD = """
import os, sys, time
import ochredb
from ochredb.embed.protocol import EmbeddingFunction

class Slow(EmbeddingFunction):
    def __call__(self, input):
        time.sleep(0.002)
        print(len(input), flush=True)
        return [[len(text), 1.0] for text in input]

with ochredb.PersistentClient("db") as client:
    client.get_or_create_collection("rows", embedding_function=None)
    collection = client.get_collection("rows", embedding_function=Slow())
    rows = ({"id": f"t{n}", "document": f"text {n}"} for n in range(600))
    print(ochredb.ingest(collection, rows, batch=10).rows)
"""


@needs_fork
def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    """No record is missing and none is there twice, and hardly a text is embedded again."""
    paid, code = 0, None
    for kill_after in (3, 20, 9, None):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            for count, line in enumerate(child.stdout, 1):
                paid += int(line) if int(line) <= 10 else 0
                if count == kill_after:
                    child.send_signal(signal.SIGKILL)
        code = child.returncode
        assert code == (0 if kill_after is None else -signal.SIGKILL)
    with ochredb.PersistentClient(tmp_path / "db") as client:
        ids = client.get_collection("rows", embedding_function=None).get(include=[])["ids"]
    assert sorted(ids) == sorted(f"t{n}" for n in range(600))
    assert 600 <= paid <= 600 + 3 * 10 * 6  # at most what was in the pipeline at each kill
    assert np.unique(ids).size == 600

"""Folders of text, and files of rows, kept up in a collection."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ochredb
from ochredb.client.documents import Filed, ingest_files
from ochredb.errors import InvalidArgumentError, NotFoundError, UnwrittenError
from ochredb.transfer.pipeline import Pipeline
from tests.crash.children import needs_fork

SOURCE = Path(__file__).parents[2] / "src"
Docs = dict[str, str]


class Paid:
    """An embedding function that keeps what it embedded."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, input: list[str]) -> Any:  # noqa: A002 - the name is the contract
        """Give the length."""
        self.texts += input
        return [[float(len(text)), 1.0] for text in input]


@pytest.fixture
def paid() -> Paid:
    """Give an embedding function that has embedded nothing yet."""
    return Paid()


@pytest.fixture
def collection(client: ochredb.ClientAPI, paid: Paid) -> ochredb.Collection:
    """Give an empty collection with that function."""
    client.create_collection("docs", embedding_function=None)
    return client.get_collection("docs", embedding_function=paid)


def write(folder: Path, docs: Docs) -> Path:
    """Let a folder `docs` hold these files and no others."""
    root = folder / "docs"
    shutil.rmtree(root, ignore_errors=True)
    for name, text in docs.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    root.mkdir(exist_ok=True)
    return root


def held(collection: ochredb.Collection) -> dict[str, str]:
    """Give the documents of a collection by their ids."""
    found = collection.get(include=["documents"])
    return dict(zip(found["ids"], found["documents"] or [], strict=True))


def counts(filed: Filed) -> tuple[int, ...]:
    """Give new, changed and unchanged files, records written and removed."""
    return filed.new, filed.changed, filed.unchanged, filed.written, filed.removed


def test_a_folder_is_kept_up(tmp_path: Path, collection: ochredb.Collection, paid: Paid) -> None:
    """An unchanged file is left alone, a changed one replaces its chunks, one that is gone is told of and pruned."""
    root = write(tmp_path, {"a.md": "One.\n\nTwo.\n\nThree.", "sub/b.md": "Four."})
    assert counts(ingest_files(collection, root, chunk=6)) == (2, 0, 0, 4, 0)
    assert held(collection) == {
        "docs/a.md#0": "One.", "docs/a.md#1": "Two.", "docs/a.md#2": "Three.", "docs/sub/b.md#0": "Four.",
    }  # fmt: skip
    metadata = collection.get(ids=["docs/a.md#1"])["metadatas"]
    assert metadata is not None
    assert (metadata[0]["path"], metadata[0]["chunk"]) == ("docs/a.md", 1)

    assert counts(ingest_files(collection, root, chunk=6)) == (0, 0, 2, 0, 0)
    (root / "a.md").write_text("One.\n\nOther.", encoding="utf-8")
    assert counts(ingest_files(collection, root, chunk=6)) == (0, 1, 1, 1, 1)
    assert held(collection) == {"docs/a.md#0": "One.", "docs/a.md#1": "Other.", "docs/sub/b.md#0": "Four."}
    assert paid.texts == ["One.", "Two.", "Three.", "Four.", "Other."]

    (root / "sub" / "b.md").unlink()
    filed = ingest_files(collection, root, chunk=6)
    assert (counts(filed), filed.gone) == ((0, 0, 1, 0, 0), ["docs/sub/b.md"])
    assert collection.count() == 3
    filed = ingest_files(collection, root, chunk=6, prune=True)
    assert (counts(filed), filed.gone) == ((0, 0, 1, 0, 1), ["docs/sub/b.md"])
    assert counts(ingest_files(collection, root, chunk=6, prune=True)) == (0, 0, 1, 0, 0)
    assert collection.count() == 2


NAMES = st.sampled_from(["a.md", "b.md", "sub/a.md", "sub/c.md"])
TEXTS = st.lists(st.sampled_from(["One.", "Two words.", "Three.", "x" * 30, ""]), max_size=5).map("\n\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # emptied by each example
@given(states=st.lists(st.tuples(st.dictionaries(NAMES, TEXTS), st.sampled_from([8, 12])), min_size=1, max_size=4))
def test_a_folder_that_changes_is_as_one_that_is_new(
    states: list[tuple[Docs, int]], tmp_path: Path, collection: ochredb.Collection
) -> None:
    """Whatever was there before: after a run with `prune`, a collection holds what an empty one would."""
    for docs, chunk in states:
        filed = ingest_files(collection, write(tmp_path, docs), chunk=chunk, prune=True)
        assert filed.new + filed.changed + filed.unchanged == len(docs)
    found = collection.get(include=["documents", "metadatas", "embeddings"])
    client = collection._client
    with_none: Any = client.create_collection("anew", embedding_function=None)
    anew = client.get_collection("anew", embedding_function=collection._embedding_function)
    ingest_files(anew, tmp_path / "docs", chunk=states[-1][1])
    wanted = anew.get(include=["documents", "metadatas", "embeddings"])
    rows = [
        zip(one["ids"], one["documents"], one["metadatas"], one["embeddings"].tolist(), strict=True)
        for one in (found, wanted)
    ]
    assert sorted(rows[0], key=str) == sorted(rows[1], key=str)
    client.delete_collection(with_none.name)
    ingest_files(collection, write(tmp_path, {}), prune=True)
    assert collection.count() == 0


def test_what_is_no_text_is_named_and_passed_over(tmp_path: Path, collection: ochredb.Collection) -> None:
    """The others are read; if it is the very file that was asked for, that is an error."""
    root = write(tmp_path, {"a.md": "One.", "b.md": "caf\udce9", "c.bin": "a\0b"})
    filed = ingest_files(collection, root)
    assert (filed.new, [loss.place for loss in filed.skipped]) == (1, ["docs/b.md", "docs/c.bin"])
    assert "byte 0xe9 at 3" in filed.skipped[0].what
    assert ingest_files(collection, root, glob="*.md").skipped == filed.skipped[:1]
    with pytest.raises(ValueError, match="no text in UTF-8"):
        ingest_files(collection, root / "b.md")
    with pytest.raises(NotFoundError):
        ingest_files(collection, root / "absent")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_whose_name_is_no_text_is_passed_over(tmp_path: Path, collection: ochredb.Collection) -> None:
    """It is named as far as that goes."""
    filed = ingest_files(collection, write(tmp_path, {"a.md": "One.", "caf\udce9.md": "Two."}))
    assert (filed.new, [loss.place for loss in filed.skipped]) == (1, ["docs/caf\\udce9.md"])


def test_a_folder_without_files_is_no_error(tmp_path: Path, collection: ochredb.Collection) -> None:
    """Nor is a pattern that nothing matches: there is nothing to do."""
    assert counts(ingest_files(collection, write(tmp_path, {"a.md": "One."}), glob="*.rst")) == (0, 0, 0, 0, 0)
    assert collection.count() == 0


def test_only_the_own_folder_is_pruned(tmp_path: Path, collection: ochredb.Collection) -> None:
    """Neither other folders in the collection, nor files that a pattern leaves out, nor records of another kind."""
    root = write(tmp_path, {"a.md": "One.", "b.txt": "Two."})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.md").write_text("Three.", encoding="utf-8")
    collection.add(ids=["mine"], documents=["my own"], metadatas=[{"path": "docs/gone.md"}])
    ingest_files(collection, root)
    ingest_files(collection, tmp_path / "other")
    (tmp_path / "other" / "c.md").unlink()
    assert ingest_files(collection, root, glob="*.md", prune=True).gone == []
    assert set(held(collection)) == {"mine", "docs/a.md#0", "docs/b.txt#0", "other/c.md#0"}


def rows(folder: Path, data: str, name: str = "rows.csv") -> Path:
    """Write a file of rows."""
    (folder / name).write_text(data, encoding="utf-8")
    return folder / name


def test_rows_are_kept_up(tmp_path: Path, collection: ochredb.Collection, paid: Paid) -> None:
    """Only a text that changed is embedded; metadata follow, and rows that are gone go, even if the file has moved."""
    path = rows(tmp_path, "id,text,year\na,one,2000\nb,two,2001\nc,three,2002\n")
    naming = {"text": "text", "id": "id", "metadata": ["year:int"]}
    assert counts(ingest_files(collection, path, **naming)) == (1, 0, 0, 3, 0)  # type: ignore[arg-type] # one by one they are
    assert counts(ingest_files(collection, path, **naming)) == (0, 0, 1, 0, 0)  # type: ignore[arg-type] # likewise
    rows(tmp_path, "id,text,year\na,one,2010\nb,two and,\nd,four,2003\n")
    assert counts(ingest_files(collection, path, **naming)) == (0, 1, 0, 2, 1)  # type: ignore[arg-type] # likewise
    assert held(collection) == {"a": "one", "b": "two and", "d": "four"}
    found = collection.get()["metadatas"]
    assert found is not None
    assert [one.get("year") for one in found] == [2010, None, 2003]
    moved = path.rename(tmp_path / "moved.csv")
    assert counts(ingest_files(collection, moved, **naming)) == (1, 0, 0, 0, 0)  # type: ignore[arg-type] # likewise
    assert paid.texts == ["one", "two", "three", "two and", "four"]
    assert {one["path"] for one in collection.get()["metadatas"] or []} == {"moved.csv"}


def test_a_bad_row_changes_nothing(tmp_path: Path, collection: ochredb.Collection) -> None:
    """It is named by its line; with `skip_bad` it is counted, and the others are written."""
    path = rows(tmp_path, "id,text\na,one\nb\nc,three\n")
    with pytest.raises(InvalidArgumentError, match=r"rows\.csv, line 3: it has 1 fields"):
        ingest_files(collection, path, text="text", id="id")
    assert collection.count() == 0
    for _ in range(2):
        filed = ingest_files(collection, path, text="text", id="id", skip_bad=True)
        assert (filed.bad, [loss.place for loss in filed.losses]) == (1, ["rows.csv, line 3"])
    assert set(held(collection)) == {"a", "c"}


def test_two_files_do_not_share_an_id(tmp_path: Path, collection: ochredb.Collection) -> None:
    """Neither takes the other's record away."""
    ingest_files(collection, rows(tmp_path, "id,text\na,one\n"), text="text", id="id")
    other = rows(tmp_path, '{"id": "a", "text": "two"}', "other.jsonl")
    with pytest.raises(ValueError, match=r"other\.jsonl: the id 'a' is that of a record of rows\.csv, too"):
        ingest_files(collection, other, text="text", id="id")
    assert held(collection) == {"a": "one"}


def test_other_files_among_rows_are_passed_over(tmp_path: Path, collection: ochredb.Collection) -> None:
    """In a folder; a damaged file of rows is an error."""
    root = write(tmp_path, {"a.csv": "id,text\na,one\n", "b.md": "text", "c.jsonl": '{"id": "c", "text": "three"}'})
    filed = ingest_files(collection, root, text="text", id="id")
    assert (filed.new, [loss.place for loss in filed.skipped]) == (2, ["docs/b.md"])
    write(tmp_path, {"a.csv": "id,id\n"})
    with pytest.raises(ValueError, match=r"docs/a\.csv, line 1"):
        ingest_files(collection, root, text="text", id="id")
    assert collection.count() == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"chunk": 0}, "chunk: expected a whole number"),
        ({"id": "id"}, r"name the column of the text, too \(text=..., --text\)"),
        ({"glob": "../*"}, "glob: expected a pattern within"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    arguments: Any, told: str, tmp_path: Path, collection: ochredb.Collection
) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=told):
        ingest_files(collection, write(tmp_path, {"a.md": "One."}), **arguments)


def test_embeddings_outlive_an_engine_that_fails(
    tmp_path: Path, collection: ochredb.Collection, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the error; once they are written, the next run has nothing to pay for."""
    root = write(tmp_path, {"a.md": "One.\n\nTwo."})
    monkeypatch.setattr(Pipeline, "pauses", ())

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(collection._engine, "write", fail)
        with pytest.raises(UnwrittenError, match="no space left") as caught:
            ingest_files(collection, root, chunk=5)
    ochredb.ingest(collection, caught.value.records)
    assert counts(ingest_files(collection, root, chunk=5)) == (0, 0, 1, 0, 0)
    assert paid.texts == ["One.", "Two."]


CHILD = """
import time
import ochredb
from ochredb.client.documents import ingest_files

class Slow:
    def __call__(self, input):
        time.sleep(0.01)
        print(len(input), flush=True)
        return [[len(text), 1.0] for text in input]

with ochredb.PersistentClient("db") as client:
    client.get_or_create_collection("docs", embedding_function=None)
    collection = client.get_collection("docs", embedding_function=Slow())
    ingest_files(collection, "docs", chunk=20)
"""


@needs_fork
def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    """Of files that change between the runs, too: at the end all chunks are there, and no other."""
    for kill_after in (2, 9, 5, None):
        docs = {f"{n:02}.md": f"text {random.random()}\n\n" * random.randrange(1, 80) for n in range(30)}
        write(tmp_path, docs if kill_after else dict.fromkeys(docs, "Short now.\n\nAnd last of all.\n\n" * 20))
        with subprocess.Popen(
            [sys.executable, "-c", CHILD],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            for count, _ in enumerate(child.stdout, 1):
                if count == kill_after:
                    child.send_signal(signal.SIGKILL)
        assert child.returncode == (0 if kill_after is None else -signal.SIGKILL)
    with ochredb.PersistentClient(tmp_path / "db") as client:
        found = held(client.get_collection("docs", embedding_function=None))
    assert Counter(id_.partition("#")[0] for id_ in found) == {f"docs/{n:02}.md": 40 for n in range(30)}
    assert Counter(found.values()) == {"Short now.": 600, "And last of all.": 600}

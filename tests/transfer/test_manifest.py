"""A folder of exported collections: what its manifest says, and what it cannot make a reader do."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, CorruptError, FormatError, NotFoundError, OchreError
from ochredb.core.model import NewCollection, Scope, Write
from ochredb.testing.reference import ReferenceEngine
from ochredb.transfer import export, manifest
from ochredb.transfer.export import Order
from ochredb.transfer.exported import ExportedFolder
from ochredb.transfer.stored import Stored
from tests.crash import children
from tests.crash.children import needs_fork
from tests.transfer.moving import export_all, fill, limited_export
from tests.transfer.test_formats import everything_of, some

FUNCTION = {"type": "known", "name": "openai", "config": {"model_name": "text-embedding-3-small"}}
NAMES = ("books", "../../evil", "a/b\\c\x00", "é" * 200, "CON")


@pytest.fixture
def engine() -> Engine:
    """Give an engine with collections of all sorts of names."""
    engine = ReferenceEngine()
    for row, name in enumerate(NAMES):
        new = NewCollection(name, "cosine", metadata={"n": row}, configuration={"embedding_function": FUNCTION})
        engine.write(engine.create_collection(Scope(), new).id, Write("add", some(row + 1)))
    return engine


@pytest.fixture
def out(engine: Engine, tmp_path: Path) -> Path:
    """Give the folder of its export."""
    export.to_folder(Stored(engine, "here"), tmp_path / "out", Order("jsonl"))
    return tmp_path / "out"


def rewrite(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest, and its checksum with it."""
    path = out / manifest.MANIFEST
    whole = json.loads(path.read_text())["manifest"]
    change(whole)
    body = json.dumps(whole)
    path.write_text(f'{{"sha256": "{sha256(body.encode()).hexdigest()}", "manifest": {body}}}')


def test_it_tells_what_the_collections_are(out: Path) -> None:
    """Name, metadata, configuration, embedding function and model, dimension, counts and checksums of each."""
    books = next(file for file in manifest.read(out).files if file.collection.new.name == "books")
    assert books.collection.new == NewCollection(
        "books", "cosine", metadata={"n": 0}, configuration={"embedding_function": FUNCTION}
    )
    assert (books.collection.scope, books.collection.dimension, books.end.rows) == (Scope(), 4, 1)
    assert books.function == {"name": "openai", "model": "text-embedding-3-small"}
    data = (out / books.file).read_bytes()
    assert (books.bytes, books.sha256) == (len(data), sha256(data).hexdigest())


def test_any_name_of_a_collection_is_a_plain_file(out: Path) -> None:
    """Whatever a collection is called, its file is in the folder, and what is read back has that name."""
    found = ExportedFolder(out)
    assert sorted(one.new.name for one in found.collections()) == sorted(NAMES)
    for one in found.collections():
        assert len(everything_of(found, one)) == NAMES.index(one.new.name) + 1
    assert {path.parent for path in out.rglob("*")} == {out}
    assert all(path.name.isascii() and len(path.name) < 100 for path in out.iterdir())


ELSEWHERE = ["../secret.jsonl", "/etc/passwd", "a/b", "..", "", "0001-../x", "manifest.json", "0001-\x00"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_refused(out: Path, name: str) -> None:
    """No manifest, with a right checksum even, makes a reader open a file outside of its folder."""
    (out.parent / "secret.jsonl").write_text('{"id": "stolen"}\n')
    rewrite(out, lambda whole: whole["files"][0].update(file=name))
    with pytest.raises(CorruptError, match=r"manifest\.json is damaged"):
        ExportedFolder(out)


def test_a_link_is_not_followed(out: Path) -> None:
    """A file of the folder that is a link to another place is no file of the export."""
    (out.parent / "secret.jsonl").write_text('{"id": "stolen"}\n')
    path = out / manifest.read(out).files[0].file
    path.unlink()
    os.symlink(out.parent / "secret.jsonl", path)
    source = ExportedFolder(out)
    with pytest.raises(CorruptError, match="is no plain file"):
        everything_of(source, source.collections()[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.pop("files"),
        lambda whole: whole["files"][0].update(bytes=-1),
        lambda whole: whole["files"][0]["collection"]["new"].update(space="manhattan"),
        lambda whole: whole["files"][0].update(sha256="../" * 21 + "x"),
        lambda whole: whole.update(made="yesterday"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The text names the file and the place in it."""
    rewrite(out, change)
    with pytest.raises(CorruptError, match=r"manifest\.json is damaged: \w"):
        ExportedFolder(out)


def test_a_damaged_manifest_is_refused(out: Path) -> None:
    """Any byte that is another."""
    path = out / manifest.MANIFEST
    data = path.read_bytes()
    for at in range(0, len(data), 37):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(OchreError):
            ExportedFolder(out)


def test_a_manifest_of_later_is_refused(out: Path) -> None:
    """The text says which version reads it."""
    rewrite(out, lambda whole: whole.update(format=99, ochredb="9.9", files={"new": True}))
    with pytest.raises(FormatError, match=r"has format 99, .* install a version from ochredb 9\.9 on"):
        ExportedFolder(out)


def test_a_damaged_file_is_refused_before_any_record_of_it_is_read(out: Path) -> None:
    """Its checksum is compared first; a part of it, another size and no file at all are told apart."""
    source = ExportedFolder(out)
    one = source.collections()[0]
    path = out / one.key
    data = path.read_bytes()
    other = data.replace(b"id 0", b"id 1")
    for changed, told in ((data[:-1], "has .* bytes, and"), (other, "is damaged: its checksum")):
        path.write_bytes(changed)
        with pytest.raises(CorruptError, match=told):
            next(iter(source.records(one)))
    path.unlink()
    with pytest.raises(CorruptError, match="is missing"):
        next(iter(source.records(one)))


def test_a_folder_that_holds_something_else_is_left_alone(engine: Engine, tmp_path: Path) -> None:
    """Not a byte is written into a folder with other files, or with an export; a file is no folder."""
    source = Stored(engine, "here")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadValue, match="is not empty"):
        export.to_folder(source, tmp_path, Order())
    with pytest.raises(BadValue, match="is a file; a folder is wanted"):
        export.to_folder(source, tmp_path / "mine.txt", Order())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    export.to_folder(source, tmp_path / "out", Order())
    with pytest.raises(BadValue, match="holds an export already"):
        export.to_folder(source, tmp_path / "out", Order())


def test_an_export_is_finished_in_the_way_that_it_was_begun(engine: Engine, out: Path) -> None:
    """Also one that is done: another format, or another choice, is not taken for the same."""
    again = export.to_folder(Stored(engine, "here"), out, Order("jsonl", resume=True))
    assert (again.rows, len(again.collections)) == (15, len(NAMES))
    for order in (Order("npz", resume=True), Order("jsonl", choice="other", resume=True)):
        with pytest.raises(BadValue, match="holds an export made otherwise"):
            export.to_folder(Stored(engine, "here"), out, order)


def test_notes_of_an_export_that_are_damaged_are_told(engine: Engine, tmp_path: Path) -> None:
    """The text says what to do; half a line at the end, which a kill leaves, is no damage."""
    out = tmp_path / "out"
    out.mkdir()
    (out / manifest.UNFINISHED).write_text('{"layout": 1}\n')
    with pytest.raises(CorruptError, match=r"unfinished\.jsonl is damaged: .*; remove .*, and begin anew"):
        export.to_folder(Stored(engine, "here"), out, Order(resume=True))
    (out / manifest.UNFINISHED).write_text('{"layout": "jsonl", "choice": "", "format": 1}\n{"file": "0001-bo')
    (out / "0001-old.jsonl").write_text("left")
    (out / "0002-old.jsonl.part").write_text("left")
    assert export.to_folder(Stored(engine, "here"), out, Order(resume=True)).rows == 15
    assert len(list(out.iterdir())) == len(NAMES) + 1


def test_a_dry_run_writes_nothing(engine: Engine, tmp_path: Path) -> None:
    """It tells the collections and how many records they have."""
    done = export.to_folder(Stored(engine, "here"), tmp_path / "out", Order(dry_run=True))
    assert (done.dry_run, done.rows, len(done.collections)) == (True, 15, len(NAMES))
    assert not (tmp_path / "out").exists()


def test_what_does_not_read_back_is_no_export(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was written other than it was meant is an error, and none is left."""

    def spoil(file: Any, feed: Any) -> None:
        records = next(iter(feed.records()))
        file.write(b'{"id": "other"}\n' * len(records))

    spoilt = {"jsonl": export.formats.Format(".jsonl", spoil)}
    monkeypatch.setattr("ochredb.transfer.formats.FORMATS", spoilt)
    with pytest.raises(CorruptError, match="does not read back as it was written"):
        export.to_folder(Stored(engine, "here"), tmp_path / "out", Order("jsonl"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [manifest.UNFINISHED]


@needs_fork
def test_a_full_disk_is_an_error_that_resuming_goes_on_from(tmp_path: Path) -> None:
    """The error names the file; what is finished stays, and the file in the making goes."""
    database, out = tmp_path / "database", tmp_path / "out"
    children.run(fill, database)
    failed = children.run(limited_export, database, out, "npz", 100_000)
    assert f"InternalError: {out}" in failed.error
    assert not [path for path in out.iterdir() if path.name.endswith(".part")]
    with pytest.raises(NotFoundError):
        ExportedFolder(out)
    assert children.run(export_all, database, out, "npz").value == 3_400
    assert sum(file.end.rows for file in manifest.read(out).files) == 3_400

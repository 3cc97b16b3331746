"""Folders of backups: no byte may be another, and no name may lead out of them."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ochredb.core.errors import CorruptError, FormatError, OchreError
from ochredb.core.model import NewCollection, Records, Scope, Write
from ochredb.local import archive, backup
from ochredb.local.archive import Archive, Backup
from ochredb.local.engine import LocalEngine


@pytest.fixture
def dest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of one backup of several small blocks."""
    monkeypatch.setattr(backup, "BLOCK", 1 << 15)
    engine = LocalEngine(tmp_path / "db")
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    embeddings = np.random.default_rng(1).normal(size=(500, 64)).astype(np.float32)
    engine.write(collection, Write("add", Records([str(n) for n in range(500)], embeddings)))
    engine.close()
    assert len(backup.backup(tmp_path / "db", tmp_path / "dest").blocks) > 8
    return tmp_path / "dest"


def refuses(dest: Path, error: type[OchreError], text: str) -> None:
    """Check that nothing is restored, into no folder and over no database."""
    place, there = dest.parent / "out", dest.parent / "db"
    before = tree(there)
    for folder, replace in ((place, False), (there, True)):
        with pytest.raises(error, match=text) as raised:
            backup.restore(dest, folder, replace=replace)
        assert type(raised.value) is error
    assert not place.exists()
    assert tree(there) == before


def tree(folder: Path) -> dict[str, bytes]:
    """Give the content of every file that holds something."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if data}


def manifest(dest: Path) -> Path:
    return dest / "backup-000001.json"


def forge(dest: Path, **changes: Any) -> None:
    """Write the manifest with other values and a seal that is right."""
    backup = {**msgspec.json.decode(manifest(dest).read_bytes())["backup"], **changes}
    body = msgspec.json.encode(backup)
    seal = {"sha256": sha256(body).hexdigest(), "backup": msgspec.Raw(body)}
    manifest(dest).write_bytes(msgspec.json.encode(seal))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every field comes back."""
    scribe = Archive(tmp_path / "new")
    with scribe.writing():
        name, added = scribe.put(b"x" * 8192)
        assert (name, added) == (sha256(b"x" * 8192).hexdigest(), 8192)
        assert scribe.put(b"x" * 8192) == (name, 0)
        one = archive.Kept("t", "d", "c", 5, None)
        made = datetime(2020, 2, 29, 1, 2, 3, 4, UTC)
        written = Backup(7, made, "1.0", "/db", 1, 4096, 2, 8192, (one,), 8192, (name,))
        scribe.write(written)
    assert scribe.numbers() == [7]
    assert scribe.read(7) == written
    assert scribe.get(name, 8192) == b"x" * 8192


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_no_byte_of_a_manifest_may_change(dest: Path, flip: int) -> None:
    """Whichever it is, the manifest is refused by name, and no other error is raised."""
    good = manifest(dest).read_bytes()
    for at in range(len(good)):
        manifest(dest).write_bytes(good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :])
        with pytest.raises(CorruptError, match=str(manifest(dest))):
            Archive(dest).read(1)
    refuses(dest, CorruptError, str(manifest(dest)))


def test_no_byte_of_a_block_may_change(dest: Path) -> None:
    """A changed byte in any region of any block is seen before anything is put in place; the file is named."""
    for path in sorted((dest / "blocks").iterdir()):
        good = path.read_bytes()
        for at in (0, 1, len(good) // 3, len(good) - 1):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
            refuses(dest, CorruptError, path.name)
        path.write_bytes(good)
    assert backup.restore(dest, dest.parent / "out").number == 1


def ruins(path: Path) -> Iterator[Callable[[], object]]:
    """Give ways to ruin a file that can be told by looking at it."""
    good = path.read_bytes()
    other = path.parent.parent / "elsewhere"
    other.write_bytes(good)
    yield lambda: path.write_bytes(good[:-1])
    yield lambda: path.write_bytes(good + b"\0")
    yield lambda: path.write_bytes(b"")
    yield path.unlink
    yield path.mkdir
    path.rmdir()
    yield lambda: path.symlink_to(other)
    path.unlink()
    yield lambda: os.mkfifo(path)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes need rights there")
@pytest.mark.parametrize("which", ["block", "manifest"])
def test_a_file_must_be_whole_and_plain(dest: Path, which: str) -> None:
    """One that is cut off, too long, missing, a folder, a link or a pipe is refused, and named."""
    blocks = Archive(dest).read(1).blocks
    path = dest / "blocks" / blocks[-1] if which == "block" else manifest(dest)
    for ruin in ruins(path):
        ruin()
        if which == "block" or os.path.lexists(path):  # without its manifest there is no backup to be refused
            refuses(dest, CorruptError, path.name)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_blocks_are_not_read_through_a_link(dest: Path) -> None:
    """A folder of blocks that is elsewhere is refused, also if all is well there."""
    (dest / "blocks").rename(dest.parent / "moved")
    (dest / "blocks").symlink_to(dest.parent / "moved")
    refuses(dest, CorruptError, "symbolic link")


NAMES = [
    "../../secret",
    "/etc/passwd",
    "..",
    "",
    "a" * 63,
    "A" * 64,
    "a" * 64 + "\n",
    "../" + "a" * 61,
    "a" * 63 + "/",
    "\0" * 64,
    7,
    None,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_must_be_a_blocks(dest: Path, name: Any) -> None:
    """A manifest with a right seal that names anything but a checksum is refused, and the place is told."""
    blocks = Archive(dest).read(1).blocks
    forge(dest, blocks=[*blocks[:2], name, *blocks[3:]])
    refuses(dest, CorruptError, r"backup-000001\.json is damaged.*blocks\[2\]")


CHANGES = [
    {"number": 2},
    {"number": 0},
    {"page_count": 0},
    {"page_count": -1},
    {"page_count": 10**9},
    {"page_size": 10**9},
    {"block_bytes": 10**12},
    {"block_bytes": 0},
    {"blocks": []},
    {"collections": [{}]},
    {"made": "yesterday"},
    {"database_format": "x"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_manifest_must_agree_with_itself(dest: Path, change: dict[str, Any]) -> None:
    """Numbers that cannot be, or that do not fit each other, are refused; no amount of memory is asked for."""
    forge(dest, **change)
    refuses(dest, CorruptError, r"backup-000001\.json is damaged")


def test_blocks_in_another_order_are_refused_by_the_seal(dest: Path) -> None:
    """All blocks are there and whole, and the order is part of what is sealed."""
    blocks = Archive(dest).read(1).blocks
    good = manifest(dest).read_bytes()
    swapped = good.replace(blocks[0].encode(), b"0").replace(blocks[1].encode(), blocks[0].encode())
    manifest(dest).write_bytes(swapped.replace(b'"0"', f'"{blocks[1]}"'.encode()))
    refuses(dest, CorruptError, "checksum")


@pytest.mark.parametrize("change", [{"format": 99}, {"database_format": 99}], ids=str)
def test_a_newer_format_is_refused(dest: Path, change: dict[str, int]) -> None:
    """The text says which version can read it; the folder can still be listed, and takes no further harm."""
    forge(dest, **change, ochredb="77.0")
    refuses(dest, FormatError, r"99.*ochredb 77\.0")
    before = {path.name for path in (dest / "blocks").iterdir()}
    backup.backup(dest.parent / "db", dest)
    assert before <= {path.name for path in (dest / "blocks").iterdir()}
    assert [one.number for one in backup.backups(dest).backups][-1] == 2


def test_files_of_others_are_left_alone(dest: Path) -> None:
    """Names that are none of ours are neither read nor removed, also when blocks are."""
    for name in ("notes.txt", "backup-1.json", "backup-0000001.json", "backup-abc.json"):
        (dest / name).write_text("mine")
    (dest / "blocks" / "notes.txt").write_text("mine")
    (dest / "blocks" / ("0" * 64)).write_text("left by a backup that was broken off")
    backup.backup(dest.parent / "db", dest, keep=1)
    assert Archive(dest).numbers() == [2]
    assert {path.name for path in dest.glob("*") if path.is_file() and path.read_text() == "mine"} == {
        "notes.txt",
        "backup-1.json",
        "backup-0000001.json",
        "backup-abc.json",
    }
    assert (dest / "blocks" / "notes.txt").exists()
    assert not (dest / "blocks" / ("0" * 64)).exists()

"""Views on disk: whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ochredb.local import snapshot

DETAILS = {"seq": 7, "collection": "c", "dirty": [1, 2]}
FILES: dict[str, list[Any]] = {
    "index": [b"some bytes", b"", b"and more"],
    "rows": [np.arange(12, dtype="<f2").reshape(3, 4), np.empty((0, 4), "<f2")],
    "empty": [],
}


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Details and files come back, arrays as their bytes in C order."""
    written = snapshot.write(tmp_path / "new", "view", DETAILS, FILES)
    manifest = snapshot.read(tmp_path / "new", "view")
    assert manifest == written
    assert manifest.details == DETAILS
    content = {role: (tmp_path / "new" / file.name).read_bytes() for role, file in manifest.files.items()}
    assert content == {"index": b"some bytesand more", "rows": np.arange(12, dtype="<f2").tobytes(), "empty": b""}


def test_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    """The last one written is read, its forerunner's files are gone, and views of other names are left alone."""
    snapshot.write(tmp_path, "other", {"n": 0}, {"index": [b"x"]})
    (tmp_path / "view.building").write_bytes(b"in the making")
    for n in range(3):
        snapshot.write(tmp_path, "view", {"n": n}, {"index": [bytes([n])]})
    newest, other = snapshot.read(tmp_path, "view"), snapshot.read(tmp_path, "other")
    assert newest is not None
    assert other is not None
    assert (newest.details, other.details) == ({"n": 2}, {"n": 0})
    assert len(files(tmp_path)) == 5


def test_nothing_is_read_where_nothing_is(tmp_path: Path) -> None:
    """No folder, no manifest, or a folder in its place: None."""
    assert snapshot.read(tmp_path / "nowhere", "view") is None
    assert snapshot.read(tmp_path, "view") is None
    (tmp_path / "view.json").mkdir()
    assert snapshot.read(tmp_path, "view") is None


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80, 0xFF])
def test_no_byte_may_change(tmp_path: Path, flip: int) -> None:
    """Whichever byte of whichever file is another, the snapshot is None and no exception; put right, it is read."""
    snapshot.write(tmp_path, "view", DETAILS, FILES)
    for path in files(tmp_path):
        good = path.read_bytes()
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :])
            assert snapshot.read(tmp_path, "view") is None, (path.name, at)
        path.write_bytes(good)
    assert snapshot.read(tmp_path, "view") is not None


def test_no_file_may_end_early_late_or_be_missing(tmp_path: Path) -> None:
    """A file that is cut off anywhere, has something behind it, or is gone makes the snapshot None."""
    snapshot.write(tmp_path, "view", DETAILS, FILES)
    for path in files(tmp_path):
        good = path.read_bytes()
        for bad in (*(good[:length] for length in range(len(good))), good + b"\0"):
            path.write_bytes(bad)
            assert snapshot.read(tmp_path, "view") is None, (path.name, len(bad))
        path.unlink()
        assert snapshot.read(tmp_path, "view") is None
        path.write_bytes(good)
    assert snapshot.read(tmp_path, "view") is not None


def test_a_newer_format_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version wrote in another format is built anew."""
    monkeypatch.setattr(snapshot, "FORMAT", snapshot.FORMAT + 1)
    snapshot.write(tmp_path, "view", DETAILS, FILES)
    monkeypatch.undo()
    assert snapshot.read(tmp_path, "view") is None


@pytest.mark.parametrize("failing", range(5))
def test_a_failing_write_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """Wherever the disk turns out to be full, a whole snapshot is read after the error, and no scraps are left."""
    snapshot.write(tmp_path, "view", {"n": 0}, FILES)
    before = len(files(tmp_path))
    left = iter(range(failing, -1, -1))

    def fsync(_: int) -> None:
        if next(left) == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        snapshot.write(tmp_path, "view", {"n": 1}, FILES)
    monkeypatch.undo()
    manifest = snapshot.read(tmp_path, "view")
    assert manifest is not None
    assert manifest.details == {"n": 0 if failing < 4 else 1}
    assert len(files(tmp_path)) == before
    snapshot.write(tmp_path, "view", {"n": 2}, FILES)
    assert len(files(tmp_path)) == before

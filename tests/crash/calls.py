"""The system calls of a process, each shown to a hook before it is made: the hook may kill, raise, or let it pass.

SQLite's go through a VFS of ours, which becomes the default one; Python's are told by audit events, but for `fsync`. A
watch cannot be taken back, so that it belongs in a process of its own.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from ochredb.local.database import FILE
from ochredb.local.disk import keeps_checksums
from ochredb.local.store import LOG_PAGES, Store

Half = Callable[[], object]
"""Make the first half of the call, where it has one: a torn write."""

Hook = Callable[[str, Half], None]
"""See a call by its name, such as `wal write` or `os.rename`, before it is made."""

SQLITE = ("write", "sync", "truncate", "read", "lock", "open", "delete")
FILES = {FILE: "db", f"{FILE}-wal": "wal"}
"""What SQLite's calls are about; the rest are those of an index of trigrams."""
PYTHON = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "mmap.__new__")

# What a writer does often enough to be stopped at, and how often it is let pass at most.
POINTS = {
    "wal write": 400,
    "wal sync": 40,
    "wal truncate": 2,
    "wal open": 3,
    "db write": 300,
    "db sync": 6,
    "db truncate": 3,
    "db read": 300,
    "db lock": 20,
    "text write": 100,
    "open": 40,
    "os.fsync": 30,
    "os.rename": 6,
    "os.remove": 12,
    "os.rmdir": 1,
    "os.mkdir": 2,
    "mmap.__new__": 4,
}


def watch(folder: Path, hook: Hook) -> None:
    """Show the calls about files in a folder to a hook, from now on."""
    assert not keeps_checksums.cache_info().currsize, "the checksums' VFS would be below this one, and not know it"
    _vfs.append(_Vfs(hook))
    prefix, fsync = str(folder), os.fsync

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event not in PYTHON:
            return
        about = args[0]
        # A mapping names no path; a path that is not absolute is one that `rmtree` goes by.
        if event == "mmap.__new__" or str(about).startswith(prefix) or (event != "open" and str(about)[:1] != "/"):
            hook(event, _nothing)

    def shown(handle: Any) -> None:
        hook("os.fsync", _nothing)
        fsync(handle)

    os.fsync = shown
    sys.addaudithook(audit)


def quieten() -> None:
    """Let errors below a checkpoint that SQLite keeps to itself stay there: APSW would raise what a VFS has raised.

    SQLite makes checkpoints after commits and when a file is closed, and lets them fail in silence, as the WAL remains.
    """
    connect = Store._connect

    def quiet(store: Store) -> apsw.Connection:
        db = connect(store)
        pages: int = db.pragma("wal_autocheckpoint") or LOG_PAGES
        db.set_wal_hook(lambda db, name, length: _checkpoint(db, name) if length >= pages else apsw.SQLITE_OK)
        return db

    Store._connect = quiet  # type: ignore[method-assign]
    apsw.Connection = _Connection  # type: ignore[misc]


class _Connection(apsw.Connection):
    def close(self, force: bool = False) -> None:
        with suppress(apsw.IOError, apsw.FullError):
            super().close(force)


def _checkpoint(db: apsw.Connection, name: str) -> int:
    with suppress(apsw.Error):
        db.wal_checkpoint(name)
    return apsw.SQLITE_OK


def _nothing() -> None:
    return


class _Vfs(apsw.VFS):
    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._base = apsw.vfs_names()[0]
        super().__init__("watched", self._base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        kind = FILES.get(Path(path).name, "text") if path else "text"
        self._hook(f"{kind} open", _nothing)
        return _File(self._base, name, flags, kind, self._hook)

    def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802 - SQLite's name
        self._hook(f"{FILES.get(Path(path).name, 'text')} delete", _nothing)
        super().xDelete(path, sync)


class _File(apsw.VFSFile):
    def __init__(self, base: str, name: Any, flags: list[int], kind: str, hook: Hook) -> None:
        self._kind, self._hook = kind, hook
        super().__init__(base, name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._hook(f"{self._kind} write", lambda: super(_File, self).xWrite(data[: len(data) // 2], offset))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._hook(f"{self._kind} sync", _nothing)
        super().xSync(flags)

    def xTruncate(self, length: int) -> None:  # noqa: N802 - SQLite's name
        self._hook(f"{self._kind} truncate", _nothing)
        super().xTruncate(length)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        self._hook(f"{self._kind} read", _nothing)
        return super().xRead(amount, offset)

    def xLock(self, level: int) -> None:  # noqa: N802 - SQLite's name
        self._hook(f"{self._kind} lock", _nothing)
        super().xLock(level)


_vfs: list[_Vfs] = []  # a VFS lives as long as there is a reference to it

"""The SQLite file, or memory, that is the truth: opening it, and transactions on it.

WAL and `synchronous=FULL`: a transaction that has returned is on the disk. One writer at a time, any number of readers,
in any number of processes. A connection is never shared by two threads at once, nor carried over a fork.
"""

import mmap
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import apsw

from ochredb.core.errors import (
    AuthorizationError,
    BusyError,
    ClosedError,
    InternalError,
    NotFoundError,
    OchreError,
)
from ochredb.local import database
from ochredb.local.database import FILE
from ochredb.local.disk import connect, damaged_file, is_damage
from ochredb.local.mounts import network_mount, read_only_mount

WRITER = ".ochre.writer"
_SIGNATURE = 64
WAIT_SECONDS = 10.0
_IDLE_CONNECTIONS = 8
LOG_PAGES, MOST_LOG_PAGES = 2000, 8000
"""Pages in SQLite's log, 16 and 64 MB: from the first on they are put into the file in the background, from the second
on by the writer itself."""


class Store:
    """Transactions on the truth.

    Args:
        folder: Where `ochre.sqlite3` lies, made with its parents where absent; None keeps everything in memory.
        wait: Seconds that a writer waits for the writers of other processes before `BusyError`.
        read_only: Change nothing; the database must exist, and may lie on a file system that cannot be written to.
        network: Allow a folder on a network file system.

    Raises:
        NotFoundError: `read_only`, and there is no database.
        InternalError: The path is a file, cannot be written, or lies on a network file system.
        CorruptError: The file is damaged, or no database of Ochre's.
        FormatError: A newer Ochre wrote it.
    """

    def __init__(
        self, folder: Path | None, wait: float = WAIT_SECONDS, read_only: bool = False, network: bool = False
    ) -> None:
        self.folder = folder
        self.read_only = read_only
        self._wait = wait
        self._idle: list[apsw.Connection] = []
        self._lock = threading.RLock()
        self._write_lock = threading.RLock()
        self._closed = False
        self._writer: mmap.mmap | None = None
        self.on_long_log: Callable[[], None] | None = None
        self._memory = apsw.Connection(":memory:") if folder is None else None
        if self._memory is not None:
            self._memory.execute("BEGIN;" + database.SCHEMA + "COMMIT")
        else:
            self._refuse_network(network)
            if read_only:
                self._find()
            else:
                self._prepare()
                self._writer = self._signature()
        _stores.add(self)

    def reading(self) -> AbstractContextManager[apsw.Connection]:
        """Give a connection in a read transaction: all that is read in it is of one moment."""
        return _Reading(self) if self._memory is None else self._reading_memory()

    @contextmanager
    def writing(self, verb: str) -> Iterator[apsw.Connection]:
        """Give a connection in a write transaction, committed at the end or, on an error, undone.

        Args:
            verb: What it is for; a process that waits for this one in vain is told so.

        Raises:
            AuthorizationError: The store is `read_only`.
            BusyError: Others held the write lock for longer than the stated wait.
        """
        if self.read_only:
            raise AuthorizationError(f"{self.folder} was opened with read_only=True, which does not allow to {verb}")
        if self._memory is not None:
            with self._lock, self._translated():
                yield from self._transaction(self._open_memory())
            return
        if not self._write_lock.acquire(timeout=self._wait):
            raise self._busy()
        try:
            self._refuse_absent()
            db = self._borrow()
            try:
                with self._translated():
                    yield from self._transaction(db, verb)
            finally:
                self._give_back(db)
        finally:
            self._write_lock.release()

    def vacuum(self, pages: int = 1000) -> bool:
        """Give up to so many free pages back to the file system, and tell whether there may be more."""
        if self._memory is not None:
            return False
        with self.writing("vacuum") as db:
            free: int = db.pragma("freelist_count")
            db.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
        if free <= pages:
            with self._lock:
                db = self._borrow()
            try:
                with self._translated():
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the file shrinks with its checkpoint
            finally:
                self._give_back(db)
        return free > pages

    def checkpoint(self) -> None:
        """Put what is in SQLite's log into the file, as far as nobody is in the way."""
        db = self._borrow()
        try:
            _empty_log(db)
        finally:
            self._give_back(db)

    def shrink(self) -> None:
        """Let go of the pages that idle connections keep, but for the one that is used next."""
        with self._lock:
            for db in self._idle[:-1]:
                db.execute("PRAGMA shrink_memory").fetchall()

    def close(self) -> None:
        """Give back every handle; transactions under way end first where they run."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            if self._memory is not None:
                self._memory.close()
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.close()

    def present(self) -> bool:
        """Tell whether the file that is open still lies in the folder: it may have been removed, or replaced."""
        if self.folder is None:
            return True
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _transaction(self, db: apsw.Connection, verb: str = "") -> Iterator[apsw.Connection]:
        db.execute("BEGIN IMMEDIATE")
        try:
            self._sign(verb)
            yield db
        except BaseException:
            if db.in_transaction:  # of a full or failing disk SQLite has rolled back already
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _open_memory(self) -> apsw.Connection:
        if self._closed or self._memory is None:
            raise ClosedError("this database was closed; open a new client")
        return self._memory

    def _borrow(self) -> apsw.Connection:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self.folder} was closed; open a new client")
            if self._idle:
                return self._idle.pop()
        self._refuse_absent()
        with self._translated():
            db = self._connect()
        try:
            self._refuse_absent()  # it may have been replaced just before
        except BaseException:
            db.close()
            raise
        return db

    def _refuse_absent(self) -> None:
        if not self.present():
            raise InternalError(f"{self.folder} was removed or replaced while it was open; open a new client")

    def _give_back(self, db: apsw.Connection) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")  # a reader changed nothing; a writer that came here did not commit
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(db)
                return
        db.close()

    def _connect(self) -> apsw.Connection:
        if self.read_only:
            db = connect(self._address(), apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        else:
            db = connect(str(self._path), apsw.SQLITE_OPEN_READWRITE)
        try:
            db.set_busy_handler(_patience(self._wait))
            db.execute(
                "PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;"
                "PRAGMA journal_size_limit = 67108864"
            ).fetchall()  # a pragma that answers with a row holds up those behind it until the row is read
            db.set_wal_hook(_watcher(self))
        except BaseException:
            db.close()
            raise
        return db

    def _committed(self, db: apsw.Connection, pages: int) -> None:
        """See to it that the log does not grow for ever; emptying it takes longer than the commit itself."""
        if pages >= MOST_LOG_PAGES or (pages >= LOG_PAGES and self.on_long_log is None):
            _empty_log(db)
        elif pages >= LOG_PAGES and self.on_long_log is not None:
            self.on_long_log()

    def _address(self) -> str:
        """Give the URI to read by: where nothing can be written there is no place for locks, and no need of them."""
        assert self.folder is not None
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        if not read_only_mount(self.folder):
            return address
        log, index = self.folder / f"{FILE}-wal", self.folder / f"{FILE}-shm"
        if not log.exists() or not log.stat().st_size:
            return f"{address}&immutable=1"
        if not index.exists():
            raise InternalError(
                f"{log} holds calls that are not in {FILE} yet, and {self.folder} cannot be written to: open it once "
                "where it can, or copy the folder"
            )
        return address

    @property
    def _path(self) -> Path:
        assert self.folder is not None
        return self.folder / FILE

    def _refuse_network(self, allowed: bool) -> None:
        assert self.folder is not None
        mount = None if allowed else network_mount(self.folder)
        if mount is not None:
            raise InternalError(
                f"{self.folder} lies on a network file system ({mount}): locks there do not keep machines apart, and "
                "two of them can destroy a database. Keep it on a local disk; or, if only one machine ever opens it, "
                "say network=True"
            )

    def _find(self) -> None:
        """Open what exists, changing nothing."""
        assert self.folder is not None
        if database.absent(self._path):
            database.refuse_chroma(self.folder)
            raise NotFoundError(f"{self.folder} holds no database to be opened with read_only=True")
        self._recognise()

    def _prepare(self) -> None:
        """Make the folder and the file where absent, and refuse what is not ours to read."""
        assert self.folder is not None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InternalError(f"File exists (os error 17): {self.folder} is a file; a folder is wanted") from error
        except OSError as error:
            raise InternalError(f"{self.folder}: cannot make this folder: {error.strerror}") from error
        if database.absent(self._path):
            database.refuse_chroma(self.folder)
            try:
                with self._translated():
                    database.create(self.folder, self._wait)
            except OSError as error:
                raise InternalError(f"{self.folder}: cannot make a database here: {error.strerror or error}") from error
        self._recognise()

    def _recognise(self) -> None:
        """Refuse a file that is not Ochre's, or of a newer format; keep the connection for whoever comes first."""
        database.refuse_other(self._path)
        database.refuse_lost(self._path)
        self._inode = self._path.stat().st_ino
        with self._translated():
            db = self._connect()
            try:
                self._refuse_absent()  # it may have been replaced just before
                database.refuse_stranger(db, self._path)
            except BaseException:
                db.close()
                raise
        self._give_back(db)

    @contextmanager
    def _reading_memory(self) -> Iterator[apsw.Connection]:
        with self._lock, self._translated():
            yield self._open_memory()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in our own errors what SQLite says in its."""
        try:
            yield
        except (apsw.Error, UnicodeDecodeError) as error:
            raise self._translation(error) from error

    def _translation(self, error: BaseException) -> OchreError:
        if isinstance(error, apsw.BusyError):
            return self._busy()
        if is_damage(error):
            return damaged_file(self.folder or "the database in memory", error)
        return InternalError(f"{self.folder or 'in memory'}: SQLite could not go on: {error}")

    def _sign(self, verb: str) -> None:
        """Leave word of who holds the write lock, for those who wait for it in vain."""
        if self._writer is not None:
            self._writer[:] = f"process {os.getpid()} ({verb})".encode().ljust(_SIGNATURE)[:_SIGNATURE]

    def _busy(self) -> BusyError:
        holder = "" if self._writer is None else self._writer[:].strip(b" \0").decode(errors="replace")
        if not holder or f"process {os.getpid()} " in holder:  # this process does not wait for itself
            holder = "another process"
        return BusyError(f"{self.folder}: {holder} held the write lock for more than {self._wait:g} s; try again later")

    def _signature(self) -> mmap.mmap:
        """Map the few bytes in which writers sign.

        A mapping, because a plain write to a file waits for the file system's journal, which other writes keep busy.
        """
        assert self.folder is not None
        try:
            handle = os.open(self.folder / WRITER, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(handle).st_size < _SIGNATURE:
                    # Written, not truncated to its length: to sign in a hole of a full disk would kill the process.
                    os.write(handle, bytes(_SIGNATURE))
                return mmap.mmap(handle, _SIGNATURE)
            finally:
                os.close(handle)
        except OSError as error:
            raise InternalError(f"{self.folder / WRITER}: cannot map this file: {error.strerror}") from error

    def _after_fork(self) -> None:
        """Start afresh in a forked child: locks may be held there, and SQLite forbids to use or close what was open."""
        _left_behind.extend(self._idle)
        self._idle = []
        self._lock = threading.RLock()
        self._write_lock = threading.RLock()


class _Reading:
    """A read transaction in a file; a generator in its place takes some 4 us of each query."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> apsw.Connection:
        self._db = self._store._borrow()
        try:
            self._db.execute("BEGIN")
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self._db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._store._give_back(self._db)
        if isinstance(error, apsw.Error | UnicodeDecodeError):
            raise self._store._translation(error) from error


def _watcher(store: Store) -> Callable[[apsw.Connection, str, int], int]:
    """Give what SQLite is to call after each commit; it must not keep a store that its user has let go of."""
    held = weakref.ref(store)

    def committed(db: apsw.Connection, name: str, pages: int) -> int:  # noqa: ARG001 # SQLite's
        store = held()
        if store is not None:
            store._committed(db, pages)
        return apsw.SQLITE_OK

    return committed


def _empty_log(db: apsw.Connection) -> None:
    with suppress(apsw.Error):  # the log stays, and is as good a place; SQLite's own checkpoints are as forgiving
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def _patience(wait: float) -> Callable[[int], bool]:
    """Give what waits for a lock for so many seconds.

    SQLite's own way soon looks only every 100 ms, and between writers that never rest it can miss each gap for longer
    than anybody's patience.
    """
    began = 0.0

    def go_on(tries: int) -> bool:
        nonlocal began
        now = time.monotonic()
        began = now if not tries else began
        if now - began >= wait:
            return False
        time.sleep(random.uniform(0.0005, 0.003))
        return True

    return go_on


_stores: "weakref.WeakSet[Store]" = weakref.WeakSet()
_left_behind: list[apsw.Connection] = []


def _after_fork() -> None:
    for store in list(_stores):
        store._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

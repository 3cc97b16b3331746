"""Work in the background: one thread an engine indexes, and gives free space back, off the path of readers and writers.

An index is made beside the one in use, from the truth, and takes its place in a moment. Nothing depends on it: until it
is there, and if the process dies on the way, searches are exact.
"""

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ochredb.core.errors import BusyError, ClosedError, NotFoundError, OchreError
from ochredb.core.model import Floats, Labels
from ochredb.index.base import Slots
from ochredb.local import catalog, packing, records, snapshot
from ochredb.local.built import Job
from ochredb.local.catalog import Head
from ochredb.local.collection import Collection
from ochredb.local.locks import file_lock
from ochredb.local.log import Moment
from ochredb.local.memory import give_back
from ochredb.local.store import Store
from ochredb.local.text import Documents, TextIndex
from ochredb.local.vectors import OUTGROWN, TAIL, Vectors

_QUIET_SECONDS = 0.5
_RUSH_SECONDS = 0.5
_RUSH_ROWS, _RUSH_BYTES = 1 << 17, 1 << 27
"""Rows that pour in are waited for up to so many and so much float32, which a search looks through in some 10 ms."""
_logger = logging.getLogger("ochredb")


class Indexer:
    """Brings the views of collections up to date.

    Args:
        store: The truth.
        install: Called with fresh views of a collection, to be used in the place of those that there are.
        grown: Called when views may have grown.
    """

    def __init__(self, store: Store, install: Callable[[Collection], None], grown: Callable[[], None]) -> None:
        self._store = store
        self._install = install
        self._grown = grown
        self._wake = threading.Condition()
        self._waiting: dict[str, Collection] = {}
        self._resting: dict[str, Collection] = {}
        self._working = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._space = False
        self._long_log = False
        self._packed: packing.Place | None = None
        store.on_long_log = _weakly(self.notice_log)
        _indexers.add(self)

    def notice(self, collection: Collection, urgent: bool) -> None:
        """Learn that a collection has changed: look at it now, or when nothing has come for a while."""
        with self._wake:
            if self._stopping:
                return
            (self._waiting if urgent else self._resting)[collection.id] = collection
            self._awake()

    def notice_space(self) -> None:
        """Learn that pages of the file have become free, to be given back when nothing has come for a while."""
        with self._wake:
            if not self._stopping:
                self._space = True
                self._awake()

    def notice_log(self) -> None:
        """Learn that SQLite's log has become long, to be emptied off the path of the writer."""
        with self._wake:
            if not self._stopping:
                self._long_log = True
                self._awake()

    def settle(self, collections: Iterable[Collection], idle: bool = True) -> None:
        """Index here and now whatever is not indexed yet; not being idle, what would not wait for a quiet moment."""
        for collection in collections:
            self._care(collection, idle)

    def close(self) -> None:
        """Stop the thread; an index that is being made is given up."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None

    def _awake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="ochre-indexer", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # From Python 3.12 on an interpreter that ends starts none; what the caller wrote is committed anyway.
                _logger.debug("there is no thread to work in the background", exc_info=True)
                return
            self._thread = thread
        self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopping:
                    return
                resting = self._resting or self._space
                notified = bool(self._waiting) or self._long_log
                notified = notified or self._wake.wait(_QUIET_SECONDS if resting else None)
                due = self._waiting if notified else self._resting
                taken = list(due.values())
                due.clear()
            self._empty_log()
            for collection in taken:
                if notified:
                    self._await_lull(collection)
                if self._goes_on():
                    self._care(collection, idle=not notified)
                    if notified:
                        self.notice(collection, urgent=False)
            if not notified:
                self._give_back_space()

    def _await_lull(self, collection: Collection) -> None:
        """Wait while rows pour into a collection whose index is to be trained: one made now would soon be outgrown."""
        before = -TAIL
        with suppress(OchreError):  # indexing will meet it, too
            while True:
                self._empty_log()
                with self._store.reading() as db:
                    head = catalog.head(db, collection.id)
                if head.next_label - before < TAIL or not _may_wait(head, collection.vectors):
                    return
                before = head.next_label
                with self._wake:
                    if self._wake.wait_for(lambda: self._stopping, _RUSH_SECONDS):
                        return

    def _empty_log(self) -> None:
        if not self._long_log:
            return
        self._long_log = False
        try:
            self._store.checkpoint()
        except OchreError:
            _logger.debug("SQLite's log is left to the writers", exc_info=True)

    def _give_back_space(self) -> None:
        try:
            while self._space and self._goes_on() and not self._waiting:
                self._space = self._pack() or self._store.vacuum()
        except NotFoundError:  # the collection that was being packed is gone, and its pages are free anyway
            self._packed = None
        except (BusyError, ClosedError):
            _logger.debug("free pages are kept for now: others are writing")
        except Exception:
            _logger.exception("free pages could not be given back")
            self._space = False

    def _pack(self) -> bool:
        """Pack a few records, and tell whether there may be more to pack."""
        with self._store.writing("pack") as db:
            self._packed = packing.step(db, self._packed)
        return self._packed is not None

    def _care(self, collection: Collection, idle: bool) -> None:
        if collection.replaced:
            return
        try:
            with self._working, _indexing(collection):
                more = worked = self._index_vectors(collection, idle)
                while more:  # what came meanwhile is worth another round only if it is much
                    more = self._index_vectors(collection, idle=False)
                worked |= self._index_text(collection)
                self._tidy(collection, idle)
            if worked:  # and has read all that there is
                self._store.shrink()
                give_back()
            self._grown()
        except (NotFoundError, ClosedError):
            _logger.debug("collection %s went away while it was being indexed", collection.id)
        except Exception:
            # An index is a convenience: without it searches are slower and just as right, so the process goes on.
            _logger.exception("collection %s could not be indexed", collection.id)

    def _index_vectors(self, collection: Collection, idle: bool) -> bool:
        """Index once, and tell whether there may be more to do."""
        with collection.lock.exclusive(), self._store.reading() as db:
            head = catalog.head(db, collection.id)
            collection.catch_up(db, head)
            vectors, roster = collection.vectors, collection.roster
            due = vectors.wants(head.rows, len(roster), idle) if vectors is not None else None
            if vectors is None or due is None:
                return False
            alive, dirty = roster.alive.copy(), vectors.begin()

        def read(slots: Slots) -> tuple[Slots, Floats]:
            with self._store.reading() as db:  # a moment each: a long transaction would keep the WAL from being emptied
                return collection.read_left(db, head, slots)

        built = None
        try:
            built = vectors.make(due, Job(alive, dirty, read, self._goes_on), idle)
        finally:
            with collection.lock.exclusive():
                vectors.adopt(built)
        return built is not None

    def _index_text(self, collection: Collection) -> bool:
        """Index the documents if that is due, and tell whether it was."""
        with collection.lock.exclusive(), self._store.reading() as db:
            head = catalog.head(db, collection.id)
            collection.catch_up(db, head)
            if not collection.text.wants(head.rows):
                return False
            labels = collection.roster.labels[collection.roster.alive]

        def read(some: Labels) -> list[tuple[int, str]]:
            with self._store.reading() as db:
                return list(records.documents(db, head.number, some))

        made = self._build_text(collection, head.moment, labels, read)
        with collection.lock.exclusive(), self._store.reading() as db:
            collection.take_text(db, catalog.head(db, collection.id), made)
        return True

    def _build_text(
        self, collection: Collection, moment: Moment, labels: Labels, documents: Documents
    ) -> TextIndex | None:
        if collection.folder is None or collection.read_only:
            return TextIndex.build(None, moment, labels, documents, self._goes_on)
        collection.folder.mkdir(exist_ok=True)
        with file_lock(collection.folder / ".lock", timeout=600):
            path = collection.folder / "text.building"
            path.unlink(missing_ok=True)
            try:
                made = TextIndex.build(path, moment, labels, documents, self._goes_on)
                if made is not None:
                    made.close()
                    details = {"collection": collection.id, "moment": made.moment, "last": made.last, "rows": made.rows}
                    snapshot.write(collection.folder, "text", details, {"index": _blocks(path)})
            finally:  # the disk may be full, or the engine be closing
                path.unlink(missing_ok=True)
        return None

    def _tidy(self, collection: Collection, idle: bool) -> None:
        with collection.lock.exclusive(), self._store.reading() as db:
            head = catalog.head(db, collection.id)
            collection.catch_up(db, head)
            unsaved = collection.unsaved(head) if idle else None
            sparse = collection.sparse(head)
        if unsaved is not None:
            collection.save(unsaved)
        if sparse:
            self._renew(collection)

    def _renew(self, old: Collection) -> None:
        """Make views without dead slots; those who hold the old ones use them to the end."""
        new = Collection(old.id, old.folder, old.read_only)
        with new.lock.exclusive(), self._store.reading() as db:
            new.renew(db, catalog.head(db, old.id))
        self._index_vectors(new, idle=True)
        self._install(new)
        old.replaced = True

    def _goes_on(self) -> bool:
        return not self._stopping

    def _after_fork(self) -> None:
        self._wake = threading.Condition()
        self._working = threading.Lock()
        self._thread = None
        self._waiting, self._resting = {}, {}


def _may_wait(head: Head, vectors: Vectors | None) -> bool:
    built = None if vectors is None else vectors.built
    frontier, trained = (0, 0) if built is None else (built.frontier, built.trained)
    tail = head.next_label - frontier
    return head.rows > OUTGROWN * trained and tail < min(_RUSH_ROWS, _RUSH_BYTES // (4 * (head.dimension or 1)))


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Give a call of a method that does not keep its object."""
    held = weakref.WeakMethod(method)

    def call() -> None:
        found = held()
        if found is not None:
            found()

    return call


@contextmanager
def _indexing(collection: Collection) -> Iterator[None]:
    """Mark a collection whose views must stay, as an index is made by them."""
    collection.indexing = True
    try:
        yield
    finally:
        collection.indexing = False


def _blocks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            yield block


_indexers: "weakref.WeakSet[Indexer]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    # A thread that is inside FAISS when the interpreter goes away would take the process down with it.
    for indexer in list(_indexers):
        indexer.close()


def _after_fork() -> None:
    for indexer in list(_indexers):
        indexer._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""The embedded engine: catch up, filter, search, fetch."""

import itertools
import logging
import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import apsw
import numpy as np

from ochredb.core.errors import InvalidArgumentError, NotFoundError, OchreError
from ochredb.core.figures import Figures
from ochredb.core.model import (
    ALL_FIELDS,
    DEFAULT_TENANT,
    Change,
    CollectionInfo,
    Database,
    Delete,
    Fields,
    Get,
    Hits,
    Labels,
    Mask,
    NewCollection,
    Query,
    Records,
    Scope,
    Write,
)
from ochredb.core.where import Where
from ochredb.index.base import Allowed, Slots, distinct
from ochredb.local import catalog, records, views
from ochredb.local.catalog import Head
from ochredb.local.collection import Collection
from ochredb.local.database import raise_format
from ochredb.local.figures import figures
from ochredb.local.indexer import Indexer
from ochredb.local.memory import give_back
from ochredb.local.store import WAIT_SECONDS, Store
from ochredb.local.vectors import INDEXED_FROM, LONG_TAIL, TAIL

_logger = logging.getLogger("ochredb")

Answer = TypeVar("Answer")
Body = Callable[[apsw.Connection, Head, Collection], Answer]


class LocalEngine:
    """Collections in a folder, or in memory; the `Engine` protocol's verbs.

    Args:
        folder: Made where absent; None keeps everything in memory, for as long as the engine lives.
        wait: Seconds that a write waits for other processes' writes before `BusyError`.
        read_only: Change nothing in the folder; its database must exist.
        network: Allow a folder on a network file system, which is safe as long as one machine opens it.
        memory_limit: Bytes that the views may take; those that were used least lately are unloaded. None is no limit.
    """

    def __init__(
        self,
        folder: Path | None,
        wait: float = WAIT_SECONDS,
        *,
        read_only: bool = False,
        network: bool = False,
        memory_limit: int | None = None,
    ) -> None:
        self.folder = folder
        self._store = Store(folder, wait, read_only, network)
        self._collections: dict[str, Collection] = {}
        self._memory_limit = memory_limit
        self._closed = self._loading = False
        self._indexer = Indexer(self._store, self._install, self._keep_within_limit)
        self._sweep()
        _engines.add(self)

    # Catalog

    def create_tenant(self, tenant: str) -> None:
        with self._store.writing("create tenant") as db:
            catalog.create_tenant(db, tenant)

    def get_tenant(self, tenant: str) -> str:
        with self._store.reading() as db:
            return catalog.get_tenant(db, tenant)

    def list_tenants(self) -> list[str]:
        with self._store.reading() as db:
            return catalog.list_tenants(db)

    def create_database(self, scope: Scope) -> Database:
        with self._store.writing("create database") as db:
            return catalog.create_database(db, scope)

    def get_database(self, scope: Scope) -> Database:
        with self._store.reading() as db:
            return catalog.get_database(db, scope)

    def list_databases(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        with self._store.reading() as db:
            return catalog.list_databases(db, tenant, limit, offset)

    def delete_database(self, scope: Scope) -> None:
        with self._store.writing("delete database") as db:
            gone = catalog.delete_database(db, scope)
        self._drop(gone)

    def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool = False) -> CollectionInfo:
        with self._store.writing("create collection") as db:
            return catalog.create_collection(db, scope, new, exist_ok)

    def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        with self._store.reading() as db:
            return catalog.get_collection(db, scope, name)

    def get_collection_by_id(self, collection: str) -> CollectionInfo:
        with self._store.reading() as db:
            return catalog.get_collection_by_id(db, collection)

    def list_collections(self, scope: Scope, limit: int | None = None, offset: int = 0) -> list[CollectionInfo]:
        with self._store.reading() as db:
            return catalog.list_collections(db, scope, limit, offset)

    def count_collections(self, scope: Scope) -> int:
        with self._store.reading() as db:
            return catalog.count_collections(db, scope)

    def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        with self._store.writing("modify collection") as db:
            return catalog.modify_collection(db, collection, change)

    def delete_collection(self, scope: Scope, name: str) -> None:
        with self._store.writing("delete collection") as db:
            gone = catalog.delete_collection(db, scope, name)
        self._drop([gone])

    # Records

    def write(self, collection: str, write: Write) -> None:
        with self._store.writing(write.mode) as db:
            if write.records.embeddings is not None:
                raise_format(db)
            head = records.write(db, collection, write)
        if head.rows >= INDEXED_FROM:
            view = self._collection(collection)
            covered = 0 if view.vectors is None else view.vectors.frontier
            self._notice(view, urgent=head.next_label - covered >= TAIL)

    def get(self, collection: str, get: Get) -> Records:
        if get.where is None:
            with self._store.reading() as db:
                head = catalog.head(db, collection)
                if get.ids is not None and get.limit is None and not get.offset:
                    return records.fetch_ids(db, head, get.ids, get.fields)
                return records.fetch(db, head, self._page(db, head, get), get.fields)
        where = get.where

        def body(db: apsw.Connection, head: Head, view: Collection) -> Records:
            until = None if get.limit is None else get.offset + get.limit
            return records.fetch(db, head, self._matches(db, head, view, get, where, until)[get.offset :], get.fields)

        return self._answer(collection, body, where)

    def query(self, collection: str, query: Query) -> Hits:
        def body(db: apsw.Connection, head: Head, view: Collection) -> Hits:
            return self._search(db, head, view, query)

        return self._answer(collection, body, query.where, search=True)

    def count(self, collection: str) -> int:
        with self._store.reading() as db:
            return catalog.head(db, collection).rows

    def delete(self, collection: str, delete: Delete) -> int:
        removed = self._delete(collection, delete)
        if removed:
            self._indexer.notice_space()
        return removed

    def scan(self, collection: str, fields: Fields = ALL_FIELDS, batch: int = 1000) -> Iterator[Records]:
        """Stream the records; each batch is of its own moment, so that one written meanwhile may or may not come."""
        after = -1
        while True:
            with self._store.reading() as db:
                head = catalog.head(db, collection)
                labels = records.page(db, head.number, after, batch)
                found = records.fetch(db, head, labels, fields)
            if not len(labels):
                return
            yield found
            after = int(labels[-1])

    def reset(self) -> None:
        with self._store.writing("reset") as db:
            gone = catalog.reset(db)
        self._drop(gone)

    def present(self) -> bool:
        """Tell whether what this engine has open is still what lies in its folder."""
        return self._store.present()

    def figures(self) -> Figures:
        """Count what there is, in milliseconds."""
        with self._store.reading() as db:
            return figures(db, self.folder, list(self._collections.values()))

    def probe(self) -> None:
        """Read, and, unless read only, write and make durable what changes nothing; raise if one of them fails."""
        with self._store.reading() as db:
            catalog.get_tenant(db, DEFAULT_TENANT)
        if not self._store.read_only:
            with self._store.writing("probe") as db:
                db.pragma("user_version", db.pragma("user_version"))  # the same as before, and written all the same

    @contextmanager
    def loading(self, index: bool) -> Iterator[None]:
        """Index nothing within the block, whatever is written and asked, and all that is due when it ends well, if so
        wanted.

        Beside a load an index would be made several times over, and the last of them given up by a process that ends
        with the load; and memory would hold index and load at once.
        """
        self._loading = True
        try:
            yield
        finally:
            self._loading = False
        if index:
            self._indexer.settle(list(self._collections.values()), idle=False)

    def settle(self) -> None:
        """Index now what would be indexed in the background soon, in the collections that this engine has used."""
        self._indexer.settle(list(self._collections.values()))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._indexer.close()
        for view in list(self._collections.values()):
            self._save(view)
            with view.lock.exclusive():
                view.close()
        self._collections.clear()
        self._store.close()
        give_back()

    # Steps

    def _delete(self, collection: str, delete: Delete) -> int:
        if delete.where is None:
            with self._store.writing("delete") as db:
                head = catalog.head(db, collection)
                return records.remove(db, head, _chosen(db, head, delete)[: delete.limit])
        view = self._collection(collection)
        with view.lock.exclusive(), self._store.writing("delete") as db:
            head = self._head(db, view)
            view.catch_up(db, head, delete.where)
            return records.remove(db, head, self._matches(db, head, view, delete, delete.where, delete.limit))

    def _answer(self, collection: str, body: Body[Answer], where: Where | None, search: bool = False) -> Answer:
        """Answer from views that are as new as the read transaction.

        The lock is taken before the transaction begins: under it no view can move ahead of what the transaction sees.
        """
        view = self._collection(collection)
        with view.lock.shared(), self._store.reading() as db:
            head = self._head(db, view)
            if view.ready(head, where, search):
                return body(db, head, view)
        with view.lock.exclusive() as share, self._store.reading() as db:
            head = self._head(db, view)
            view.catch_up(db, head, where, search)
            share()
            answer = body(db, head, view)
        self._notice_slow(head, view, search)
        self._keep_within_limit()
        return answer

    def _notice_slow(self, head: Head, view: Collection, search: bool) -> None:
        """Have views put right that are slow to search, whichever process has left them so."""
        if view.sparse(head):
            self._notice(view, urgent=True)
        elif search and head.rows >= INDEXED_FROM and view.tail >= LONG_TAIL:
            self._notice(view, urgent=False)

    def _notice(self, view: Collection, urgent: bool) -> None:
        if not self._loading:
            self._indexer.notice(view, urgent)

    def _search(self, db: apsw.Connection, head: Head, view: Collection, query: Query) -> Hits:
        k = min(query.k, head.rows)
        came = query.embeddings.shape[1]
        if head.dimension is not None and came != head.dimension:
            raise InvalidArgumentError(f"Collection expecting embedding with dimension of {head.dimension}, got {came}")
        if view.vectors is None or not k or not len(query.embeddings):
            nothing = records.fetch(db, head, _NONE, query.fields)
            return Hits([nothing] * len(query.embeddings), [[] for _ in range(len(query.embeddings))])
        allowed = self._allowed(db, head, view, query, query.where)
        slots, distances = view.search(db, head, query.embeddings, k, allowed, head.effort)
        labels = [view.roster.labels[row[row >= 0]] for row in slots]
        return Hits(
            _fetch_each(db, head, labels, query.fields),
            [row[: len(found)].tolist() for row, found in zip(distances, labels, strict=True)],
        )

    def _allowed(
        self, db: apsw.Connection, head: Head, view: Collection, wanted: Get | Query | Delete, where: Where | None
    ) -> Allowed:
        """Give the slots of the records that match a filter and have one of the ids, if given."""
        allowed = view.allowed(db, head, where)
        if view.text.wants(head.rows):
            self._notice(view, urgent=True)
        if wanted.ids is None:
            return allowed
        return Allowed(allowed.mask & view.roster.mask(_chosen(db, head, wanted)))

    def _matches(
        self,
        db: apsw.Connection,
        head: Head,
        view: Collection,
        wanted: Get | Delete,
        where: Where,
        count: int | None,
    ) -> Labels:
        """Give the ascending labels of the first records that match a filter and have one of the ids, if given."""
        return view.roster.labels[_first(self._allowed(db, head, view, wanted, where).mask, count)]

    def _page(self, db: apsw.Connection, head: Head, get: Get) -> Labels:
        if get.ids is None and get.limit is None:
            return records.all_labels(db, head)[get.offset :]
        if get.ids is None:
            return records.page(db, head.number, -1, get.limit, get.offset)
        return _paged(_chosen(db, head, get), get)

    def _collection(self, collection: str) -> Collection:
        view = self._collections.get(collection)
        if view is None:
            folder = None if self.folder is None else self.folder / str(_uuid(collection))
            view = self._collections.setdefault(collection, Collection(collection, folder, self._store.read_only))
        view.used = next(_uses)
        return view

    def _keep_within_limit(self) -> None:
        """Unload the views of collections, those used least lately first, until the rest are within the limit.

        The one used last stays, and so do those that are being indexed: when that is done, this is called again.
        """
        if self._memory_limit is None:
            return
        views = sorted(self._collections.values(), key=lambda view: view.used)
        total = sum(view.nbytes for view in views)
        for view in views[:-1]:
            if total <= self._memory_limit:
                return
            if view.indexing or not view.nbytes:
                continue
            if view.worth_saving():
                self._notice(view, urgent=False)  # which saves it, and comes back here
                continue
            total -= view.nbytes
            with view.lock.exclusive():
                view.forget()
            give_back()

    def _head(self, db: apsw.Connection, view: Collection) -> Head:
        try:
            return catalog.head(db, view.id)
        except NotFoundError:
            self._collections.pop(view.id, None)
            raise

    def _install(self, view: Collection) -> None:
        if view.id in self._collections:
            self._collections[view.id] = view

    def _save(self, view: Collection) -> None:
        try:
            with view.lock.shared(), self._store.reading() as db:
                head = catalog.head(db, view.id)
                unsaved = view.unsaved(head, last=True) if view.moment == head.moment else None
            if unsaved is not None:
                view.save(unsaved)
        except (OchreError, OSError):
            # A view on disk is a convenience: without it the next process makes its own, so closing goes on.
            _logger.warning("the views of collection %s could not be saved", view.id, exc_info=True)

    def _drop(self, gone: list[str]) -> None:
        self._indexer.notice_space()
        for collection in gone:
            self._collections.pop(collection, None)
            if self.folder is not None:
                shutil.rmtree(self.folder / collection, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the views of collections that are gone, and half views: a process may have died on the way."""
        if self.folder is None or self._store.read_only:
            return
        there = [path for path in self.folder.iterdir() if views.is_uuid(path.name)]
        if not there:
            return
        with self._store.reading() as db:
            known = {collection for (collection,) in db.execute("SELECT id FROM collections")}
        for path in there:
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
                continue
            with suppress(OSError):  # what cannot be removed now is in nobody's way
                views.sweep(path)

    def _after_fork(self) -> None:
        self._collections = {}  # their locks may have been held by threads that did not come along


_NONE = np.empty(0, np.int64)
_uses = itertools.count(1)


def _chosen(db: apsw.Connection, head: Head, wanted: Get | Query | Delete) -> Labels:
    """Give the ascending labels of the ids that are asked for, or of all records."""
    if wanted.ids is None:
        return records.all_labels(db, head)
    return np.sort(np.fromiter(records.labels_of(db, head.number, wanted.ids).values(), np.int64))


def _first(mask: Mask, count: int | None) -> Slots:
    """Give the first slots of a mask, which are looked for no farther than needed; None gives all."""
    if count is None:
        return np.flatnonzero(mask)
    reach = 8 * count + 1024
    found = np.flatnonzero(mask[:reach])
    while len(found) < count and reach < len(mask):
        reach *= 8
        found = np.flatnonzero(mask[:reach])
    return found[:count]


def _paged(labels: Labels, get: Get) -> Labels:
    return labels[get.offset :][: get.limit]


def _fetch_each(db: apsw.Connection, head: Head, labels: list[Labels], fields: Fields) -> list[Records]:
    if len(labels) == 1:
        return [records.fetch(db, head, labels[0], fields)]
    wanted = np.concatenate(labels) if labels else _NONE
    every = distinct(wanted)
    known = records.fetch(db, head, every, fields)
    return list(known.take(np.searchsorted(every, wanted).tolist()).split(map(len, labels)))


def _uuid(collection: str) -> UUID:
    try:
        return UUID(collection)
    except ValueError as error:
        raise NotFoundError(f"Collection [{collection}] does not exist") from error


_engines: "weakref.WeakSet[LocalEngine]" = weakref.WeakSet()


def _after_fork() -> None:
    for engine in list(_engines):
        engine._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

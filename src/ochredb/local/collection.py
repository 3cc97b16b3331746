"""The views of one collection in this process, and how they catch up with the truth.

Every view knows one sequence number, that of the last write it has seen. A verb holds the lock, opens its read
transaction, and finds that the views are as new as what it reads, or brings them there first: what is committed is
found by the very next query, in every process.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import numpy as np
from msgspec.structs import replace

from ochredb.core.model import Floats, Labels, Mask
from ochredb.core.where import Among, And, Contains, Equal, Holds, Not, Or, Order, Regex, Where
from ochredb.index.base import Allowed, Nearest, Slots
from ochredb.index.ivf import IvfIndex
from ochredb.index.rows import Lengths, Rows
from ochredb.local import log, records, snapshot
from ochredb.local.built import Built
from ochredb.local.catalog import Head
from ochredb.local.columns import Columns
from ochredb.local.lock import SharedLock
from ochredb.local.locks import file_lock
from ochredb.local.log import DOCUMENTS, METADATA, VECTORS, Moment, Touched
from ochredb.local.memory import give_back
from ochredb.local.roster import Roster
from ochredb.local.snapshot import Manifest
from ochredb.local.text import Text, TextIndex
from ochredb.local.vectors import TAIL, Vectors

_MASKS = 32
_NO_LABELS = np.empty(0, np.int64)


class Unsaved(NamedTuple):
    """A vector view at one moment, on its way to disk."""

    vectors: Vectors
    built: Built
    details: dict[str, object]
    labels: Labels


class Collection:
    """Roster, vectors, columns and text of one collection.

    Args:
        id: Its UUID.
        folder: Where its snapshots lie; None keeps none.
        read_only: Whether to leave the snapshots as they are.

    Every method but `lock`'s own is called with the lock held: exclusively for those that change a view, shared for
    `ready`, `allowed` and `search`.
    """

    def __init__(self, id: str, folder: Path | None, read_only: bool = False) -> None:  # noqa: A002 - the user's word for it
        self.id = id
        self.folder = folder
        self.read_only = read_only
        self.used = 0
        self.indexing = False
        self.replaced = False
        self.lock = SharedLock()
        self.moment: Moment | None = None
        self.roster = Roster(_NO_LABELS)
        self.vectors: Vectors | None = None
        self.columns = Columns()
        self.text = Text()
        self._masks: dict[str, Allowed] = {}
        self._saved = 0

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory the views take."""
        vectors = 0 if self.vectors is None else self.vectors.nbytes
        text = 0 if self.text.index is None else self.text.index.nbytes
        return self.roster.nbytes + vectors + self.columns.nbytes + text + len(self._masks) * len(self.roster)

    def ready(self, head: Head, where: Where | None, search: bool) -> bool:
        """Whether the views can answer as of this head: about the keys of `where`, and for a `search` about vectors."""
        if self.moment != head.moment:
            return False
        if search and self.vectors is not None and not self.vectors.ready:
            return False
        return self.columns.ready(_keys(where), len(self.roster))

    def catch_up(self, db: apsw.Connection, head: Head, where: Where | None = None, search: bool = False) -> None:
        """Bring the views to this head, and make them able to answer as `ready` says."""
        try:
            if self.moment != head.moment:
                self._follow(db, head)
            if search and self.vectors is not None:
                self.vectors.prepare(lambda slots: self.read(db, head, slots), self.roster.alive)
            keys = _keys(where)
            if not self.columns.ready(keys, len(self.roster)):
                self.columns.prepare(keys, len(self.roster), lambda *asked: self._metadata_values(db, head, *asked))
                give_back()
        except BaseException:
            self.forget()  # a view that saw half of a change is worth nothing
            raise

    def renew(self, db: apsw.Connection, head: Head) -> None:
        """Read all views anew from the truth, whatever lies on disk."""
        self.roster = Roster(records.all_labels(db, head))
        self.vectors = None if head.dimension is None else Vectors(head.space, head.dimension)
        self.take_text(db, head, None)
        self.moment = head.moment

    def forget(self) -> None:
        """Let go of all views in memory; the next verb reads them anew."""
        self.moment = None
        self.roster, self.vectors, self.columns = Roster(_NO_LABELS), None, Columns()
        self._close_text()
        self._masks.clear()

    def read(self, db: apsw.Connection, head: Head, slots: Slots) -> tuple[Slots, Floats]:
        """Give the float32 truth of ascending slots, all of which exist at this head."""
        found, vectors = self.read_left(db, head, slots)
        if len(found) < len(slots):
            raise records.changed_on_disk(db, head.number, int(self.roster.labels[np.setdiff1d(slots, found)[0]]))
        return found, vectors

    def read_left(self, db: apsw.Connection, head: Head, slots: Slots) -> tuple[Slots, Floats]:
        """Give the float32 truth of ascending slots, with the slots that still exist."""
        found, vectors = records.vectors(db, head, self.roster.labels[slots])
        return (slots if len(found) == len(slots) else self.roster.slots(found)), vectors

    def allowed(self, db: apsw.Connection, head: Head, where: Where | None) -> Allowed:
        """Give the slots of the records that a filter keeps."""
        key = repr(where)  # tells 1 from 1.0 from True, and inf from nan, which equality and JSON do not
        allowed = self._masks.get(key)
        if allowed is None:
            alive = self.roster.alive
            allowed = Allowed(alive if where is None else self._evaluate(db, head.number, where, alive))
            if len(self._masks) >= _MASKS:
                self._masks.clear()
            self._masks[key] = allowed
        return allowed

    @property
    def tail(self) -> int:
        """How many rows each search has to look at one by one, until they are indexed."""
        return 0 if self.vectors is None else self.vectors.tail(len(self.roster))

    def sparse(self, head: Head) -> bool:
        """Whether so many slots are dead that views without them are worth making."""
        return self.roster.dead > max(head.rows, TAIL)

    def search(
        self, db: apsw.Connection, head: Head, queries: Floats, k: int, allowed: Allowed, effort: int
    ) -> Nearest:
        """Find the k nearest among allowed slots."""
        assert self.vectors is not None
        return self.vectors.search(lambda slots: self.read(db, head, slots), queries, k, allowed, effort)

    def worth_saving(self, last: bool = False) -> bool:
        """Whether so much of the vector view is not on disk that the next process would gain by it.

        Args:
            last: There will be no better moment: then a 32nd of the rows is worth writing all of them, else a quarter.
        """
        if self.folder is None or self.read_only or self.vectors is None or self.vectors.built is None:
            return False
        least = max(TAIL // 4, self._saved // 32) if last else max(TAIL, self._saved // 4)
        return self.vectors.built.frontier - self._saved >= least

    def unsaved(self, head: Head, last: bool = False) -> "Unsaved | None":
        """Give what a snapshot of the vector view needs, if it is `worth_saving`."""
        vectors = self.vectors
        if not self.worth_saving(last) or vectors is None or vectors.built is None:
            return None
        details = {
            "collection": self.id,
            "moment": head.moment,
            "space": head.space,
            "dimension": vectors.dimension,
            "precision": vectors.built.rows.dtype.str,
            "exact": vectors.built.rows.exact,
            "lengths": vectors.built.rows.lengths if np.isfinite(vectors.built.rows.lengths).all() else None,
            "trained": vectors.built.trained,
            "frontier": vectors.built.frontier,
            "boost": vectors.built.boost,
            "untried": vectors.built.untried,
            "halves": vectors.built.halves,
            "reach": vectors.built.reach,
            "dirty": sorted(vectors.dirty),
        }
        labels = np.where(self.roster.alive, self.roster.labels, ~self.roster.labels)
        return Unsaved(vectors, vectors.built, details, labels)

    def save(self, unsaved: "Unsaved") -> None:
        """Write a snapshot; called by one thread at a time, without the lock, as nothing that it reads changes."""
        assert self.folder is not None
        vectors, built, details, labels = unsaved
        files = {
            "index": built.ivf.save(),
            "rows": built.rows.blocks(built.frontier),
            "labels": [labels.astype("<i8")],
        }
        self.folder.mkdir(exist_ok=True)
        with file_lock(self.folder / ".lock", timeout=60):
            manifest = snapshot.write(self.folder, "vectors", details, files)
            self._saved = built.frontier
            vectors.built = replace(built, rows=_mapped(self.folder, manifest))

    def take_text(self, db: apsw.Connection, head: Head, made: TextIndex | None) -> None:
        """Search text with an index made in memory, or else with the one on disk."""
        self._close_text()
        index = made or self._stored_text()
        if index is None:
            return
        changes = log.since(db, head.number, index.moment, head.moment)
        if changes is None:
            index.close()
            return
        self.text = Text(index)
        for touched in changes:
            if touched.fields & DOCUMENTS:
                self.text.touch(touched.upserted)

    def close(self) -> None:
        """Give back every handle."""
        self.forget()

    def _follow(self, db: apsw.Connection, head: Head) -> None:
        if self.moment is None:
            self._load(head)
            self.take_text(db, head, None)
        changes = None if self.moment is None else log.since(db, head.number, self.moment, head.moment)
        if changes is None:
            self.forget()
            self.renew(db, head)
        for touched in changes or ():
            self._apply(head, touched)
        self.moment = head.moment
        self._masks.clear()

    def _apply(self, head: Head, touched: Touched) -> None:
        if self.vectors is None and head.dimension is not None:
            self.vectors = Vectors(head.space, head.dimension)
        new = touched.upserted[touched.upserted > self.roster.last]
        old = touched.upserted[: len(touched.upserted) - len(new)]
        self.roster.extend(new)
        if self.vectors is not None and touched.fields & VECTORS:
            self.vectors.touch(self.roster.slots(touched.upserted))
        if touched.fields & METADATA:
            self.columns.touch(self.roster.slots(old))
        if touched.fields & DOCUMENTS:
            self.text.touch(old)
        if len(touched.removed):
            gone = self.roster.remove(touched.removed)
            if self.vectors is not None:
                self.vectors.remove(gone)

    def _load(self, head: Head) -> None:
        """Begin with the vector view that some process has left on disk, if there is one and it is whole."""
        manifest = snapshot.read(self.folder, "vectors") if self.folder is not None else None
        if manifest is None or self.folder is None:
            return
        details = manifest.details
        if (details["collection"], details["space"]) != (self.id, head.space):
            return
        try:
            labels = np.fromfile(self.folder / manifest.files["labels"].name, "<i8")
            with (self.folder / manifest.files["index"].name).open("rb") as file:
                ivf = IvfIndex.load(head.space, details["dimension"], file)
            rows = _mapped(self.folder, manifest)
        except OSError:  # another process has just put a newer snapshot in its place, or the disk fails
            return
        frontier, reach = details["frontier"], tuple(details.get("reach", ()))  # no reach in those of 0.1
        built = Built(
            ivf, rows, frontier, details["trained"], details["boost"], details["untried"], details["halves"], reach
        )
        self.vectors = Vectors(head.space, details["dimension"], built, np.array(details["dirty"], np.int64))
        self.roster = Roster(np.where(labels < 0, ~labels, labels), labels >= 0)
        self.moment, self._saved = Moment(*details["moment"]), frontier

    def _stored_text(self) -> TextIndex | None:
        manifest = snapshot.read(self.folder, "text") if self.folder is not None else None
        if manifest is None or self.folder is None or manifest.details["collection"] != self.id:
            return None
        path, details = self.folder / manifest.files["index"].name, manifest.details
        return TextIndex.open(path, Moment(*details["moment"]), details["last"], details["rows"])

    def _close_text(self) -> None:
        if self.text.index is not None:
            self.text.index.close()
        self.text = Text()

    def _metadata_values(
        self, db: apsw.Connection, head: Head, slots: Slots, keys: Sequence[str]
    ) -> tuple[Slots, list[list[Any]]]:
        labels, values = records.metadata_values(db, head.number, self.roster.labels[slots], keys)
        return self.roster.slots(labels), values

    def _evaluate(self, db: apsw.Connection, number: int, where: Where, within: Mask) -> Mask:
        """Give True where a filter keeps a record of `within`."""
        match where:
            case Equal() | Order() | Among() | Holds():
                return within & self.columns.mask(where, len(self.roster))
            case Contains(text):
                return within & self.roster.mask(self.text.containing(db, number, text, self._few(within)))
            case Regex(pattern):
                labels = self.roster.labels[within]
                return within & self.roster.mask(self.text.matching(db, number, pattern, labels))
            case Not(node):
                return within & ~self._evaluate(db, number, node, within)
            case And(nodes):
                for node in sorted(nodes, key=_textual):  # a text is looked for in what the columns leave
                    within = self._evaluate(db, number, node, within)
                return within
            case Or(nodes):
                found = np.zeros(len(within), np.bool_)
                for node in nodes:
                    found |= self._evaluate(db, number, node, within & ~found)
                return found

    def _few(self, within: Mask) -> Labels | None:
        """Give the labels of a mask that is worth keeping to; scanning everything in order is thrice as fast a row."""
        return None if 3 * np.count_nonzero(within) > len(within) else self.roster.labels[within]


def _mapped(folder: Path, manifest: Manifest) -> Rows:
    dtype, dimension = np.dtype(manifest.details["precision"]), manifest.details["dimension"]
    base = np.memmap(folder / manifest.files["rows"].name, dtype, "c").reshape(-1, dimension)
    lengths = manifest.details.get("lengths")  # not in those of 0.1
    lossless = manifest.details.get("exact", False)  # nor is this
    return Rows(dtype, dimension, base, None if lengths is None else Lengths(*lengths), lossless)


def _keys(where: Where | None) -> set[str]:
    match where:
        case None | Contains() | Regex():
            return set()
        case Not(node):
            return _keys(node)
        case And(nodes) | Or(nodes):
            return set().union(*map(_keys, nodes))
        case _:
            return {where.key}


def _textual(where: Where) -> bool:
    match where:
        case Contains() | Regex():
            return True
        case Not(node):
            return _textual(node)
        case And(nodes) | Or(nodes):
            return any(map(_textual, nodes))
        case _:
            return False

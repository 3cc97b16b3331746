"""A folder of Chroma's as a source of records."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import BusyError, NotFoundError
from ochredb.core.model import ALL_FIELDS, Fields, Labels, Records
from ochredb.transfer.chroma import catalogue, contents, embeddings, hnsw, records
from ochredb.transfer.chroma.catalogue import Segments
from ochredb.transfer.chroma.contents import Contents
from ochredb.transfer.chroma.database import Database
from ochredb.transfer.chroma.embeddings import Located
from ochredb.transfer.chroma.findings import Findings
from ochredb.transfer.source import BATCH, Description, Loss

_TRIES = 20
_UNREADABLE = "records whose embedding is missing or damaged, and which are left out"
_STRAY = "no collection has it; Chroma leaves such behind when it deletes one"
_COUNTS = (
    "SELECT (SELECT count(*) FROM collections), "
    "(SELECT count(*) FROM embeddings WHERE segment_id IN (SELECT id FROM segments))"
)


class _Catalogue(Struct, frozen=True):
    """What the folder holds, as of one moment."""

    version: int
    contents: Contents
    collections: dict[str, tuple[Description, Segments]]


class _View(Struct, frozen=True):
    """A collection, as of one moment.

    Args:
        version: Of the SQLite file.
        stamp: Of the files of the index.
        rows: Of table `embeddings`.
        located: Where its embeddings are.
        findings: What was found while they were located.
    """

    version: int
    stamp: tuple[tuple[int, int, int], ...]
    rows: Labels
    located: Located
    findings: Findings

    @property
    def folder(self) -> Path:
        """Give the folder of the index."""
        return self.located.held.folder


class ChromaFolder:
    """The collections in a folder of Chroma's `PersistentClient`, of any release from 0.4 to 1.5.

    Nothing is written to the folder, which a Chroma may have open; what it writes meanwhile may or may not be read.

    Args:
        folder: It.

    Raises:
        NotFoundError: It holds no database of Chroma's.
        CorruptError: Its SQLite file is none, or so damaged that not even its tables are known.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = Database(folder)
        self._seen: _Catalogue | None = None
        self._described: dict[str, Findings] = defaultdict(Findings)
        self._noted: dict[str, Findings] = defaultdict(Findings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the files."""
        self._db.close()

    @property
    def name(self) -> str:
        """Tell where it is."""
        return str(self.folder)

    @property
    def releases(self) -> str:
        """Tell which releases of Chroma write such a folder."""
        with self._db.reading():
            return catalogue.releases(self._db)

    def collections(self) -> Sequence[Description]:
        """Give the collections by tenant, database and name."""
        with self._db.reading() as version:
            return [described for described, _ in self._catalogue(version).collections.values()]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records in the order of their insertion.

        Without `embeddings` among the fields there are more of them, if some have lost their embedding.

        Raises:
            NotFoundError: Chroma has deleted the collection since it was described.
            BusyError: Chroma writes the index anew all the time.
        """
        self._noted.pop(collection.key, None)
        noted = Findings()
        view: _View | None = None
        after, tries = -1, 0
        while True:
            read = Findings()  # a page that is read again takes what was noted of it along
            with self._db.reading() as version:
                if view is None or not self._is_now(view, version):
                    if view is not None:
                        noted.tell(self.folder, "Chroma wrote to it meanwhile; what is new may be missing")
                    view = self._view(collection, version)
                rows = view.rows[np.searchsorted(view.rows, after, "right") :][:BATCH]
                page = self._page(view, rows, fields, read)
            # SQLite has told of one moment; the files of the index must not be of a later one.
            if hnsw.stamp(view.folder) != view.stamp:
                tries += 1
                if tries == _TRIES:
                    raise BusyError(f"{view.folder}: Chroma writes to it all the time; close it there, and try again")
                continue
            if not len(rows):
                view.findings.take(noted)  # the reason first, then the records
                self._noted[collection.key] = view.findings
                return
            noted.take(read)
            after, tries = int(rows[-1]), 0
            if len(page):
                yield page

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell what could not be read of a collection, once its stream has come to the end."""
        return (*self._described[collection.key].losses(), *self._noted[collection.key].losses())

    def remarks(self) -> Sequence[Loss]:
        """Tell what is damaged in the SQLite file, and what is in the folder that belongs to no collection."""
        with self._db.reading() as version:
            seen = self._catalogue(version)
        known = {one for _, segments in seen.collections.values() for one in (segments.metadata, segments.vector)}
        strays = {segment: len(rows) for segment, rows in seen.contents.records.items() if segment not in known}
        folders = (file.parent for file in sorted(self.folder.glob(f"*/{hnsw.DATA}")) if file.parent.name not in known)
        return (
            *self._db.losses,
            *(
                Loss("table embeddings", f"segment {one}, records: {count:,}: {_STRAY}")
                for one, count in strays.items()
            ),
            *(Loss(str(folder), f"a vector index: {_STRAY}") for folder in folders),
        )

    def _catalogue(self, version: int) -> _Catalogue:
        if self._seen is None or self._seen.version != version:
            held = contents.read(self._db)
            found = catalogue.read(self._db, held.records, self._described)
            self._seen = _Catalogue(version, held, {one[0].key: one for one in found})
        return self._seen

    def _is_now(self, view: _View, version: int) -> bool:
        return view.version == version and view.stamp == hnsw.stamp(view.folder)

    def _view(self, collection: Description, version: int) -> _View:
        seen = self._catalogue(version)
        if collection.key not in seen.collections:
            raise NotFoundError(f"{self.folder}: collection {collection.new.name!r} is there no longer")
        _, segments = seen.collections[collection.key]
        rows = seen.contents.records.get(segments.metadata or "", np.empty(0, np.int64))
        folder = self.folder / (segments.vector or "")
        stamp = hnsw.stamp(folder)
        findings = Findings()
        located = embeddings.locate(self._db, collection.key, segments, seen.contents, folder, findings)
        return _View(version, stamp, rows, located, findings)

    def _page(self, view: _View, rows: Labels, fields: Fields, findings: Findings) -> Records:
        found = records.fetch(self._db, rows, findings)
        kept = Records(
            found.ids,
            None,
            found.documents if "documents" in fields else None,
            found.metadatas if "metadatas" in fields else None,
            found.uris if "uris" in fields else None,
        )
        if "embeddings" not in fields:
            return kept
        vectors = embeddings.fetch(self._db, view.located, found.ids, findings)
        there = np.isfinite(vectors).all(axis=1) & (view.located.dimension > 0)
        lost = [found.ids[place] for place in np.flatnonzero(~there)]
        if lost:
            findings.lose(f"{view.folder}, and table embeddings_queue", _UNREADABLE, lost)
        return replace(kept, embeddings=vectors).take(np.flatnonzero(there).tolist())


def summary(folder: Path) -> str:
    """Tell in a few words what a folder of Chroma's holds, as fast as it can be told.

    Raises:
        OchreError: It cannot be read, or is none of Chroma's.
    """
    db = Database(folder, check=False)
    try:
        with db.reading():
            ((collections, rows),) = db.rows(_COUNTS)
            releases = catalogue.releases(db)
    finally:
        db.close()
    return f"a database of Chroma {releases}; collections: {collections:,}, records: {rows:,}"

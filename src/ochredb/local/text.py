"""The text view: an FTS5 index of trigrams proposes documents, the documents themselves decide.

It is made when a large collection is first searched by text, in one piece, and then only read; documents that came or
changed since are looked at one by one. Until it is there, a scan of the documents answers.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import apsw
import numpy as np

from ochredb.core.model import Labels
from ochredb.core.pattern import compile_pattern, literal_in
from ochredb.index.base import distinct
from ochredb.local import records
from ochredb.local.log import Moment

INDEXED_FROM = 10_000
"""Fewer documents are scanned in a few milliseconds."""
_TERMS = 24
_CHUNK = 4096


Documents = Callable[[Labels], Iterable[tuple[int, str]]]
"""Give label and document of those records, of ascending labels, that have one."""


class TextIndex:
    """Trigrams of the documents of `rows` records, of labels up to `last`, as of one moment; closed to changes."""

    def __init__(self, db: apsw.Connection, moment: Moment, last: int, rows: int) -> None:
        self._db = db
        # Those of a file the system takes back when it needs them.
        self.nbytes: int = 0 if db.filename else db.pragma("page_count") * db.pragma("page_size")
        self.moment = moment
        self.last = last
        self.rows = rows

    @classmethod
    def open(cls, path: Path, moment: Moment, last: int, rows: int) -> "TextIndex":
        """Open a file whose checksum was found right."""
        uri = f"{path.absolute().as_uri()}?immutable=1"
        return cls(apsw.Connection(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI), moment, last, rows)

    @staticmethod
    def build(
        path: Path | None, moment: Moment, labels: Labels, documents: Documents, keep_on: Callable[[], bool]
    ) -> "TextIndex | None":
        """Index the documents of ascending labels, as of one moment, in a file or memory; None if told to stop."""
        db = apsw.Connection(":memory:" if path is None else str(path))
        try:
            made = TextIndex._fill(db, moment, labels, documents, keep_on)
        except BaseException:
            db.close()
            raise
        if made is None:
            db.close()
        return made

    @staticmethod
    def _fill(
        db: apsw.Connection, moment: Moment, labels: Labels, documents: Documents, keep_on: Callable[[], bool]
    ) -> "TextIndex | None":
        db.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN").fetchall()
        # Without positions the index is a third of the size; the documents are looked at anyway.
        db.execute(
            "CREATE VIRTUAL TABLE docs USING fts5(document, content = '', detail = none, columnsize = 0, "
            "tokenize = 'trigram case_sensitive 1')"
        )
        for start in range(0, len(labels), _CHUNK):
            if not keep_on():
                return None
            rows = ((label, _whole(text)) for label, text in documents(labels[start : start + _CHUNK]))
            db.executemany("INSERT INTO docs (rowid, document) VALUES (?, ?)", rows)
        db.execute("COMMIT")
        return TextIndex(db, moment, int(labels[-1]), len(labels))

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def labels(self, text: str) -> Labels | None:
        """Give ascending labels of all indexed documents that may contain a text; None if it is too short to tell."""
        trigrams = sorted({text[at : at + 3] for at in range(len(text) - 2)})
        if not trigrams:
            return None
        some = trigrams[:: -(-len(trigrams) // _TERMS)]
        query = " AND ".join('"' + _whole(trigram).replace('"', '""') + '"' for trigram in some)
        rows = self._db.execute("SELECT rowid FROM docs WHERE docs MATCH ? ORDER BY rowid", (query,))
        return np.fromiter((label for (label,) in rows), np.int64)


class Text:
    """Documents of one collection, to be searched by what they contain."""

    def __init__(self, index: TextIndex | None = None) -> None:
        self.index = index
        self.dirty: set[int] = set()
        self.asked = False

    def touch(self, labels: Labels) -> None:
        """Learn that these records have other documents."""
        if self.index is not None:
            self.dirty.update(labels[labels <= self.index.last].tolist())

    def wants(self, rows: int) -> bool:
        """Say whether an index is due: asked for, and worth it."""
        if not self.asked or rows < INDEXED_FROM:
            return False
        return self.index is None or rows - self.index.rows + len(self.dirty) > self.index.rows // 2

    def containing(self, db: apsw.Connection, number: int, text: str, within: Labels | None) -> Labels:
        """Give the labels, among ascending ones or all, of the documents that contain a text."""
        self.asked = True
        return records.labels_with_text(db, number, text, self._proposed(db, number, text, within))

    def matching(self, db: apsw.Connection, number: int, pattern: str, within: Labels) -> Labels:
        """Give the labels, among ascending ones, of the documents with a match of a pattern."""
        literal = literal_in(pattern)
        if len(literal) > 2:
            within = self.containing(db, number, literal, within)
        search = compile_pattern(pattern).search
        found = (label for label, document in records.documents(db, number, within) if search(document) is not None)
        return np.fromiter(found, np.int64)

    def _proposed(self, db: apsw.Connection, number: int, text: str, within: Labels | None) -> Labels | None:
        proposed = self.index.labels(text) if self.index is not None else None
        if self.index is None or proposed is None:
            return within
        tail = records.page(db, number, self.index.last, None)
        dirty = np.fromiter(self.dirty, np.int64, len(self.dirty))
        proposed = distinct(np.concatenate((proposed, dirty, tail)))
        return proposed if within is None else np.intersect1d(proposed, within, assume_unique=True)


def _whole(text: str) -> str:
    return text.replace("\0", "\ufffd")  # FTS5 ends a document at its first NUL

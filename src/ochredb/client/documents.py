"""Files that people have into a collection: what is new is embedded, and what is unchanged is left alone."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from ochredb.client import bar
from ochredb.client.bar import Progress
from ochredb.client.collection import Collection
from ochredb.client.intake import Intake
from ochredb.core.errors import BadValue
from ochredb.core.model import Metadata
from ochredb.core.where import Among, And, Equal
from ochredb.transfer import files, rows
from ochredb.transfer.chunks import LIMIT
from ochredb.transfer.feed import refuse
from ochredb.transfer.piece import HASH, PATH, Content, Piece
from ochredb.transfer.pipeline import Batch
from ochredb.transfer.rows import Naming
from ochredb.transfer.source import Loss

BATCH = 128
"""How many pieces are embedded together: few enough that little is embedded again after a kill."""
SHOWN = 100
"""How many bad rows a report names; there may be as many as there are rows."""


class Filed(Struct):
    """What became of files.

    Args:
        new: Files that the collection did not know.
        changed: Files whose records were replaced, or completed.
        unchanged: Files that were left alone.
        written: Records that were embedded and written.
        removed: Records that were removed: of what is no longer in a changed file, or of a file that is gone.
        gone: Files that the collection knows, and that are no longer there.
        skipped: Files that are no text, or could not be read, with the reason.
        bad: How many rows could not be read.
        losses: The first of these, by line.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    written: int = 0
    removed: int = 0
    gone: list[str] = field(default_factory=list)
    skipped: list[Loss] = field(default_factory=list)
    bad: int = 0
    losses: list[Loss] = field(default_factory=list)


def ingest_files(
    collection: Collection,
    path: str | os.PathLike[str],
    *,
    glob: str = "**/*",
    chunk: int | None = None,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the column's usual name, as on the command line
    metadata: Sequence[str] | None = None,
    prune: bool = False,
    skip_bad: bool = False,
    workers: int = 1,
    progress: bool | Progress = False,
) -> Filed:
    """Bring the text files of a folder, or the rows of CSV and JSON Lines, into a collection, and keep them up.

    A text is cut by paragraphs, a long paragraph by sentences, a long sentence by words. Every record knows its file by
    the metadata `path` (from the folder that `path` is in), `hash` (of the content) and, where texts are cut, `chunk`
    (its number). So a second run leaves unchanged files alone, replaces what is no longer in a changed one, embeds only
    texts that are new, and goes on where a run was killed.

    Args:
        collection: Of a client that blocks.
        path: A folder, or one file.
        glob: Which files of the folder; what begins with a dot is passed over.
        chunk: Characters of a chunk at most; 800 for text files, and None leaves the texts of rows whole.
        text: The column that is embedded, of files of rows; None takes all files as text.
        id: The column of ids; without it rows are numbered.
        metadata: Columns to keep, of CSV also as `year:int`, `price:float`, `sold:bool`; None is all others.
        prune: Remove the records of files that are gone.
        skip_bad: Go on without rows that cannot be read.
        workers: Threads that embed, as in `ingest`.
        progress: True shows a bar on the terminal; a function is told the records done.

    Raises:
        NotFoundError: There is no such folder or file.
        InvalidArgumentError: A row cannot be read, and `skip_bad` is False; of its file nothing was written.
        UnwrittenError: As in `ingest`.
    """
    for name, count in (("chunk", chunk), ("workers", workers)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise BadValue(f"{name}: expected a whole number of at least 1, got {count!r}")
    naming = None if text is None else Naming(text, id, None if metadata is None else tuple(metadata))
    if naming is None and (id is not None or metadata is not None):
        raise BadValue("id and metadata name columns of rows: name the column of the text, too (text=..., --text)")
    with bar.told(progress, None) as told:
        filing = _Filing(Intake(collection, "upsert", told, workers), Path(path), naming, chunk, skip_bad)
        filing.run(glob)
    filing.clear(prune)
    return filing.report


class _Filing:
    """One run over the files of a place."""

    def __init__(self, intake: Intake, place: Path, naming: Naming | None, limit: int | None, skip_bad: bool) -> None:
        self.report = Filed()
        self._intake, self._place = intake, place.resolve()
        self._naming, self._limit, self._skip_bad = naming, limit, skip_bad
        self._known = _known(intake)
        self._stale: dict[str, list[str]] = {}

    def run(self, glob: str) -> None:
        """Write the records of all files that are new or changed."""
        pieces = chain.from_iterable(map(self._pieces, self._contents(glob)))
        groups = iter(lambda: list(islice(pieces, BATCH)), [])
        self._intake.take(batch for group in groups for batch in self._changes(group) if len(batch.records))

    def clear(self, prune: bool) -> None:
        """Remove the records that are no longer in their file, and, if that is wanted, those whose file is gone."""
        for name, hashes in self._stale.items():
            self.report.removed += self._intake.remove(And((Equal(PATH, name), Among(HASH, tuple(hashes)))))
        within = (name for name in self._known if name.startswith(f"{self._place.name}/") and self._place.is_dir())
        self.report.gone = sorted(name for name in within if not self._is_there(name))
        for name in self.report.gone if prune else ():
            self.report.removed += self._intake.remove(Equal(PATH, name))

    def _contents(self, glob: str) -> Iterator[Content]:
        for name, path in files.found(self._place, glob):
            try:
                content = self._read(name, path)
            except (BadValue, OSError) as error:
                # A file that was asked for by its name, or one of rows that is damaged, is not merely another file.
                if path == self._place or (self._naming is not None and rows.is_rows(path)):
                    raise
                self.report.skipped.append(Loss(_shown(name), str(error)))
            else:
                yield content

    def _read(self, name: str, path: Path) -> Content:
        if _shown(name) != name:
            raise BadValue("its name is no text in UTF-8")
        if self._naming is None:
            return files.read(name, path, self._limit or LIMIT)
        return rows.read(name, path, self._naming, self._limit, self._fault)

    def _fault(self, loss: Loss) -> None:
        if not self._skip_bad:
            refuse(loss)
        self.report.bad += 1
        if self.report.bad <= SHOWN:
            self.report.losses.append(loss)

    def _pieces(self, content: Content) -> Iterator[Piece]:
        """Give the pieces of a file, unless the collection has all of them and no others."""
        known = self._known.get(content.name)
        if known == Counter({content.hash: content.count}):
            self.report.unchanged += 1
            return iter(())
        if known is None:
            self.report.new += 1
        else:
            self.report.changed += 1
            self._stale[content.name] = [hash_ for hash_ in known if hash_ != content.hash]
        return content.pieces()

    def _changes(self, group: list[Piece]) -> Iterator[Batch]:
        """Give what is to be written of some pieces: those with another text, and those with other metadata only."""
        batch = self._intake.read(
            {
                "ids": [piece.id for piece in group],
                "documents": [piece.text for piece in group],
                "metadatas": [piece.metadata for piece in group],
            }
        )
        stored = self._intake.stored(batch.records.ids)
        texts, others = [], []
        metadatas: list[Metadata | None] = []
        for row, piece in enumerate(group):
            text, metadata = stored.get(piece.id, (None, {}))
            self._refuse_other(piece, metadata)
            metadatas.append({**dict.fromkeys(metadata), **piece.metadata})  # None removes a key that was there
            if text != piece.text:
                texts.append(row)
            elif metadata != piece.metadata:
                others.append(row)
        records = replace(batch.records, metadatas=metadatas)
        self.report.written += len(texts)
        yield Batch(records.take(texts), [group[row].text for row in texts])
        yield Batch(replace(records.take(others), documents=None))

    def _refuse_other(self, piece: Piece, stored: Metadata) -> None:
        """Refuse to take the place of a record that another file has, unless that file is gone."""
        other = stored.get(PATH)
        if HASH in stored and other != piece.metadata[PATH] and isinstance(other, str) and self._is_there(other):
            raise BadValue(
                f"{piece.metadata[PATH]}: the id {piece.id!r} is that of a record of {other}, too; "
                "put them into different collections, or give other ids"
            )

    def _is_there(self, name: str) -> bool:
        return (self._place.parent / name).is_file()


def _shown(name: str) -> str:
    """Write the name of a file so that it can be printed, whatever bytes it has."""
    return name.encode(errors="backslashreplace").decode()


def _known(intake: Intake) -> dict[str, Counter[str]]:
    """Count the records of each file by the hash of the content that they are of."""
    found: dict[str, Counter[str]] = {}
    for records in intake.scan(frozenset(("metadatas",))):
        for metadata in records.metadatas or ():
            path, hash_ = ((metadata or {}).get(key) for key in (PATH, HASH))
            if isinstance(path, str) and isinstance(hash_, str):
                found.setdefault(path, Counter())[hash_] += 1
    return found

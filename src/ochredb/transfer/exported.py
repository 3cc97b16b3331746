"""What `export` wrote, and files of the same formats by others, as sources."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from ochredb.core.errors import BadValue, CorruptError, NotFoundError
from ochredb.core.model import ALL_FIELDS, Fields, NewCollection, Records, Scope
from ochredb.transfer import formats, manifest
from ochredb.transfer.digest import Digest, Stamp
from ochredb.transfer.feed import Content, Fault, refuse
from ochredb.transfer.manifest import Exported, plain
from ochredb.transfer.source import Description, Loss

NAMED = 20
"""So many of the rows that cannot be read are named; the others are counted."""


class ExportedFile:
    """A file that holds one collection.

    Args:
        path: Of it.
        skip_bad: Go on without rows that cannot be read.

    Raises:
        NotFoundError: There is no such file.
        BadValue: It is of no format that is known here, or damaged.
    """

    def __init__(self, path: Path, skip_bad: bool = False) -> None:
        if not path.is_file():
            raise NotFoundError(f"{path}: there is no such file")
        self._path, self._reader = path, _Reader(skip_bad)
        with _open(path) as content:
            self._collection = _described(content, path.name)

    @property
    def name(self) -> str:
        """Tell its path."""
        return str(self._path)

    def collections(self) -> Sequence[Description]:
        """Give the one collection; it has no name if the file does not tell it."""
        return [self._collection]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream its records."""
        with _open(self._path) as content:
            yield from self._reader.records(collection.key, content, fields, self.name, content.stamp)

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell which rows could not be read."""
        return self._reader.losses(collection.key)


class ExportedFolder:
    """A folder with a file a collection, and a manifest.

    Args:
        folder: It.
        skip_bad: Go on without rows that cannot be read, and believe files that are not what was written.

    Raises:
        NotFoundError: There is no manifest.
        CorruptError: The manifest is damaged.
        FormatError: A newer Ochre wrote it.
    """

    def __init__(self, folder: Path, skip_bad: bool = False) -> None:
        self._folder, self._skip_bad, self._reader = folder, skip_bad, _Reader(skip_bad)
        self._files = {file.file: file for file in manifest.read(folder).files}

    @property
    def name(self) -> str:
        """Tell its path."""
        return str(self._folder)

    def collections(self) -> Sequence[Description]:
        """Give the collections in the order of the manifest."""
        return [replace(file.collection, key=name, rows=file.end.rows) for name, file in self._files.items()]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records of a file, whose checksum is compared first."""
        file = self._files[collection.key]
        path = self._folder / file.file
        if not self._skip_bad:
            _refuse_changed(path, file)
        with _open(path) as content:
            yield from self._reader.records(collection.key, content, fields, str(path), lambda: file.end)

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell which rows could not be read."""
        return self._reader.losses(collection.key)


class Piped:
    """What comes through a pipe: JSON Lines of one collection, to be read once.

    Args:
        file: The pipe, buffered.
        skip_bad: Go on without rows that cannot be read.
    """

    def __init__(self, file: BinaryIO, skip_bad: bool = False) -> None:
        self._reader, self._open_files = _Reader(skip_bad), ExitStack()
        self._content: Content | None = formats.read(file, self.name, self._open_files)
        self._collection = _described(self._content, self.name)

    @property
    def name(self) -> str:
        """Tell what it is."""
        return "standard input"

    def collections(self) -> Sequence[Description]:
        """Give the one collection; it has no name if nothing was said of it."""
        return [self._collection]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records, once.

        Raises:
            BadValue: They were read before.
        """
        content, self._content = self._content, None
        if content is None:
            raise BadValue(f"{self.name} can be read once only; use a file")
        with self._open_files:
            yield from self._reader.records(collection.key, content, fields, self.name, content.stamp)

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell which rows could not be read."""
        return self._reader.losses(collection.key)


class _Reader:
    """Reads files, raising for a row that cannot be read, and for records that are not those that were written.

    Args:
        skip_bad: Remember such rows instead, and compare nothing.
    """

    def __init__(self, skip_bad: bool) -> None:
        self._skip_bad = skip_bad
        self._named: dict[str, list[Loss]] = {}
        self._more: dict[str, int] = {}

    def records(
        self, key: str, content: Content, fields: Fields, name: str, end: Callable[[], Stamp | None]
    ) -> Iterator[Records]:
        """Stream the records of a file.

        Args:
            key: Of the collection.
            content: Of the file.
            fields: The columns; the checksum is of all of them.
            name: Of the file, for errors.
            end: Gives what was written, once all has been read.
        """
        self._named[key], self._more[key] = [], 0
        digest = Digest()
        for batch in content.records(fields, self._fault(key)):
            if fields == ALL_FIELDS and not self._skip_bad:
                digest.add(batch)
            yield batch
        written = end()
        if written is not None and fields == ALL_FIELDS and not self._skip_bad and digest.stamp() != written:
            raise CorruptError(f"{name} is damaged: it holds {digest.stamp()}, and {written} were written")

    def losses(self, key: str) -> Sequence[Loss]:
        """Give what was lost of a collection."""
        more = self._more.get(key, 0)
        rest = [Loss("further on", "more rows that cannot be read", more)] if more else []
        return (*self._named.get(key, ()), *rest)

    def _fault(self, key: str) -> Fault:
        def remember(loss: Loss) -> None:
            if len(self._named[key]) < NAMED:
                self._named[key].append(loss)
            else:
                self._more[key] += loss.rows

        return remember if self._skip_bad else refuse


def _described(content: Content, key: str) -> Description:
    found = content.description or Description(key, Scope(), NewCollection(""))
    return replace(found, key=key, rows=content.rows)


@contextmanager
def _open(path: Path) -> Iterator[Content]:
    with ExitStack() as open_files:
        file = open_files.enter_context(plain(path))
        yield formats.read(file, str(path), open_files)


def _refuse_changed(path: Path, file: Exported) -> None:
    with plain(path) as opened:
        size = opened.seek(0, 2)
    if size != file.bytes:
        raise CorruptError(f"{path} has {size:,} bytes, and {file.bytes:,} were written")
    if manifest.checksum(path) != file.sha256:
        raise CorruptError(f"{path} is damaged: its checksum is another than the manifest's")

"""NumPy's `.npz`: one array a column, without pickle, so that `np.load(file)["embeddings"]` gives the matrix.

A column of texts is two arrays, as NumPy has no array of texts that keeps NUL, None and lengths apart: `documents` are
all texts after each other in UTF-8 (uint8), `documents_bytes` how many bytes each has (int64, -1 for None). Metadata
are JSON. `about` is JSON, too: the collection, how many records, their checksum.

Columns are written side by side into temporary files, and read side by side, so that memory stays bounded.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

import msgspec
import numpy as np

from ochredb.core.errors import BadValue
from ochredb.core.model import Fields, Floats, MetadataValue, Records
from ochredb.transfer.digest import Stamp, vectors
from ochredb.transfer.feed import About, Fault, Feed
from ochredb.transfer.packing import broken
from ochredb.transfer.reading import sifted, told
from ochredb.transfer.source import BATCH, Description

_TEXTS = ("ids", "documents", "metadatas", "uris")
_ABOUT = "about"
_PIECE = 1 << 20
_ABOUT_LIMIT = 1 << 20
_TEXT_LIMIT = 1 << 29
_WIDEST = 1 << 20
_encode = msgspec.json.encode
_metadata = msgspec.json.Decoder(dict[str, MetadataValue]).decode


def write(file: BinaryIO, feed: Feed) -> None:
    """Write a collection as arrays."""
    with ExitStack() as open_files:
        columns = {
            name: _Column(file, open_files)
            for name in ("ids", "embeddings", *_TEXTS[1:])
            if name in (*feed.fields, "ids")
        }
        width = 0
        for batch in feed.records():
            for name, column in columns.items():
                column.put(_blobs(batch, name))
            width = width if batch.embeddings is None else batch.embeddings.shape[1]
        _assemble(file, columns, width, feed.about())


class _Column:
    """A column in the making: all its bytes in one file, how many each row has in another, both beside the target."""

    def __init__(self, file: BinaryIO, open_files: ExitStack) -> None:
        beside = Path(file.name).parent
        self.data, self.lengths = (open_files.enter_context(_scratch(beside)) for _ in range(2))

    def put(self, blobs: Sequence[bytes | memoryview | None]) -> None:
        self.data.write(b"".join(blob for blob in blobs if blob is not None))
        self.lengths.write(np.array([-1 if blob is None else len(blob) for blob in blobs], "<i8").tobytes())


def _scratch(folder: Path) -> IO[bytes]:
    return TemporaryFile(dir=folder)


def _blobs(batch: Records, name: str) -> Sequence[bytes | memoryview | None]:
    if name == "embeddings":
        return vectors(batch) if batch.embeddings is not None else [None] * len(batch)
    if name == "metadatas":
        return [None if one is None else _encode(one) for one in batch.metadatas or [None] * len(batch)]
    column = getattr(batch, name)
    return [None if text is None else text.encode() for text in column or [None] * len(batch)]


def _assemble(file: BinaryIO, columns: dict[str, _Column], width: int, about: About) -> None:
    rows = about.end.rows
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, column in columns.items():
            if name != "embeddings":
                _put_member(archive, name, column.data, "|u1", (column.data.tell(),))
                _put_member(archive, f"{name}_bytes", column.lengths, "<i8", (rows,))
            elif width:
                _put_member(archive, name, column.data, "<f4", (rows, width))
        text = _encode(about)
        _put_member(archive, _ABOUT, BytesIO(text), "|u1", (len(text),))


def _put_member(archive: zipfile.ZipFile, name: str, data: IO[bytes], kind: str, shape: tuple[int, ...]) -> None:
    """Write an array whose numbers lie in a file, in the order of rows."""
    data.seek(0)
    # A member without a date: equal collections are equal files.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, {"descr": kind, "fortran_order": False, "shape": shape})
        copyfileobj(data, member, _PIECE)


class Arrays:
    """A file of arrays.

    Args:
        file: It, seekable.
        name: For errors.

    Raises:
        BadValue: It is damaged, or holds other arrays; what Python would have to unpickle is never looked at.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise broken(name, str(error)) from error
        self._members = set(self._archive.namelist())
        if "ids.npy" not in self._members or "ids_bytes.npy" not in self._members:
            there = ", ".join(sorted(self._members)[:10])
            raise BadValue(
                f"{name} holds {there or 'nothing'}; arrays as `ochre export --format npz` writes are wanted"
            )
        self._about = self._read_about()
        with ExitStack() as open_files:
            _, (self._rows,) = self._open("ids_bytes", "<i8", 1, open_files)

    @property
    def description(self) -> Description | None:
        """What `about` says."""
        return None if self._about is None else self._about.collection

    @property
    def rows(self) -> int | None:
        """How many there are."""
        return self._rows

    def records(self, fields: Fields, fault: Fault) -> Iterator[Records]:
        """Stream the records, each with its position in the errors."""
        names = [name for name in _TEXTS if name in (*fields, "ids") and f"{name}.npy" in self._members]
        with ExitStack() as open_files:
            texts = {name: self._open_texts(name, open_files) for name in names}
            vectors, width = None, 0
            if "embeddings" in fields and "embeddings.npy" in self._members:
                vectors, (_, width) = self._open("embeddings", "<f4", 2, open_files)
            for start in range(0, self._rows, BATCH):
                count = min(BATCH, self._rows - start)
                columns = {name: self._take(name, *pair, count) for name, pair in texts.items()}
                embeddings = None if vectors is None else self._take_vectors(vectors, count, width)
                yield from self._records(start, columns, embeddings, fields, fault)

    def stamp(self) -> Stamp | None:
        """Tell what `about` says."""
        return None if self._about is None else self._about.end

    def _records(
        self, start: int, columns: dict[str, list[str | None]], embeddings: Floats | None, fields: Fields, fault: Fault
    ) -> Iterator[Records]:
        ids: list[Any] = columns["ids"]
        nothing: list[Any] = [None] * len(ids)
        texts = columns.get("metadatas", nothing)
        whole = Records(
            ids,
            embeddings,
            columns.get("documents", nothing) if "documents" in fields else None,
            nothing if "metadatas" in fields else None,
            columns.get("uris", nothing) if "uris" in fields else None,
        )

        def metadata(row: int) -> dict[str, Any] | None:
            text = texts[row]
            return None if text is None else _metadata(text)

        return sifted(whole, metadata, lambda row: f"{self._name}, record {start + row}", fault)

    def _read_about(self) -> About | None:
        if f"{_ABOUT}.npy" not in self._members:
            return None
        with ExitStack() as open_files:
            member, (length,) = self._open(_ABOUT, "|u1", 1, open_files)
            if length > _ABOUT_LIMIT:
                raise BadValue(f"{self._name}: what it says about its collection has {length:,} bytes")
            try:
                return msgspec.json.decode(self._read(member, length), type=About)
            except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
                raise BadValue(f"{self._name}: {told(error)} in {_ABOUT}.npy") from error

    def _open_texts(self, name: str, open_files: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
        texts, _ = self._open(name, "|u1", 1, open_files)
        lengths, (rows,) = self._open(f"{name}_bytes", "<i8", 1, open_files)
        if rows != self._rows:
            raise BadValue(f"{self._name}: {rows:,} {name} and {self._rows:,} ids")
        return texts, lengths

    def _open(self, name: str, kind: str, axes: int, open_files: ExitStack) -> tuple[IO[bytes], tuple[int, ...]]:
        """Open an array behind its head, which says kind and shape; rows of another number are refused."""
        if f"{name}.npy" not in self._members:
            raise BadValue(f"{self._name}: there is no array {name!r} in it")
        try:
            member = open_files.enter_context(self._archive.open(f"{name}.npy"))
            version = np.lib.format.read_magic(member)
            if version != (1, 0):
                raise ValueError(f"a head of version {version}, and (1, 0) is wanted")
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(member)
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise broken(self._name, f"array {name!r}: {error}") from error
        if dtype.str != kind or is_fortran or len(shape) != axes:
            raise BadValue(
                f"{self._name}: array {name!r} is {dtype.str} of {len(shape)} axes{' in columns' * is_fortran}, "
                f"and {kind} of {axes} by row is wanted"
            )
        if min(shape) < 0 or (axes == 2 and (shape[0] != self._rows or not 0 < shape[1] <= _WIDEST)):
            raise BadValue(f"{self._name}: array {name!r} has a shape that cannot be, {shape}")
        return member, shape

    def _take(self, name: str, texts: IO[bytes], lengths: IO[bytes], count: int) -> list[str | None]:
        sizes = np.frombuffer(self._read(lengths, 8 * count), "<i8")
        if (sizes < -1).any() or int(np.maximum(sizes, 0).astype(np.float64).sum()) > _TEXT_LIMIT:
            raise broken(self._name, f"array '{name}_bytes' has lengths that cannot be")
        data = self._read(texts, int(np.maximum(sizes, 0).sum()))
        ends = np.cumsum(np.maximum(sizes, 0)).tolist()
        try:
            pairs = zip(sizes.tolist(), ends, strict=True)
            return [None if size < 0 else data[end - size : end].decode() for size, end in pairs]
        except UnicodeDecodeError as error:
            raise broken(self._name, f"array {name!r} is no UTF-8: {error.reason}") from error

    def _take_vectors(self, vectors: IO[bytes], count: int, width: int) -> Floats:
        return np.frombuffer(self._read(vectors, 4 * count * width), "<f4").reshape(count, width)

    def _read(self, member: IO[bytes], length: int) -> bytes:
        try:
            data = member.read(length)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise broken(self._name, str(error)) from error
        if len(data) != length:
            raise broken(self._name, f"{member.name} ends too early")
        return data

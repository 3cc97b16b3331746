"""JSON Lines: one record a line, as `{"id": ..., "embedding": [...], "document": ..., "metadata": {...}, "uri": ...}`.

A file that stands alone, and what goes through a pipe, begins with a line `{"collection": ...}` and ends with a line
`{"end": ...}`, so that it is known when the end is missing. Files in a folder have a manifest for that.
"""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import BadValue
from ochredb.core.model import Fields, Floats, Records
from ochredb.transfer.digest import Stamp
from ochredb.transfer.feed import Fault, Feed
from ochredb.transfer.packing import broken, damage
from ochredb.transfer.reading import Row, Widths, checked_id, checked_metadata, gathered, matrix, told
from ochredb.transfer.source import BATCH, Description, Loss

LONGEST = 64 << 20
"""Bytes of the longest line: a file without line ends, or one that unpacks to them, is no reason to fill the memory."""

BATCH_BYTES = 64 << 20
"""Bytes of lines after which a batch is full, however few they are."""

NOTHING = b"\n"
"""A file without a record: one without a byte is what a full disk leaves."""

_encoder = msgspec.json.Encoder()
_POWERS = np.array([float(f"1e{n}") for n in range(-22, 23)])
_decode = msgspec.json.Decoder(Row).decode


class _Head(Struct, frozen=True, forbid_unknown_fields=True):
    collection: Description


class _End(Struct, frozen=True, forbid_unknown_fields=True):
    end: Stamp


def write(file: BinaryIO, feed: Feed) -> None:
    """Write a collection, a line a record."""
    if feed.headed:
        file.write(_encoder.encode(_Head(feed.collection)) + b"\n")
    for batch in feed.records():
        file.write(_encoder.encode_lines(_plain(batch)))
    if not feed.headed and not feed.stamp().rows:
        file.write(NOTHING)
    if feed.headed:
        file.write(_encoder.encode(_End(feed.stamp())) + b"\n")


class Lines:
    """A file of JSON Lines, read from its beginning, once.

    Args:
        file: The stream of its bytes.
        name: For errors.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._number = self._bytes = 0
        self._stamp: Stamp | None = None
        self._first = self._line()
        self._head = self._read_head()

    @property
    def description(self) -> Description | None:
        """What the first line says, if it says it."""
        return None if self._head is None else self._head.collection

    @property
    def rows(self) -> int | None:
        """How many there were when the writing began."""
        return None if self._head is None else self._head.collection.rows

    def records(self, fields: Fields, fault: Fault) -> Iterator[Records]:
        """Stream the records, each with its line in the errors."""
        rows: list[tuple[int, Row]] = []
        begun = 0
        for number, row in self._rows(fault):
            rows.append((number, row))
            if len(rows) == BATCH or self._bytes - begun >= BATCH_BYTES:
                yield from self._batch(rows, fields, fault)
                rows, begun = [], self._bytes
        yield from self._batch(rows, fields, fault)
        if self._head is not None and self._stamp is None:
            raise broken(self._name, f"it ends after line {self._number:,}, and the line that tells the end is missing")

    def stamp(self) -> Stamp | None:
        """Tell what the last line says, if it says it."""
        return self._stamp

    def _line(self) -> bytes:
        with damage(self._name):
            line = self._file.readline(LONGEST + 1)
        self._number += 1 if line else 0
        self._bytes += len(line)
        if len(line) > LONGEST:
            raise BadValue(f"{self._place()}: it is longer than {LONGEST:,} bytes; one record a line is wanted")
        return line

    def _read_head(self) -> _Head | None:
        if not self._first.startswith(b'{"collection"'):
            return None
        try:
            head = msgspec.json.decode(self._first, type=_Head)
        except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
            raise BadValue(f"{self._place()}: {told(error)}") from error
        self._first = b""
        return head

    def _read_end(self, line: bytes) -> bool:
        try:
            self._stamp = msgspec.json.decode(line, type=_End).end
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        if self._line():
            raise BadValue(f"{self._place()}: there are lines after the one that tells the end")
        return True

    def _rows(self, fault: Fault) -> Iterator[tuple[int, Row]]:
        """Give the rows that can be read and are as wide as the first of them, each with its line."""
        widths = Widths()
        while line := self._first or self._line():
            self._first = b""
            if line.startswith(b'{"end"') and self._read_end(line):
                return
            if not line.strip():
                continue
            try:
                row = _checked(_decode(line))
                widths.admit(row.embedding)
            except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
                fault(self._loss(told(error)))
                continue
            yield self._number, row

    def _batch(self, rows: list[tuple[int, Row]], fields: Fields, fault: Fault) -> Iterator[Records]:
        """Give a batch, if there is one; a row whose numbers are too large is looked for only if there is one."""
        try:
            found = gathered([row for _, row in rows], fields)
        except BadValue:
            good = [row for number, row in rows if self._finite(number, row, fault)]
            found = gathered(good, fields)
        if len(found):
            yield found

    def _finite(self, number: int, row: Row, fault: Fault) -> bool:
        try:
            matrix([row.embedding or []])
        except BadValue as error:
            fault(self._loss(error.message(), number))
            return False
        return True

    def _loss(self, what: str, number: int | None = None) -> Loss:
        return Loss(self._place(number), what, 1)

    def _place(self, number: int | None = None) -> str:
        return f"{self._name}, line {self._number if number is None else number}"


def _checked(row: Row) -> Row:
    checked_id(row.id)
    metadata = checked_metadata(row.metadata)
    return row if metadata is row.metadata else replace(row, metadata=metadata)


def _plain(records: Records) -> list[Row]:
    nothing = [None] * len(records)
    columns = (
        records.ids,
        records.documents or nothing,
        records.metadatas or nothing,
        records.uris or nothing,
        nothing if records.embeddings is None else digits(records.embeddings).tolist(),
    )
    return [Row(*row) for row in zip(*columns, strict=True)]


def digits(embeddings: Floats) -> npt.NDArray[np.float64]:
    """Give, for each float32, the number of nine significant digits that reads back as it, for JSON.

    A float32 written as the float64 that it is takes up to 17 digits, twice as many bytes. Nine are always enough;
    where the arithmetic here falls short of that, which only the ends of the range can do, the float64 stays.
    """
    wide = embeddings.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log10(np.abs(wide)))
        scale = _POWERS[np.clip(8 - exponent, -22, 22).astype(np.int64) + 22]
        short = np.rint(wide * scale) / scale
        same = short.astype(np.float32).view(np.uint32) == embeddings.view(np.uint32)
    return np.where(same, short, wide)

"""The formats of files: how each is called, written, read, and told by its first bytes."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ochredb.core.errors import BadValue
from ochredb.transfer import arrays, document, lines, table
from ochredb.transfer.feed import Content, Feed
from ochredb.transfer.packing import damage, packed, unpacked

_HEAD = 1 << 16
# The keys of a document are plural, those of a line are not: the first one tells which it is.
_FIRST_KEY = re.compile(rb'\s*\{\s*"(\w+)"')
_PLURAL = (b"ids", b"embeddings", b"documents", b"metadatas", b"uris", b"included", b"data")


class Format(Struct, frozen=True):
    """A format of files.

    Args:
        suffix: Of its files, with the dot.
        packing: `.gz` or `.zst` if they are compressed as a whole.
        write: Writes a collection.
        pipes: Whether it can be written to what has no beginning to go back to.
    """

    suffix: str
    write: Callable[[BinaryIO, Feed], None]
    packing: str = ""
    pipes: bool = False


FORMATS: dict[str, Format] = {
    "jsonl": Format(".jsonl", lines.write, pipes=True),
    "jsonl.gz": Format(".jsonl.gz", lines.write, ".gz", pipes=True),
    "jsonl.zst": Format(".jsonl.zst", lines.write, ".zst", pipes=True),
    "parquet": Format(".parquet", table.write),
    "npz": Format(".npz", arrays.write),
    "json": Format(".json", document.write),
}


def named(name: str) -> Format:
    """Give a format by its name.

    Raises:
        BadValue: There is none of this name.
    """
    if name not in FORMATS:
        raise BadValue(f"format {name!r} is none of {', '.join(FORMATS)}")
    return FORMATS[name]


def of_file(path: Path) -> str | None:
    """Give the name of the format that the name of a file ends in; None if it ends in none."""
    return next((name for name, format_ in FORMATS.items() if path.name.endswith(format_.suffix)), None)


def write(file: BinaryIO, name: str, feed: Feed) -> None:
    """Write a collection into an open file in the format of this name."""
    format_ = named(name)
    with packed(file, format_.packing) as stream:
        format_.write(stream, feed)


def read(file: BinaryIO, name: str, open_files: ExitStack) -> Content:
    """Begin to read a file, whatever it is called, and whether or not it is compressed.

    Args:
        file: It, from its beginning; for Parquet and npz, seekable.
        name: For errors.
        open_files: Closes what is opened here.

    Raises:
        BadValue: It is of no format that is known here, or damaged.
        NotSupported: A library is missing that this format needs.
    """
    head = file.peek(4)[:4]  # type: ignore[attr-defined] # of a buffered reader
    if head == b"PAR1":
        return table.Table(file, name)
    if head == b"PK\x03\x04":
        return arrays.Arrays(file, name)
    stream = unpacked(file, name)
    if stream is not file:
        open_files.enter_context(stream)
    return _text(stream, name)


def _text(stream: BinaryIO, name: str) -> Content:
    with damage(name):
        head = stream.peek(_HEAD)[:_HEAD]  # type: ignore[attr-defined] # of a buffered reader
    first = _FIRST_KEY.match(head)
    if first is not None:
        return document.Document(stream, name) if first[1] in _PLURAL else lines.Lines(stream, name)
    if head == lines.NOTHING:
        return lines.Lines(stream, name)
    raise BadValue(f"{name} is none of {', '.join(FORMATS)}: it begins otherwise than any of them")

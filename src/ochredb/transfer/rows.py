"""CSV and JSON Lines of other programs -> pieces: one column is the text, one the id, others are metadata."""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from ochredb.core.errors import BadValue
from ochredb.core.model import Metadata, MetadataValue
from ochredb.transfer.feed import Fault
from ochredb.transfer.packing import damage, unpacked
from ochredb.transfer.piece import CHUNK, HASH, PATH, Content, Piece, checksum, cut
from ochredb.transfer.reading import checked_metadata, told
from ochredb.transfer.source import Loss

DELIMITERS = {".csv": ",", ".tsv": "\t"}
LINES = (".jsonl", ".ndjson")
PACKED = (".gz", ".zst")
LONGEST = 64 << 20
"""Characters of the longest field, where Python's own limit is 131,072: one that never ends is no reason to go on."""

Line = tuple[int, Mapping[str, Any] | str]
"""The number of a line, and what it holds by column, or what is wrong with it."""


class Naming(Struct, frozen=True):
    """Which column is what.

    Args:
        text: What is embedded.
        id: What a record is known by; None numbers the rows.
        metadata: Columns that records have as metadata, each as `name` or, of CSV, `name:int`, `name:float` or
            `name:bool`; None is all others, as text.
    """

    text: str
    id: str | None = None
    metadata: tuple[str, ...] | None = None


def is_rows(path: Path) -> bool:
    """Tell by the name of a file whether it holds rows."""
    return _suffix(path) in (*DELIMITERS, *LINES)


def read(name: str, path: Path, naming: Naming, limit: int | None, fault: Fault) -> Content:
    """Look through a file of rows, and tell what it holds.

    Args:
        name: By which its records are to know it.
        path: Where it is: `.csv`, `.tsv`, `.jsonl` or `.ndjson`, also with `.gz` or `.zst`.
        naming: Which column is what.
        limit: Characters of a chunk; None leaves texts whole.
        fault: Is told of each row that cannot be read.

    Raises:
        BadValue: The file is no such file, is cut off, or has not the columns that are named.
        OSError: It cannot be read.
    """
    if not is_rows(path):
        known = ", ".join((*DELIMITERS, *LINES))
        raise BadValue(f"{name}: expected a file of rows, which ends in one of {known} (or these with .gz or .zst)")
    with path.open("rb") as file:
        hash_ = checksum(iter(lambda: file.read(1 << 20), b""), f"{naming} in chunks of {limit}")
    about = {PATH: name, HASH: hash_}
    count = sum(1 for _ in _pieces(path, naming, limit, about, fault))
    return Content(name, hash_, count, lambda: _pieces(path, naming, limit, about, _passed_over))


def _passed_over(loss: Loss) -> None:
    """Say nothing of a row that was told of when the file was looked through."""


def _pieces(path: Path, naming: Naming, limit: int | None, about: Metadata, fault: Fault) -> Iterator[Piece]:
    name = about[PATH]
    first: dict[str, int] = {}
    for count, (number, row) in enumerate(_lines(path, name), 1):
        try:
            id_, text, metadata = _read(row, naming, f"{name}#{count}")
            if id_ in first:
                raise BadValue(f"the id {id_!r} is that of line {first[id_]:,}, too")
        except (BadValue, msgspec.ValidationError) as error:
            fault(Loss(f"{name}, line {number:,}", told(error), 1))
            continue
        first[id_] = number
        yield from cut(id_, text, {**metadata, **about}, limit)


def _read(row: Mapping[str, Any] | str, naming: Naming, unnamed: str) -> tuple[str, str, Metadata]:
    """Give id, text and metadata of a row.

    Raises:
        BadValue: It has none, or no such column.
    """
    if isinstance(row, str):
        raise BadValue(row)
    text = _given(row, naming.text)
    if not isinstance(text, str) or not text.strip():
        raise BadValue(f"{naming.text!r} is {_short(text)}; a text is wanted")
    id_ = unnamed if naming.id is None else _given(row, naming.id)
    if not isinstance(id_, str | int) or isinstance(id_, bool) or id_ == "":
        raise BadValue(f"{naming.id!r} is {_short(id_)}; an id is wanted")
    return str(id_), text, _metadata(row, naming)


def _metadata(row: Mapping[str, Any], naming: Naming) -> Metadata:
    columns = naming.metadata
    if columns is None:
        columns = tuple(name for name in row if name not in (naming.text, naming.id))
    found = dict(_typed(row, column) for column in columns)
    for key in (PATH, HASH, CHUNK):
        if key in found:
            raise BadValue(
                f"the column {key!r} cannot be metadata, where {key!r} tells of the file: name those that can"
            )
    for key, value in found.items():
        if isinstance(value, dict) and "#type" not in value:  # which tells a sparse vector
            raise BadValue(f"{key!r} is {_short(value)}; a text, a number, true or false, or a list of these is wanted")
    return checked_metadata(msgspec.convert(found, dict[str, MetadataValue])) or {}


def _typed(row: Mapping[str, Any], column: str) -> tuple[str, Any]:
    """Give a key of metadata and its value, which is None for an empty field."""
    name, colon, kind = column.rpartition(":")
    if not colon or kind not in KINDS or column in row:
        return column, _given(row, column)
    value = _given(row, name)
    if not isinstance(value, str):
        return name, value
    try:
        return name, KINDS[kind](value.strip())
    except (ValueError, KeyError) as error:
        raise BadValue(f"{name!r} is {value[:80]!r}, which is no {kind}") from error


def _given(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise BadValue(f"there is no {column!r}, only {', '.join(map(repr, row)) or 'nothing'}")
    return row[column]


def _short(value: Any) -> str:
    return "empty" if value is None else repr(value)[:80]


def _lines(path: Path, name: str) -> Iterator[Line]:
    suffix = _suffix(path)
    with path.open("rb") as file, damage(name):
        plain = unpacked(file, name)
        yield from _jsonl(plain) if suffix in LINES else _csv(plain, name, DELIMITERS[suffix])


def _suffix(path: Path) -> str:
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _jsonl(file: BinaryIO) -> Iterator[Line]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
        if line.strip():
            try:
                yield number, _DECODE(line.removeprefix(_BOM))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                yield number, f"it is no JSON object: {error}"


def _csv(file: BinaryIO, name: str, delimiter: str) -> Iterator[Line]:
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    reader = csv.reader(_decoded(file), delimiter=delimiter, strict=True)
    header = _header(reader, name)
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield number, f"it is no line of CSV: {error}"
            continue
        if fields is None:
            return
        if fields:
            yield number, _row(header, fields)


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise BadValue(f"{name}, line 1: it is no line of CSV: {error}") from error
    if len(set(header)) < len(header):
        raise BadValue(f"{name}, line 1: expected names of columns, each once, got {', '.join(map(repr, header))}")
    return header


def _row(header: list[str], fields: list[str]) -> Mapping[str, Any] | str:
    if len(fields) != len(header):
        return f"it has {len(fields)} fields, and the first line {len(header)}"
    if not all(map(_encodable, fields)):
        return "it is no text in UTF-8"
    return dict(zip(header, (field or None for field in fields), strict=True))


def _decoded(file: BinaryIO) -> Iterator[str]:
    """Give lines; a byte that is not UTF-8 becomes half a surrogate, so that its line can be named."""
    for number, line in enumerate(file):
        yield (line if number else line.removeprefix(_BOM)).decode("utf-8", "surrogateescape")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_BOM = "\ufeff".encode()
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
KINDS: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": lambda text: _TRUTH[text.lower()]}
"""What a field of CSV can be read as."""

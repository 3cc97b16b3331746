"""Parquet: a table that pandas, polars, DuckDB and Spark read, one row a record.

Columns are `id`, `embedding` (a list of float32 of fixed size), `document`, `uri`, and one for each key of the metadata
whose values are of one type: text, int64, float64, bool, or lists of one of these. `metadata` is the rest as JSON: keys
that hold values of several types (1 and 1.0 are two), sparse vectors, keys whose name is that of another column. So
what is read back has the types that it had.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import numpy as np

from ochredb.core.errors import BadValue, NotSupported
from ochredb.core.model import Fields, Floats, Metadata, MetadataValue, Records
from ochredb.transfer.digest import Stamp
from ochredb.transfer.feed import About, Fault, Feed
from ochredb.transfer.packing import broken
from ochredb.transfer.reading import joined, sifted, size, told
from ochredb.transfer.source import BATCH, Description

GROUP = 10_000
GROUP_BYTES = 64 << 20
"""Rows, or bytes if that is sooner, that are written together, and held in memory together by whoever reads them."""

_KEY = b"ochre"
_TEXT = {"text", "nothing"}
_SCALAR = {f"{many}{kind}" for many in ("", "list of ") for kind in ("text", "int", "float", "bool")} | {"nothing"}
_WANTED = {"id": {"text"}, "embedding": {"list of float"}, "document": _TEXT, "uri": _TEXT, "metadata": _TEXT}
_FIELDS = {"id": "ids", "embedding": "embeddings", "document": "documents", "uri": "uris"}
_MOST_COLUMNS = 500
_MIXED = "mixed"
_encode = msgspec.json.encode
_metadata = msgspec.json.Decoder(dict[str, MetadataValue]).decode


def write(file: BinaryIO, feed: Feed) -> None:
    """Write a collection as a table; its metadata are read once before, for the types of the columns."""
    arrow, _, parquet = _library()
    kinds = _kinds(feed) if "metadatas" in feed.fields else {}
    writer = None
    for batch in _grouped(feed.records()):
        table = _table(arrow, batch, kinds)
        writer = writer or parquet.ParquetWriter(file, table.schema, compression="zstd", write_page_checksum=True)
        writer.write_table(table)
    if writer is None:
        nothing = Records([], None, [], [], [])
        writer = parquet.ParquetWriter(file, _table(arrow, nothing, kinds).schema)
    writer.add_key_value_metadata({_KEY.decode(): _encode(feed.about()).decode()})
    writer.close()


class Table:
    """A Parquet file.

    Args:
        file: It, seekable.
        name: For errors.

    Raises:
        BadValue: It is damaged, or has columns of other types.
        NotSupported: pyarrow is not installed.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        self._arrow, self._compute, parquet = _library()
        try:
            self._file = parquet.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
            self._schema = self._file.schema_arrow
        except (self._arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise broken(name, str(error)) from error
        self._refuse_other()
        self._about = self._read_about()

    @property
    def description(self) -> Description | None:
        """What the file says beside its columns."""
        return None if self._about is None else self._about.collection

    @property
    def rows(self) -> int | None:
        """How many there are."""
        found: int = self._file.metadata.num_rows
        return found

    def records(self, fields: Fields, fault: Fault) -> Iterator[Records]:
        """Stream the records, each with its row in the errors."""
        names = [name for name in self._schema.names if _FIELDS.get(name, "metadatas") in (*fields, "ids")]
        start = 0
        batches = self._file.iter_batches(batch_size=BATCH, columns=names, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
                found = [] if batch is None else list(self._records(start, batch, fields, fault))
            except (self._arrow.ArrowException, OSError, UnicodeDecodeError) as error:
                raise broken(self._name, str(error)) from error
            yield from found
            if batch is None:
                return
            start += batch.num_rows

    def stamp(self) -> Stamp | None:
        """Tell what the file says beside its columns."""
        return None if self._about is None else self._about.end

    def _records(self, start: int, batch: Any, fields: Fields, fault: Fault) -> Iterator[Records]:
        columns = {name: batch.column(name) for name in batch.schema.names}
        embeddings = self._matrix(columns.pop("embedding")) if "embedding" in columns else None
        given = {name: column.to_pylist() for name, column in columns.items()}
        ids = given.pop("id")
        nothing: list[Any] = [None] * len(ids)
        documents, uris = given.pop("document", nothing), given.pop("uri", nothing)
        metadata = _Metadatas(given.pop("metadata", nothing), given)
        whole = Records(
            ids,
            embeddings,
            documents if "documents" in fields else None,
            nothing if "metadatas" in fields else None,
            uris if "uris" in fields else None,
        )
        return sifted(whole, metadata, lambda row: f"{self._name}, row {start + row}", fault)

    def _matrix(self, column: Any) -> Floats:
        """Give embeddings as float32 (n, dimension), with NaN where there is none."""
        widths = set(self._compute.list_value_length(column).drop_null().unique().to_pylist())
        if len(widths) > 1 or 0 in widths:
            raise BadValue(f"{self._name}: embeddings of dimensions {sorted(widths)[:5]}, and one is wanted")
        (width,) = widths or {1}
        found = np.full((len(column), width), np.nan, np.float32)
        values = column.flatten().to_numpy(zero_copy_only=False)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
            found[~column.is_null().to_numpy(zero_copy_only=False)] = values.reshape(-1, width)
        return found

    def _refuse_other(self) -> None:
        names = self._schema.names
        if "id" not in names:
            raise BadValue(f"{self._name}: there is no column 'id' among {', '.join(names)[:200]}")
        if len(set(names)) != len(names):
            raise BadValue(f"{self._name}: two columns have one name")
        for field in self._schema:
            wanted = _WANTED.get(field.name, _SCALAR)
            kind = self._kind(field.type)
            if kind not in wanted:
                raise BadValue(
                    f"{self._name}: column {field.name!r} is {field.type}, and {' or '.join(sorted(wanted))} is wanted"
                )

    def _kind(self, found: Any) -> str:
        """Name a type: of text, numbers and lists, those of every width have one name."""
        types = self._arrow.types
        if types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found):
            return f"list of {self._kind(found.value_type)}"
        tests = {"text": (types.is_string, types.is_large_string), "int": (types.is_integer,)}
        tests |= {"float": (types.is_floating,), "bool": (types.is_boolean,), "nothing": (types.is_null,)}
        return next((name for name, several in tests.items() if any(test(found) for test in several)), str(found))

    def _read_about(self) -> About | None:
        text = (self._file.metadata.metadata or {}).get(_KEY)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=About)
        except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
            raise BadValue(f"{self._name}: {told(error)} in what it says about its collection") from error


class _Metadatas:
    """The metadata of each row, out of the column of JSON and the columns of single keys."""

    def __init__(self, rest: list[str | None], columns: dict[str, list[Any]]) -> None:
        self._rest = rest
        self._rows = zip(*columns.values(), strict=True) if columns else None
        self._keys = list(columns)

    def __call__(self, row: int) -> dict[str, Any]:
        """Give that of a row; they are asked for one after the other."""
        values = next(self._rows) if self._rows is not None else ()
        found = {key: value for key, value in zip(self._keys, values, strict=True) if value is not None}
        text = self._rest[row]
        return found if text is None else {**found, **_metadata(text)}


def _kinds(feed: Feed) -> dict[str, str]:
    """Give the keys that get a column, each with the Arrow type of its values."""
    seen: dict[str, str] = {}
    for batch in feed.peek(frozenset(("metadatas",))):
        for metadata in batch.metadatas or []:
            for key, value in (metadata or {}).items():
                kind = _kind(value)
                if seen.setdefault(key, kind) != kind:
                    seen[key] = _MIXED
    found: dict[str, str] = {}
    taken = set(_WANTED)  # names that differ in case only are one to SQL engines
    for key, kind in seen.items():
        if kind != _MIXED and key.isprintable() and key.casefold() not in taken and len(found) < _MOST_COLUMNS:
            found[key] = kind
            taken.add(key.casefold())
    return found


def _kind(value: Any) -> str:
    if type(value) is list:
        return f"list<{_kind(value[0])}>"
    return _ARROW.get(type(value), _MIXED)


_ARROW = {str: "string", int: "int64", float: "double", bool: "bool"}


def _grouped(batches: Iterator[Records]) -> Iterator[Records]:
    """Join batches to groups."""
    waiting: list[Records] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= GROUP or sum(map(size, waiting)) >= GROUP_BYTES:
            yield joined(waiting)
            waiting = []
    if waiting:
        yield joined(waiting)


def _table(arrow: Any, records: Records, kinds: dict[str, str]) -> Any:
    columns: dict[str, Any] = {"id": arrow.array(records.ids, arrow.string())}
    if records.embeddings is not None:
        values = arrow.array(np.ascontiguousarray(records.embeddings).ravel())
        columns["embedding"] = arrow.FixedSizeListArray.from_arrays(values, records.embeddings.shape[1])
    for name, texts in (("document", records.documents), ("uri", records.uris)):
        if texts is not None:
            columns[name] = arrow.array(texts, arrow.string())
    if records.metadatas is not None:
        for key, kind in kinds.items():
            values = [_value(metadata, key, kind) for metadata in records.metadatas]
            columns[key] = arrow.array(values, _type(arrow, kind))
        columns["metadata"] = arrow.array([_rest(metadata, kinds) for metadata in records.metadatas], arrow.string())
    return arrow.table(columns)


def _value(metadata: Metadata | None, key: str, kind: str) -> Any:
    value = None if metadata is None else metadata.get(key)
    return value if value is not None and _kind(value) == kind else None


def _rest(metadata: Metadata | None, kinds: dict[str, str]) -> str | None:
    """Write what has no column of its type as JSON."""
    rest = {key: value for key, value in (metadata or {}).items() if kinds.get(key) != _kind(value)}
    return _encode(rest).decode() if rest else None


def _type(arrow: Any, kind: str) -> Any:
    if kind.startswith("list<"):
        return arrow.list_(_type(arrow, kind[5:-1]))
    return {"string": arrow.string(), "int64": arrow.int64(), "double": arrow.float64(), "bool": arrow.bool_()}[kind]


def _library() -> tuple[Any, Any, Any]:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise NotSupported("Parquet files need pyarrow: pip install 'ochredb[parquet]'") from error
    return pyarrow, pyarrow.compute, pyarrow.parquet

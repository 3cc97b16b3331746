"""Whole tables of records -> the arguments of `add`: Arrow tables, frames, Parquet files, iterators of rows.

The columns `id`, `document` (or `text`), `embedding` (or `vector`), `uri` and `metadata` are what they say, also in the
plural; every other column is a key of the metadata. A null is a key that the record does not have.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, groupby, islice
from typing import Any, TypeAlias

import msgspec
import numpy as np

from ochredb.chroma import column
from ochredb.chroma.text import short
from ochredb.core.errors import BadType, BadValue, NotSupported
from ochredb.core.model import MetadataValue, Records

Part: TypeAlias = dict[str, Any]
"""Some rows of a table: columns of one length, by name, as `column` reads them."""

Columns: TypeAlias = Mapping[str, str | Sequence[str] | None]
"""Which column is what, where a name alone does not say it: `{"id": "sku", "metadata": ["brand", "year"]}`.

The keys are those of `NAMES`. None is no such column. For `metadata`: one column of dictionaries, or those columns that
are its keys.
"""

NAMES = {
    "id": ("id", "ids"),
    "document": ("document", "documents", "text"),
    "embedding": ("embedding", "embeddings", "vector"),
    "uri": ("uri", "uris"),
    "metadata": ("metadata", "metadatas"),
}
"""What a column of each kind is called; the first of them that there is is taken."""
ARGUMENTS = {"id": "ids", "metadata": "metadatas", "embedding": "embeddings", "document": "documents", "uri": "uris"}
"""The argument of `add` that each kind becomes, in Chroma's order."""

INSTALL = "pip install 'ochredb[parquet]'"
_BATCH = 65_536
_BUFFER = 1 << 20
_DECODE = msgspec.json.Decoder(dict[str, MetadataValue]).decode


def is_table(value: object) -> bool:
    """Tell whether something is a table, and no column of one; an iterator may be either."""
    return isinstance(value, os.PathLike) or _sliced(value) or _streamed(value)


def spread(given: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments of a write with the columns of the table, or of the rows, that stands in the place of `ids`.

    Args:
        given: The arguments by name; what is not given is None.

    Raises:
        BadValue: Other columns are given beside the table, or the table is not one of records.
        NotSupported: It needs pyarrow, which is not installed.
    """
    ids = given["ids"]
    if isinstance(ids, Iterator):
        first = next(ids, None)
        ids = chain(() if first is None else (first,), ids)
        if first is None or isinstance(first, str):
            return {**given, "ids": list(ids)}
    elif not is_table(ids):
        return given
    beside = [name for name, value in given.items() if name != "ids" and value is not None]
    if beside:
        raise BadValue(f"Expected a table to hold all columns, got {', '.join(beside)} beside it; put them into it")
    return {**given, **joined([arguments(part) for part in parts(ids)])}


def rows(source: Any) -> int | None:
    """Count the rows of a table or of a Parquet file; None for what tells it only by being read."""
    if isinstance(source, os.PathLike):
        with _parquet(source) as file:
            return int(file.metadata.num_rows)
    return len(source) if _sliced(source) else None


def parts(source: object, size: int | None = None) -> Iterator[Part]:
    """Cut a table, or anything that rows or tables can be taken from, into parts.

    Args:
        source: A table or frame, the path of a Parquet file, or an iterable of dictionaries, `Records` or tables.
        size: The most rows of a part; None is one part for each table, and one for dictionaries in a row.

    Raises:
        BadType: It is none of these.
        BadValue: A file is no Parquet file, or a table has two columns of one name.
        NotSupported: It needs pyarrow, which is not installed.
    """
    if isinstance(source, Records):
        yield from _cut_records(source, size)
    elif _sliced(source):
        yield from _cut(source, size)
    elif isinstance(source, os.PathLike) or _streamed(source):
        for table in _tables(source, size):
            yield from _cut(table, size)
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes | Mapping):
        yield from _grouped(iter(source), size)
    else:
        raise _no_table(source)


def arguments(part: Part, columns: Columns | None = None) -> dict[str, Any]:
    """Give the arguments of `add` for some rows.

    Raises:
        BadValue: There is no column of ids, or none that `columns` names, or one holds what it should not.
    """
    kinds, keys = _chosen(part, columns or {})
    given: dict[str, Any] = {"ids": [_id(value) for value in column.values(part[kinds["id"]])]}
    for kind in ("document", "uri"):
        if kind in kinds:
            given[ARGUMENTS[kind]] = column.values(part[kinds[kind]])
    if "embedding" in kinds:
        given["embeddings"] = column.vectors(part[kinds["embedding"]], kinds["embedding"])
    if keys or "metadata" in kinds:
        given["metadatas"] = _metadatas(part, keys, kinds.get("metadata"), len(given["ids"]))
    return given


def joined(many: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the arguments of several parts as those of one.

    Raises:
        BadValue: Some have a column that others have not.
    """
    if len(many) == 1:
        return many[0]
    names = [name for name in ARGUMENTS.values() if any(name in one for one in many)]
    for name in names:
        if not all(name in one for one in many):
            raise BadValue(f"Expected tables of the same columns, got some with {name} and some without")
    return {name: _end_to_end([one[name] for one in many]) for name in names} or {"ids": []}


def _end_to_end(columns: list[Any]) -> Any:
    shapes = {one.shape[1:] if isinstance(one, np.ndarray) else None for one in columns}
    if len(shapes) == 1 and None not in shapes:
        return np.concatenate(columns)
    return [row for one in columns for row in one]


def _sliced(value: object) -> bool:
    """Tell whether a table is one whose rows can be cut: Arrow's, pandas's or polars's."""
    cut = hasattr(value, "slice") or hasattr(value, "iloc")
    return cut and hasattr(value, "__len__") and hasattr(value, "columns")


def _streamed(value: object) -> bool:
    """Tell whether something gives tables: a Parquet file, a data set, a stream of Arrow's."""
    if hasattr(value, "to_pylist") or hasattr(value, "to_list"):  # a column
        return False
    return any(hasattr(value, name) for name in ("iter_batches", "to_batches", "__arrow_c_stream__"))


def _tables(source: Any, size: int | None) -> Iterator[Any]:
    if isinstance(source, os.PathLike):
        with _parquet(source) as file:
            yield from file.iter_batches(size or _BATCH)
    elif hasattr(source, "iter_batches"):
        yield from source.iter_batches(size or _BATCH)
    elif hasattr(source, "to_batches"):
        yield from source.to_batches()
    else:
        try:
            from pyarrow import RecordBatchReader
        except ImportError as error:
            raise NotSupported(f"a stream of Arrow's, {short(source)}, needs pyarrow: {INSTALL}") from error
        yield from RecordBatchReader.from_stream(source)


@contextmanager
def _parquet(path: Any) -> Iterator[Any]:
    try:
        from pyarrow.lib import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise NotSupported(f"{os.fspath(path)}: a Parquet file needs pyarrow: {INSTALL}") from error
    try:
        # Without a buffer for each column whole row groups are read, of a million rows if they have so many.
        with ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            yield file
    except ArrowException as error:
        raise BadValue(f"{os.fspath(path)} cannot be read as a Parquet file: {error}") from error


def _cut(table: Any, size: int | None) -> Iterator[Part]:
    rows = table.num_rows if hasattr(table, "num_rows") else len(table)
    names = table.column_names if hasattr(table, "column_names") else list(table.columns)
    if len(set(names)) < len(names):
        raise BadValue(f"Expected columns of different names, got {', '.join(map(str, names))}")
    for start in range(0, rows, size or rows or 1):
        cut = table.slice(start, size) if hasattr(table, "slice") else table.iloc[start : start + (size or rows)]
        yield {str(name): cut[name] for name in names}


def _cut_records(records: Records, size: int | None) -> Iterator[Part]:
    for start in range(0, len(records), size or len(records) or 1):
        cut = records.take(range(start, min(start + (size or len(records)), len(records))))
        found = {name: getattr(cut, name) for name in ARGUMENTS.values()}
        yield {name: one for name, one in found.items() if one is not None}


def _grouped(rows: Iterable[Any], size: int | None) -> Iterator[Part]:
    for kind, alike in groupby(rows, type):
        if issubclass(kind, dict):
            while group := list(islice(alike, size)):
                yield _transposed(group)
        else:
            for table in alike:
                yield from parts(table, size)


def _transposed(rows: list[dict[str, Any]]) -> Part:
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): [row.get(name) for row in rows] for name in names}


def _chosen(part: Part, columns: Columns) -> tuple[dict[str, str], list[str]]:
    """Give the column of each kind, and the columns that are keys of the metadata."""
    unknown = [str(kind) for kind in columns if kind not in NAMES]
    if unknown:
        raise BadValue(f"Expected columns of {', '.join(NAMES)}, got columns={{{', '.join(map(repr, unknown))}: ...}}")
    found = {kind: next((name for name in names if name in part), None) for kind, names in NAMES.items()}
    said = {kind: name for kind, name in columns.items() if name is None or isinstance(name, str)}
    keys = None if "metadata" in said else columns.get("metadata")
    kinds = {kind: name for kind, name in {**found, **said}.items() if name is not None}
    if keys is not None:
        kinds.pop("metadata", None)
    _refuse_absent(part, [*kinds.values(), *(keys or ())])
    if "id" not in kinds:
        raise BadValue(
            f"Expected a column of ids called {' or '.join(NAMES['id'])}, got {_listed(part)}; "
            "say which one it is: columns={'id': NAME}"
        )
    return kinds, [name for name in part if name not in kinds.values()] if keys is None else list(keys)


def _refuse_absent(part: Part, names: list[str]) -> None:
    absent = [name for name in names if name not in part]
    if absent:
        raise BadValue(f"Expected a column {' and one '.join(absent)}, got {_listed(part)}")


def _metadatas(part: Part, keys: list[str], whole: str | None, rows: int) -> list[dict[str, Any] | None]:
    """Give the metadata of rows: of one column of dictionaries, if there is one, and of a column for each key."""
    found = [{} for _ in range(rows)] if whole is None else _dictionaries(column.values(part[whole]), whole)
    for key in keys:
        for row, value in enumerate(column.values(part[key])):
            if key in found[row]:
                raise BadValue(f"Expected a key of metadata once, got {key} in {whole}[{row}] and as a column")
            if value is not None:
                found[row][key] = value
    return [metadata or None for metadata in found]


def _dictionaries(values: list[Any], name: str) -> list[dict[str, Any]]:
    found = []
    for row, value in enumerate(values):
        given = _decoded(value, f"{name}[{row}]") if isinstance(value, str) else value
        if not isinstance(given, dict | None):
            raise BadValue(f"Expected metadata to be a dictionary, got {short(value)} at {name}[{row}]")
        found.append({key: one for key, one in (given or {}).items() if one is not None})
    return found


def _decoded(text: str, path: str) -> Any:
    try:
        return _DECODE(text)
    except msgspec.DecodeError as error:
        raise BadValue(f"Expected metadata as JSON, got {short(text)} at {path}: {error}") from error


def _id(value: Any) -> Any:
    """Give a number that stands for an id as its digits; what else is no text is refused where ids are read."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _listed(part: Part) -> str:
    return ", ".join(part) or "no column at all"


def _no_table(source: object) -> BadType:
    return BadType(
        "Expected a table, a frame, the path of a Parquet file, or an iterable of dictionaries, of tables or of "
        f"Records, got {short(source)} which is a {type(source).__name__}"
    )

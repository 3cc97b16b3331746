"""Chroma's records by page: ids, documents, metadata and URIs out of rows of key and value."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from ochredb.core.model import Labels, Metadata, Records
from ochredb.transfer.chroma.database import Database
from ochredb.transfer.chroma.findings import Findings

DOCUMENT, URI = "chroma:document", "chroma:uri"

_SHOWN = f"(substr(m.key, 1, 7) <> 'chroma:' OR m.key IN ('{DOCUMENT}', '{URI}'))"
"""What else Chroma keeps under its prefix it never shows."""
_SCALARS, _ARRAYS = "embedding_metadata", "embedding_metadata_array"
_COLUMNS = ("string_value", "int_value", "float_value", "bool_value")


def fetch(db: Database, rows: Labels, findings: Findings) -> Records:
    """Read records without their embeddings.

    Args:
        db: In a read transaction.
        rows: Of table `embeddings`, ascending.
        findings: Is told which records and values are damaged, and left out.
    """
    ids = _ids(db, rows, findings)
    found: dict[int, Metadata] = {row: {} for row in ids}
    for row, key, value in _values(db, _SCALARS, rows, ids, findings):
        found[row][key] = value
    arrays: dict[int, dict[str, list[Any]]] = {}
    for row, key, value in _values(db, _ARRAYS, rows, ids, findings):
        arrays.setdefault(row, {}).setdefault(key, []).append(value)
    for row, metadata in arrays.items():
        found[row].update(metadata)
    documents, uris = ([_text(one.pop(key, None)) for one in found.values()] for key in (DOCUMENT, URI))
    return Records(list(ids.values()), None, documents, [one or None for one in found.values()], uris)


def _ids(db: Database, rows: Labels, findings: Findings) -> dict[int, str]:
    sql = "SELECT e.id, CAST(e.embedding_id AS BLOB) FROM carray(?) JOIN embeddings e ON e.id = value ORDER BY e.id"
    found = {}
    for row, content in db.chosen(sql, rows):
        name = _decode(content)
        if isinstance(name, str) and name:
            found[row] = name
        else:
            findings.lose("table embeddings", "ids that are damaged", [f"row {row}"])
    return found


def _values(
    db: Database, table: str, rows: Labels, ids: dict[int, str], findings: Findings
) -> Iterator[tuple[int, str, Any]]:
    """Give row, key and value of all metadata of a page, values of an array in their order."""
    if not db.has(table):
        return
    try:
        found = list(db.chosen(_sql(db, table, "{}"), rows))
    except UnicodeDecodeError:
        found = list(_decoded(db.chosen(_sql(db, table, "CAST({} AS BLOB)"), rows)))
    for row, key, value, flag in found:
        if row not in ids or (value is None and flag is None):
            continue  # what is no number Chroma stores as nothing at all
        if not isinstance(key, str) or isinstance(value, bytes) or (type(value) is float and not isfinite(value)):
            findings.tell(f"table {table}", "values that are damaged, and are left out", [ids[row]])
        else:
            yield row, key, bool(flag) if value is None else value


def _sql(db: Database, table: str, text: str) -> str:
    """Give the query for row, key, value and flag, texts as `text` says."""
    string, integer, number, flag = (f"m.{name}" if db.has(table, name) else "NULL" for name in _COLUMNS)
    columns = f"m.id, {text.format('m.key')}, COALESCE({text.format(string)}, {integer}, {number}), {flag}"
    order = "ORDER BY m.rowid" if table == _ARRAYS else ""
    return f"SELECT {columns} FROM carray(?) JOIN {table} m ON m.id = value AND {_SHOWN} {order}"


def _decoded(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Decode texts; None stands for a key that cannot be, and bytes for such a value."""
    for row, key, value, flag in rows:
        yield row, _text(_decode(key)), _decode(value), flag


def _decode(value: Any) -> Any:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

"""Which rows of Chroma's large tables belong to which collection, found by one pass over each.

A pass over a table needs no index of it, which may be damaged, and takes the same time for one collection as for
thousands.
"""

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from msgspec import Struct

from ochredb.core.model import Labels
from ochredb.transfer.chroma.database import Database
from ochredb.transfer.chroma.queue import Origin, Row

_APPLIED = "SELECT CAST(segment_id AS BLOB), seq_id FROM max_seq_id NOT INDEXED"
# A topic ends in the id of its collection, which has 36 characters.
_QUEUE = "SELECT substr(CAST(topic AS BLOB), -36), seq_id FROM embeddings_queue NOT INDEXED ORDER BY seq_id"
_RECORDS = "SELECT CAST(segment_id AS BLOB), id FROM embeddings NOT INDEXED ORDER BY id"


class Contents(Struct, frozen=True):
    """Rows by what they belong to, ascending.

    Args:
        records: Of table `embeddings`, by metadata segment.
        calls: Of table `embeddings_queue`, by collection.
        applied: The last row of the queue that a segment has, by segment.
    """

    records: Mapping[str, Labels]
    calls: Mapping[str, Labels]
    applied: Mapping[str, int]


def read(db: Database) -> Contents:
    """Look through all tables, in a read transaction."""
    applied = {text(segment): number(seq) for segment, seq in db.rows(_APPLIED)} if db.has("max_seq_id") else {}
    calls = _grouped(db.rows(_QUEUE)) if db.has("embeddings_queue") else {}
    return Contents(_grouped(db.rows(_RECORDS)), calls, applied)


def calls(db: Database, rows: Labels) -> list[Row]:
    """Give rows of the queue without what they carry."""
    sql = (
        "SELECT q.seq_id, q.operation, CAST(q.id AS BLOB), q.vector IS NOT NULL, q.created_at "
        "FROM carray(?) JOIN embeddings_queue q ON q.seq_id = value ORDER BY q.seq_id"
    )
    found = db.chosen(sql, rows)
    return [Row(number(seq), number(of), text(one), bool(has), str(made)) for seq, of, one, has, made in found]


def origins(db: Database, rows: Labels) -> dict[str, Origin]:
    """Give when records began and were last changed, by their ids."""
    sql = "SELECT CAST(e.embedding_id AS BLOB), e.seq_id, e.created_at FROM carray(?) JOIN embeddings e ON e.id = value"
    found = db.chosen(sql, rows)
    return {text(one): Origin(number(seq), str(made)) for one, seq, made in found}


def number(value: Any) -> int:
    """Read a number: an integer, or bytes, as Chroma before 1.0 wrote them; -1 is what a damaged one is."""
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    return value if isinstance(value, int) else -1


def text(content: Any) -> str:
    """Read a text, with U+FFFD in it where it is damaged."""
    return content.decode(errors="replace") if isinstance(content, bytes) else ""


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[str, Labels]:
    found: dict[bytes, array[int]] = {}
    for owner, row in rows:
        if owner not in found:
            found[owner] = array("q")
        found[owner].append(row)
    return {text(owner): np.array(numbers, np.int64) for owner, numbers in found.items()}

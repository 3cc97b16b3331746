"""What each write call touched, so that a view, in this or another process, learns what has changed.

Labels travel as runs: pairs of int64 (first, length), little-endian. The log keeps its newest `KEPT` calls; a view that
is further behind is built anew.
"""

from typing import Any, NamedTuple

import apsw
import numpy as np

from ochredb.core.model import Labels
from ochredb.local.catalog import Head

KEPT = 50_000

VECTORS, METADATA, DOCUMENTS = 1, 2, 4
"""Which fields of the upserted records a call may have changed."""

_NO_LABELS = np.empty(0, np.int64)


class Touched(NamedTuple):
    """The labels that one call wrote and removed, ascending, and what it wrote (`VECTORS | METADATA | DOCUMENTS`)."""

    fields: int
    upserted: Labels = _NO_LABELS
    removed: Labels = _NO_LABELS


def encode(labels: Labels) -> bytes | None:
    """Write ascending labels as runs; None for no label."""
    if not len(labels):
        return None
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 2) != 1)
    lengths = np.diff(starts, append=len(labels))
    runs: bytes = np.stack((labels[starts], lengths), axis=1).astype("<i8").tobytes()
    return runs


def decode(runs: bytes | None) -> Labels:
    """Read labels that `encode` wrote."""
    if runs is None:
        return _NO_LABELS
    pairs = np.frombuffer(runs, "<i8").reshape(-1, 2)
    firsts, lengths = pairs.T
    before = np.cumsum(lengths) - lengths
    labels: Labels = np.repeat(firsts - before, lengths) + np.arange(lengths.sum())
    return labels


def append(db: apsw.Connection, number: int, touched: Touched) -> int:
    """Add a call to the log and give its sequence number."""
    db.execute(
        "INSERT INTO log (collection, fields, upserted, removed) VALUES (?, ?, ?, ?)",
        (number, touched.fields, encode(touched.upserted), encode(touched.removed)),
    )
    seq = db.last_insert_rowid()
    db.execute("DELETE FROM log WHERE seq <= ?", (seq - KEPT,))
    return seq


def since(db: apsw.Connection, head: Head, seq: int) -> list[Touched] | None:
    """Give what happened to a collection after `seq`, oldest first; None if the log no longer reaches back that far."""
    if seq == head.seq:  # however much was written elsewhere
        return []
    oldest = db.execute("SELECT min(seq) FROM log").get
    if oldest is None or seq < oldest - 1:
        return None
    rows: Any = db.execute(
        "SELECT fields, upserted, removed FROM log WHERE collection = ? AND seq > ? ORDER BY seq", (head.number, seq)
    ).fetchall()
    return [Touched(fields, decode(upserted), decode(removed)) for fields, upserted, removed in rows]

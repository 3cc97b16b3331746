"""What each write call touched, so that a view, in this or another process, learns what has changed.

Labels travel as runs: pairs of int64 (first, length), little-endian. The log keeps its newest `KEPT` calls; a view that
is further behind is built anew.
"""

import secrets
from typing import Any, NamedTuple
from zlib import crc32

import apsw
import numpy as np

from ochredb.core.model import Labels

KEPT = 50_000

VECTORS, METADATA, DOCUMENTS = 1, 2, 4
"""Which fields of the upserted records a call may have changed."""

_NO_LABELS = np.empty(0, np.int64)


class Moment(NamedTuple):
    """A state of a collection: the number of its last write call, and a token that only this call has.

    Numbers alone would be the same again after the file was put back to an earlier state and written to. The upper 31
    bits of a token are random, the lower 32 a checksum of the call.
    """

    seq: int
    token: int


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


def append(db: apsw.Connection, number: int, touched: Touched) -> Moment:
    """Add a call to the log and give the moment after it."""
    call = touched.fields, encode(touched.upserted), encode(touched.removed)
    token = _token(secrets.randbits(31), number, *call)
    db.execute(
        "INSERT INTO log (collection, token, fields, upserted, removed) VALUES (?, ?, ?, ?, ?)", (number, token, *call)
    )
    seq = db.last_insert_rowid()
    db.execute("DELETE FROM log WHERE seq <= ?", (seq - KEPT,))
    return Moment(seq, token)


def since(db: apsw.Connection, number: int, seen: Moment, now: Moment) -> list[Touched] | None:
    """Give what happened to a collection between two moments, oldest first.

    None if the log no longer reaches back to the first, if that never was a moment of this collection, or if a call is
    not what was written.
    """
    if seen == now:  # however much was written elsewhere
        return []
    if db.execute("SELECT token FROM log WHERE seq = ? AND collection = ?", (seen.seq, number)).get != seen.token:
        return None
    rows: Any = db.execute(
        "SELECT token, fields, upserted, removed FROM log WHERE collection = ? AND seq > ? ORDER BY seq",
        (number, seen.seq),
    ).fetchall()
    if not rows or rows[-1][0] != now.token or not all(sound(number, *row) for row in rows):
        return None
    return [Touched(fields, decode(upserted), decode(removed)) for _, fields, upserted, removed in rows]


def _token(random: int, number: int, fields: int, upserted: bytes | None, removed: bytes | None) -> int:
    return random << 32 | crc32(b"%d %d %d %b %b" % (random, number, fields, upserted or b"", removed or b""))


def sound(number: int, token: int, fields: int, upserted: bytes | None, removed: bytes | None) -> bool:
    """Tell whether a call, with its token, is as it was written."""
    numbers = isinstance(token, int) and isinstance(fields, int)
    runs = isinstance(upserted, bytes | None) and isinstance(removed, bytes | None)
    return numbers and runs and token == _token(token >> 32, number, fields, upserted, removed)

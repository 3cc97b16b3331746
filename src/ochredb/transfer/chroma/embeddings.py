"""Where the embedding of each record is, in the queue or in an index on disk, and what it is."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from msgspec import Struct

from ochredb.core.model import Floats
from ochredb.transfer.chroma import contents, hnsw, queue
from ochredb.transfer.chroma.catalogue import Segments
from ochredb.transfer.chroma.contents import Contents
from ochredb.transfer.chroma.database import Database
from ochredb.transfer.chroma.findings import Findings
from ochredb.transfer.chroma.hnsw import Persisted
from ochredb.transfer.chroma.queue import Origin, Row

_CALLS = {"embeddings_queue", "max_seq_id"}
"""The tables that tell which calls there were since the index was written."""

_VECTORS = (
    "SELECT q.seq_id, q.vector, q.encoding FROM carray(?) JOIN embeddings_queue q ON q.seq_id = value ORDER BY q.seq_id"
)
_WIDTH = (
    "SELECT length(q.vector) / 4 AS width FROM carray(?) JOIN embeddings_queue q ON q.seq_id = value "
    "GROUP BY width ORDER BY count(*) DESC LIMIT 1"
)
_ENCODINGS = {"FLOAT32": "<f4", "INT32": "<i4"}


class Located(Struct, frozen=True):
    """Where the embeddings of a collection are.

    Args:
        held: Those in the index on disk.
        queued: For ids whose embedding is in the queue, the row of it.
        gone: Ids whose embedding in the index on disk is not, or may not be, their newest.
        dimension: Of all of them.
    """

    held: Persisted
    queued: dict[str, int]
    gone: set[str]
    dimension: int


def locate(db: Database, key: str, segments: Segments, known: Contents, folder: Path, findings: Findings) -> Located:
    """Find the newest embedding of each record.

    Args:
        db: In a read transaction.
        key: The id of the collection.
        segments: Of the collection.
        known: Which rows belong to it.
        folder: Of its index.
        findings: Is told what is missing or damaged.
    """
    rows = known.records.get(segments.metadata or "", np.empty(0, np.int64))
    written = known.applied.get(segments.vector or "")
    held = hnsw.load(folder, segments.shape, written is not None, findings)
    last = held.last or 0 if written is None else written
    calls = known.calls.get(key, np.empty(0, np.int64))
    applied = known.applied.get(segments.metadata or "", 0)
    queued, gone = queue.newest(contents.calls(db, calls[calls > last]), held, last, None)
    whole = held.whole and not _CALLS & db.damaged and (not len(calls) or calls[-1] <= applied)
    if not whole or len((held.slots.keys() - gone) | queued.keys()) != len(rows):
        origins = contents.origins(db, rows)
        shown = _shown(contents.calls(db, calls), applied, origins, findings)
        queued, gone = queue.newest(shown, held, last, origins)
        if _CALLS & db.damaged:
            doubtful = queue.outdated(shown, last, origins)
            queued = {one: seq for one, seq in queued.items() if one not in doubtful}
            gone |= doubtful
    dimension = held.layout.dimension if held.layout else _width(db, queued) or segments.shape.dimension or 0
    return Located(held, queued, gone, dimension)


def fetch(db: Database, located: Located, ids: list[str], findings: Findings) -> Floats:
    """Give the embeddings of records, float32 (n, dimension); NaN for those that are nowhere.

    Args:
        db: In the read transaction in which they were located.
        located: Where they are.
        ids: Of the records.
        findings: Is told which are not as they were.
    """
    found = np.full((len(ids), located.dimension), np.nan, np.float32)
    queued = {located.queued[one]: place for place, one in enumerate(ids) if one in located.queued}
    for seq, content, encoding in db.chosen(_VECTORS, np.array(sorted(queued), np.int64)):
        if isinstance(content, bytes) and len(content) == 4 * located.dimension and encoding in _ENCODINGS:
            found[queued[seq]] = np.frombuffer(content, _ENCODINGS[encoding])
    slots, queued_ids, gone = located.held.slots, located.queued, located.gone
    places = [place for place, one in enumerate(ids) if one in slots and one not in queued_ids and one not in gone]
    if places:
        found[places] = hnsw.fetch(located.held, [ids[place] for place in places], findings)
    return found


def _shown(calls: list[Row], applied: int, origins: Mapping[str, Origin], findings: Findings) -> list[Row]:
    """Give the calls that the records show: not those in which Chroma was stopped, before it had acknowledged them.

    Args:
        calls: In the queue.
        applied: The last that the records have, as a table says that may be damaged.
        origins: Of the records, of which one may have a later call.
        findings: Is told which are left out.
    """
    last = max((origin.seq for origin in origins.values()), default=applied)
    ahead = [row.id for row in calls if row.seq > max(last, applied)]
    if ahead:
        what = "calls that Chroma was stopped in, and had not acknowledged, are left out"
        findings.tell("table embeddings_queue", what, ahead)
    return calls[: len(calls) - len(ahead)]


def _width(db: Database, queued: dict[str, int]) -> int:
    """Give the dimension of most embeddings in the queue; 0 if there is none."""
    return next((width for (width,) in db.chosen(_WIDTH, np.array(sorted(queued.values()), np.int64))), 0)

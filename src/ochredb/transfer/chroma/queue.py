"""Chroma's queue of calls, a table: embeddings that are in no index yet, or in one that cannot be read.

A row is a record of an add, an update, an upsert or a delete. Chroma removes rows once an index on disk has them, or
keeps all of them, which depends on its version.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ochredb.transfer.chroma.hnsw import Persisted

_ADD, _UPDATE, _UPSERT, _DELETE = range(4)


class Row(NamedTuple):
    """A row of the queue; `made` is when it was written, to the second."""

    seq: int
    operation: int
    id: str
    has_embedding: bool
    made: str


class Origin(NamedTuple):
    """What the catalogue of records says of one: the call that last changed it, and when it came to be."""

    seq: int
    made: str


def newest(
    rows: Iterable[Row], held: Persisted, last: int, origins: Mapping[str, Origin] | None
) -> tuple[dict[str, int], set[str]]:
    """Give the row that has the embedding of a record, for those that have it from the queue; and what was removed.

    Args:
        rows: Of the collection, in their order; those that Chroma has not applied are not among them.
        held: The index on disk.
        last: The sequence number up to which the index on disk has all calls.
        origins: Of all records, where index or queue are damaged; None where both are whole.

    Chroma ignores an add of an id that exists, and an update of one that does not. Whether an id existed is told by
    the index on disk; and if that is damaged, by when the record came to be, to the second. Of two adds in one second
    the first is taken: that a removal between them was lost is the less likely.
    """
    found: dict[str, int] = {}
    brought: dict[str, str] = {}  # the second of the row since which a record has existed
    removed: set[str] = set()
    for row in rows:
        if row.operation == _DELETE:
            found.pop(row.id, None)
            brought.pop(row.id, None)
            if row.seq > last:
                removed.add(row.id)
            continue
        if not row.has_embedding or (row.seq <= last and row.id in held.slots):
            continue
        known = row.id in found or (row.id in held.slots and row.id not in removed)
        again = brought.get(row.id) == row.made
        begun = not known if origins is None else not again and _begun(row, origins.get(row.id))
        if {_ADD: begun, _UPDATE: known or origins is not None, _UPSERT: True}.get(row.operation, False):
            found[row.id] = row.seq
            if row.operation != _UPDATE:
                brought.setdefault(row.id, row.made)
    return found, removed


def outdated(rows: Iterable[Row], last: int, origins: Mapping[str, Origin]) -> set[str]:
    """Give the ids whose newest embedding may have been in a row of a damaged queue that cannot be read.

    Of a record that was changed after `last`, only its last call is known, and only if that has an embedding.
    """
    telling = {(row.id, row.seq) for row in rows if row.has_embedding}
    return {one for one, origin in origins.items() if origin.seq > last and (one, origin.seq) not in telling}


def _begun(row: Row, origin: Origin | None) -> bool:
    """Tell whether a record began with this add, or was there before."""
    return origin is not None and row.seq <= origin.seq and row.made <= origin.made

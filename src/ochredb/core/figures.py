"""What an engine can tell those who watch it, beyond the verbs that every engine has."""

from typing import Protocol, runtime_checkable

from msgspec import Struct


class Figures(Struct, frozen=True, kw_only=True):
    """What an engine holds at one moment; to count it takes milliseconds, whatever it holds.

    Args:
        collections: How many there are.
        rows: Records in all of them.
        tail_rows: Of collections that are large enough for an index, the records that it does not cover yet: each
            search scans them. Collections that were not searched since the engine was opened count as covered.
        calls_behind: Write calls that the views of searched collections have not seen; the next search brings them in.
        database_bytes: Of the database file.
        wal_bytes: Of the write-ahead log.
        view_bytes: Of views on disk.
        view_memory_bytes: About what the views take in memory.
    """

    collections: int
    rows: int
    tail_rows: int
    calls_behind: int
    database_bytes: int
    wal_bytes: int
    view_bytes: int
    view_memory_bytes: int


@runtime_checkable
class Watched(Protocol):
    """An engine that can be watched more closely than by its verbs."""

    def figures(self) -> Figures:
        """Count what there is."""
        ...

    def probe(self) -> None:
        """Read and write without changing anything; raise an `OchreError` if one of them fails."""
        ...

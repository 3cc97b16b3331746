"""What is told of a transfer: while it goes on, and when it is done."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from ochredb.core.model import Records, Scope
from ochredb.transfer.reading import size
from ochredb.transfer.source import Loss

Conflict: TypeAlias = Literal["error", "skip", "replace"]
"""What is done about an id that is in the target already: refuse, leave what is there, or put the new record there."""


class Progress(Struct, frozen=True):
    """How far a transfer is.

    Args:
        collection: The name of the one that is under way.
        step: What is being done.
        rows: Records that have passed, of all collections.
        of: How many there are to pass; None if nobody knows.
        bytes: Of what has passed: embeddings and texts.
    """

    collection: str
    step: Literal["copied", "verified", "indexed"]
    rows: int
    of: int | None
    bytes: int


Watch = Callable[[Progress], None]
"""Is told how far a transfer is, after each batch."""


class Moved(Struct, frozen=True):
    """What became of one collection.

    Args:
        scope: Its tenant and database.
        name: Its name in the target.
        rows: Records that were read.
        written: Those that were written because the target had no record of their ids.
        replaced: Those that took the place of another record.
        present: Those that were in the target already, just as they are in the source.
        skipped: Those that were left out because the target had another record of their ids.
        rounded: Those whose embeddings the target keeps with the rounding of an engine that normalises them.
        losses: What could not be read in the source.
        file: That was written, in an export.
    """

    scope: Scope
    name: str
    rows: int = 0
    written: int = 0
    replaced: int = 0
    present: int = 0
    skipped: int = 0
    rounded: int = 0
    losses: tuple[Loss, ...] = ()
    file: str | None = None


class Transfer(Struct, frozen=True):
    """What an export, import or copy has done, or in a dry run, what it would do.

    Args:
        source: What was read.
        target: What was written.
        dry_run: Whether nothing was written.
        collections: In the order in which they were done.
    """

    source: str
    target: str
    dry_run: bool
    collections: tuple[Moved, ...]

    @property
    def rows(self) -> int:
        """Records that were read."""
        return sum(moved.rows for moved in self.collections)

    @property
    def lost(self) -> int:
        """Records that could not be read."""
        return sum(loss.rows for moved in self.collections for loss in moved.losses)

    @property
    def whole(self) -> bool:
        """Whether the source could be read without a loss."""
        return not any(moved.losses for moved in self.collections)


class Meter:
    """Counts what passes, for whoever watches.

    Args:
        watch: Who; None is nobody.
        of: How many records there are to pass; None if nobody knows.
    """

    def __init__(self, watch: Watch | None, of: int | None) -> None:
        self._watch, self._of = watch, of
        self._rows = self._bytes = 0

    def add(self, collection: str, records: Records, step: Literal["copied", "verified"] = "copied") -> None:
        """Count a batch."""
        if self._watch is None:
            return
        self._rows += len(records)
        self._bytes += size(records)
        self._watch(Progress(collection, step, self._rows, self._of, self._bytes))

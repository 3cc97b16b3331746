"""What is wrong with a database: where, what, and which command mends it."""

from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

Mend: TypeAlias = Literal["repair", "salvage"]


class Problem(Struct, frozen=True):
    """One thing that is not as it should be.

    Args:
        place: The file, table, collection or view.
        what: What is wrong there.
        mend: `repair` mends what can be made anew from the records; `salvage` reads what is left of a damaged file.
        records: Whether records are concerned, or only what is derived from them.
    """

    place: str
    what: str
    mend: Mend
    records: bool


class Report(Struct, frozen=True):
    """What `check` found.

    Args:
        folder: Where it looked.
        deep: Whether every row and every view was compared with its checksum and with each other.
        collections: How many collections there are.
        rows: How many records they have.
        views: How many views lie on disk.
        problems: What is wrong, the truth first.
    """

    folder: Path
    deep: bool
    collections: int
    rows: int
    views: int
    problems: tuple[Problem, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def derived(place: str, what: str) -> Problem:
    """Describe damage to what can be made anew."""
    return Problem(place, what, "repair", records=False)


def lost(place: str, what: str) -> Problem:
    """Describe damage to records."""
    return Problem(place, what, "salvage", records=True)

"""What a question yields, what comes of it, and the process in which it is asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.peers import Peer


@dataclass(frozen=True)
class Timed:
    """A case that is timed, call by call.

    Args:
        name: What the table shows.
        calls: What to time; whatever the iterable does between two calls is not timed.
        per: What a call does, counted; with it the samples are a rate, without it milliseconds.
        unit: The unit of the rate.
        judge: Gives the recall of all answers.
        note: What a reader has to know to compare it.
    """

    name: str
    calls: Iterable[Callable[[], Any]]
    per: int = 0
    unit: str = "ms"
    judge: Callable[[list[Any]], float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Counted:
    """A case whose value is known already: memory, disk, a time that spans several cases."""

    name: str
    unit: str
    value: float
    note: str = ""


Case: TypeAlias = Timed | Counted


@dataclass(frozen=True)
class Sample:
    """What came of a case: every sample in its unit, and the recall where there is one."""

    case: str
    unit: str
    samples: list[float]
    recall: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Session:
    """A process that asks one question of one peer.

    Args:
        peer: The class in the peer's file.
        store: The directory that the peer keeps its data in.
        truth: Path of what `bench.data.Truth` saved.
        rows: How many rows the collection takes.
        imported: Seconds that the import of the peer took.
        bare: Resident megabytes just after that import.
    """

    peer: type[Peer]
    store: Path
    truth: Path
    rows: int
    imported: float
    bare: float

    def open(self) -> Peer:
        """Open the store."""
        return self.peer(str(self.store))

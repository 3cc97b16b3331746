"""Embedding ahead of writing: what a batch waits for is its own embeddings, and no embedding waits for a disk.

Batches are read and written by the caller's thread, in the order of their source, and embedded by others, a bounded
number of batches ahead. What was embedded is written or given back, whatever fails.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, ClassVar, TypeVar

from msgspec import Struct

from ochredb.core.errors import (
    ClosedError,
    CorruptError,
    FormatError,
    NotSupported,
    OchreError,
    UnwrittenError,
    VersionMismatchError,
)
from ochredb.core.model import Records

A = TypeVar("A")
R = TypeVar("R")

LASTING = (ClosedError, CorruptError, FormatError, NotSupported, VersionMismatchError)
"""What does not pass, although its status is that of a failing server."""


class Batch(Struct, frozen=True):
    """Records, and what they are to be embedded of; None if nothing is to be embedded."""

    records: Records
    source: Any = None


class Done(Struct, frozen=True):
    """A batch that waits to be written; `paid` if it was embedded on the way."""

    records: Records
    paid: bool


class Pipeline:
    """A way for batches from a source into an engine.

    Args:
        embed: Gives the records of a batch with their embeddings; is called by `workers` threads.
        write: Writes records, all or none; is called by the thread of `run`.
        workers: How many batches are embedded at a time.
        ahead: How many batches may be embedded, or wait for that, before the oldest is written.
    """

    pauses: ClassVar[Sequence[float]] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Seconds before each further attempt of a step that failed in a way that may pass."""

    def __init__(
        self,
        embed: Callable[[Batch], Records],
        write: Callable[[Records], None],
        workers: int = 1,
        ahead: int = 4,
    ) -> None:
        self._embed, self._write = embed, write
        self._workers, self._ahead = workers, max(ahead, workers)
        self._waiting: deque[Future[Done]] = deque()
        self._held: Done | None = None
        self._stopped = Event()

    def run(self, batches: Iterable[Batch]) -> None:
        """Bring all batches to the engine.

        Raises:
            UnwrittenError: Records were embedded and could not be written; they are in the error.
            Exception: What the source failed with, after all that it gave has been written; what embedding failed with,
                after all that was embedded beside it has been; or what the writing failed with, of records that nothing
                was paid for.
        """
        with ThreadPoolExecutor(self._workers, "ochre-embed") as pool:
            try:
                fault = self._feed(pool, batches)
                while self._waiting:
                    self._put(self._waiting.popleft().result())
            except BaseException as error:
                self._stopped.set()
                self._save(error)
                raise
        if fault is not None:
            raise fault

    def _feed(self, pool: ThreadPoolExecutor, batches: Iterable[Batch]) -> Exception | None:
        """Take batches in, until there are no more, or give what the source failed with."""
        source = iter(batches)
        while True:
            try:
                batch = next(source)
            except StopIteration:
                return None
            except Exception as error:
                return error
            self._waiting.append(pool.submit(self._done, batch))
            if len(self._waiting) > self._ahead:
                self._put(self._waiting.popleft().result())

    def _done(self, batch: Batch) -> Done:
        if batch.source is None:
            return Done(batch.records, paid=False)
        return Done(self._tried(self._embed, batch), paid=True)

    def _put(self, done: Done) -> None:
        self._held = done
        self._tried(self._write, done.records)
        self._held = None

    def _save(self, error: BaseException) -> None:
        """Write what was embedded, or, if it was the writing that failed, give it back."""
        left = [] if self._held is None else [self._held]
        left += [future.result() for future in self._waiting if not future.cancel() and future.exception() is None]
        failed = error if self._held is not None and isinstance(error, Exception) else None
        while left and failed is None:
            try:
                self._put(left[0])
                del left[0]
            except Exception as another:
                failed = another
        if any(done.paid for done in left):
            raise _unwritten([done.records for done in left], failed) from failed

    def _tried(self, step: Callable[[A], R], argument: A) -> R:
        """Take a step, again and again where its failure may pass, until somebody has stopped it all."""
        for pause in self.pauses:
            try:
                return step(argument)
            except Exception as error:
                if not _may_pass(error) or self._stopped.wait(pause):
                    raise
        return step(argument)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, OchreError):
        return (error.status >= 500 or error.status == 429) and not isinstance(error, LASTING)
    return isinstance(error, OSError)  # of a connection, in an embedding function of the user's own


def _unwritten(records: list[Records], error: Exception | None) -> UnwrittenError:
    rows = sum(map(len, records))
    return UnwrittenError(
        f"{rows} records were embedded and could not be written: {error}; they are in this error's `records`: "
        "ingest(collection, error.records) writes them without embedding them again",
        records,
    )

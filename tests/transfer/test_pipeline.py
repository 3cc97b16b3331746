"""Batches pass through embedding and writing, and nothing that was embedded is lost, whatever fails."""

from collections.abc import Iterator
from threading import Barrier, Event

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ochredb.core.errors import (
    BusyError,
    ClosedError,
    InternalError,
    InvalidArgumentError,
    OchreError,
    ServiceError,
    UnwrittenError,
)
from ochredb.core.model import Records
from ochredb.transfer.pipeline import Batch, Pipeline


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two further attempts at once."""
    monkeypatch.setattr(Pipeline, "pauses", (0.0, 0.0))


def batch(number: int, paid: bool = True) -> Batch:
    """Give a batch of one record, whose embedding is to be made unless it is not `paid`."""
    records = Records([f"r{number}"], None if paid else np.zeros((1, 1), np.float32))
    return Batch(records, [number] if paid else None)


def embed(one: Batch) -> Records:
    """Embed at once."""
    return replace(one.records, embeddings=np.array([one.source], np.float32))


class Store:
    """Keeps what is written, and raises what it is told to, once for each."""

    def __init__(self, *errors: Exception) -> None:
        self.ids: list[str] = []
        self.errors = list(errors)
        self.attempts = 0

    def write(self, records: Records) -> None:
        """Write, or fail."""
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        assert records.embeddings is not None
        self.ids += records.ids


def failing_at(number: int, error: Exception, count: int) -> Iterator[Batch]:
    """Give batches, and an error after so many."""
    for at in range(count):
        if at == number:
            raise error
        yield batch(at)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # pauses are the same for all examples
@given(st.lists(st.booleans(), max_size=12), st.integers(1, 3), st.integers(1, 5))
def test_everything_arrives_in_order(paid: list[bool], workers: int, ahead: int) -> None:
    """However many embed at a time, and whether there is something to embed or not."""
    store = Store()
    Pipeline(embed, store.write, workers, ahead).run(batch(at, one) for at, one in enumerate(paid))
    assert store.ids == [f"r{at}" for at in range(len(paid))]


def test_embedding_runs_ahead_of_writing() -> None:
    """While one batch is written the next ones are embedded, and no more of them than was said."""
    started: list[int] = []
    ready = Event()

    def note(one: Batch) -> Records:
        started.append(one.source[0])
        if len(started) == 4:
            ready.set()
        return embed(one)

    def write(records: Records) -> None:
        if records.ids == ["r0"]:
            assert ready.wait(10)  # it comes only if the others are embedded meanwhile
            assert len(started) == 4

    Pipeline(note, write, ahead=3).run(map(batch, range(20)))
    assert started == list(range(20))


def test_several_embed_at_a_time() -> None:
    """As many as there are workers."""
    together = Barrier(3, timeout=10)

    def meet(one: Batch) -> Records:
        together.wait()
        return embed(one)

    store = Store()
    Pipeline(meet, store.write, workers=3).run(map(batch, range(6)))
    assert len(store.ids) == 6


@pytest.mark.parametrize(
    "error", [BusyError("busy"), ServiceError("502"), InternalError("full"), ConnectionError("gone"), TimeoutError()]
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    """Of writing and of embedding; then all is as if nothing had been."""
    store, errors = Store(error, error), [error, error]

    def stumble(one: Batch) -> Records:
        if errors:
            raise errors.pop()
        return embed(one)

    Pipeline(stumble, store.write).run(map(batch, range(3)))
    assert store.ids == ["r0", "r1", "r2"]
    assert store.attempts == 5


@pytest.mark.parametrize("error", [InvalidArgumentError("bad"), ClosedError("closed"), ValueError("mine")])
def test_what_will_not_pass_is_tried_once(error: Exception) -> None:
    """A refusal stays one."""
    store = Store(error)
    with pytest.raises(UnwrittenError, match=str(error)) as caught:
        Pipeline(embed, store.write).run([batch(0)])
    assert store.attempts == 1
    assert caught.value.__cause__ is error


def test_a_failed_write_gives_all_embeddings_back() -> None:
    """The batch that failed and those that were embedded behind it are in the error, in order, and can be written."""
    store = Store(*[BusyError("busy")] * 3)
    embedded: list[int] = []

    def note(one: Batch) -> Records:
        embedded.append(one.source[0])
        return embed(one)

    with pytest.raises(UnwrittenError, match=r"records were embedded and could not be written: busy; ") as caught:
        Pipeline(note, store.write, ahead=3).run(map(batch, range(9)))
    found = caught.value.records
    assert [records.ids for records in found] == [[f"r{at}"] for at in embedded]
    assert all(records.embeddings is not None for records in found)
    assert len(embedded) <= 4
    assert store.ids == []
    Pipeline(embed, store.write).run(Batch(records) for records in found)
    assert store.ids == [f"r{at}" for at in embedded]


def test_nothing_is_given_back_that_nobody_paid_for() -> None:
    """Records that came with embeddings are still where they came from: the error is the engine's own."""
    with pytest.raises(BusyError):
        Pipeline(embed, Store(*[BusyError("busy")] * 3).write).run([batch(0, paid=False)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # as above
@given(st.integers(0, 5))
def test_what_a_broken_source_gave_is_written(number: int) -> None:
    """All batches before the fault, and the fault is raised as it is."""
    store, error = Store(), ValueError("line 7")
    with pytest.raises(ValueError, match="line 7") as caught:
        Pipeline(embed, store.write).run(failing_at(number, error, 6))
    assert caught.value is error
    assert store.ids == [f"r{at}" for at in range(number)]


def test_what_was_embedded_beside_a_failure_is_written() -> None:
    """A batch that cannot be embedded stops the others, but does not take with it what has been embedded."""
    last = Event()

    def fail_first(one: Batch) -> Records:
        if one.source == [0]:
            assert last.wait(10)
            raise OchreError("no")
        last.set()
        return embed(one)

    store = Store()
    with pytest.raises(OchreError, match="no"):
        Pipeline(fail_first, store.write, workers=2, ahead=1).run(map(batch, range(3)))
    assert "r1" in store.ids
    assert "r0" not in store.ids


def test_two_failures_lose_nothing_either() -> None:
    """An embedding that fails, and then the store, too: what was embedded beside it is given back."""
    second = Event()

    def fail_first(one: Batch) -> Records:
        if one.source == [0]:
            assert second.wait(10)
            raise OchreError("no")
        second.set()
        return embed(one)

    with pytest.raises(UnwrittenError, match="closed") as caught:
        Pipeline(fail_first, Store(*[ClosedError("closed")] * 3).write, workers=2).run(map(batch, range(2)))
    assert [records.ids for records in caught.value.records] == [["r1"]]


def test_an_interruption_is_itself() -> None:
    """What was embedded is written, and Control-C stays Control-C, also in the middle of a write."""
    store = Store()

    def write(records: Records) -> None:
        if store.attempts == 0:
            store.attempts = 1
            raise KeyboardInterrupt
        store.write(records)

    with pytest.raises(KeyboardInterrupt):
        Pipeline(embed, write, ahead=2).run(map(batch, range(3)))
    assert store.ids[:1] == ["r0"]

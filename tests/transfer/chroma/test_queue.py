"""The queue gives the embedding that Chroma would give, whatever is left of queue and index."""

from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ochredb.transfer.chroma.hnsw import Persisted
from ochredb.transfer.chroma.queue import Origin, Row, newest, outdated

ADD, UPDATE, UPSERT, DELETE = range(4)
CALLS = st.lists(
    st.tuples(st.sampled_from((ADD, UPDATE, UPSERT, DELETE)), st.sampled_from("abc"), st.booleans(), st.booleans()),
    max_size=14,
)
"""Operation, id, whether an update has an embedding, and whether the clock went on before it."""


@dataclass
class Chroma:
    """What Chroma does with calls: each embedding is the number of the call that brought it."""

    queue: list[Row] = field(default_factory=list)
    embeddings: dict[str, int] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    seconds: int = 10

    def call(self, operation: int, id_: str, has: bool, later: bool) -> None:
        """Write a call into the queue, and apply it as Chroma does."""
        self.seconds += later
        made, seq = str(self.seconds), len(self.queue) + 1
        has = has or operation in (ADD, UPSERT)
        self.queue.append(Row(seq, operation, id_, has and operation != DELETE, made))
        known = id_ in self.embeddings
        if operation == DELETE:
            self.embeddings.pop(id_, None)
            self.origins.pop(id_, None)
        elif (operation == ADD and not known) or operation == UPSERT or (operation == UPDATE and known):
            if has:
                self.embeddings[id_] = seq
            self.origins[id_] = Origin(seq, self.origins[id_].made if known else made)


def held(slots: dict[str, int], whole: bool) -> Persisted:
    """Give an index on disk."""
    return Persisted(Path("segment"), slots, None, None, None, whole)


@given(CALLS, CALLS, st.data())
def test_queue_and_index(
    before: list[tuple[int, str, bool, bool]], after: list[tuple[int, str, bool, bool]], data: st.DataObject
) -> None:
    """From an index on disk and a queue of which any part before it may be gone, each has its newest embedding."""
    chroma = Chroma()
    for one in before:
        chroma.call(*one)
    slots = dict(chroma.embeddings)
    for one in after:
        chroma.call(*one)
    rows = chroma.queue[data.draw(st.integers(0, len(before))) :]
    queued, gone = newest(rows, held(slots, whole=True), len(before), None)
    for one, truth in chroma.embeddings.items():
        assert queued.get(one, None if one in gone else slots.get(one)) == truth


def test_of_adds_in_one_second_the_first_counts() -> None:
    """As in Chroma, which ignores the others; after a removal the next one counts again."""
    rows = [Row(1, ADD, "a", True, "10"), Row(2, ADD, "a", True, "10"), Row(3, UPDATE, "a", False, "10")]
    assert newest(rows, held({}, whole=False), 0, {"a": Origin(3, "10")})[0] == {"a": 1}
    rows.insert(1, Row(2, DELETE, "a", False, "10"))
    assert newest(rows, held({}, whole=False), 0, {"a": Origin(3, "10")})[0] == {"a": 2}


@given(CALLS, st.data())
def test_a_queue_without_its_index(calls: list[tuple[int, str, bool, bool]], data: st.DataObject) -> None:
    """Where the index is lost, what is found is right; where the queue goes back to the beginning, all is found."""
    chroma = Chroma()
    for one in calls:
        chroma.call(*one)
    first = data.draw(st.integers(0, len(calls)))
    queued, _ = newest(chroma.queue[first:], held({}, whole=False), 0, chroma.origins)
    for one, truth in chroma.embeddings.items():
        assert queued.get(one) in ({truth} if not first else {truth, None} | same_second(chroma, one))


def same_second(chroma: Chroma, id_: str) -> set[int]:
    """Give the adds of an id in the second in which its record began: of those nothing tells which it was."""
    origin = chroma.origins[id_]
    return {row.seq for row in chroma.queue if (row.operation, row.id, row.made) == (ADD, id_, origin.made)}


@given(CALLS, CALLS, st.data())
def test_a_damaged_queue(
    before: list[tuple[int, str, bool, bool]], after: list[tuple[int, str, bool, bool]], data: st.DataObject
) -> None:
    """Where any rows of the queue are lost, no record has the embedding that an update has replaced."""
    chroma = Chroma()
    for one in before:
        chroma.call(*one)
    slots = dict(chroma.embeddings)
    for one in after:
        chroma.call(*one)
    rows = [row for row in chroma.queue if data.draw(st.booleans())]
    queued, gone = newest(rows, held(slots, whole=True), len(before), chroma.origins)
    doubtful = outdated(rows, len(before), chroma.origins)
    for one, truth in chroma.embeddings.items():
        if one not in doubtful:
            assert queued.get(one, None if one in gone else slots.get(one)) in {truth, None} | same_second(chroma, one)

"""Conditions on metadata as NumPy predicates, against `matches`."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ochredb.core.model import Metadata
from ochredb.core.where import Among, Equal, Holds, Order, OrderOp, matches
from ochredb.index.base import Slots
from ochredb.local.columns import Columns, Scan
from ochredb.testing import strategies

Leaf = Equal | Order | Among | Holds

EDGES: tuple[Any, ...] = (
    0, -0.0, 0.0, 1, 1.0, True, False, "1", "", -1, 5e-324, -5e-324, 0.5, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1,
    2**53, 2**53 + 1, -(2**53) - 1, float(2**53), float(2**53 + 2), 2**62 + 1, float(2**62), 2**63 - 1,
    -(2**63), float(2**63), -float(2**63), 1e19, -1e19, 1e300,
)  # fmt: skip
"""Values that lie next to each other where int64 and float64 differ, or that look alike."""

NARROW: tuple[Any, ...] = (0, 1, True, False, -1, 2**31 - 2, 2**31 - 1, -(2**31))
"""Values that a column keeps in 32 bits."""

NUMBERS = [value for value in EDGES if not isinstance(value, str | bool)]
OPERATORS: list[OrderOp] = ["$gt", "$gte", "$lt", "$lte"]


@pytest.fixture(autouse=True, scope="module")
def few_at_a_time() -> Iterator[None]:
    """Read so few records at a time that these tests take more than one go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ochredb.local.columns._PART", 3)
        yield


def scan_of(rows: dict[int, Metadata]) -> Scan:
    """Read metadata as the store does: of the slots that are asked for and have any."""

    def scan(slots: Slots, keys: Sequence[str]) -> tuple[Slots, list[list[Any]]]:
        there = [slot for slot in slots.tolist() if slot in rows]
        return np.array(there, np.int64), [[rows[slot].get(key) for slot in there] for key in keys]

    return scan


def masked(columns: Columns, node: Leaf, rows: dict[int, Metadata], slots: int) -> list[bool]:
    keys = {node.key}
    if not columns.ready(keys, slots):
        columns.prepare(keys, slots, scan_of(rows))
    assert columns.ready(keys, slots)
    return columns.mask(node, slots).tolist()


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("value", [*NUMBERS, inf, -inf, nan])
def test_order_at_the_edges(op: OrderOp, value: float) -> None:
    """Comparisons are exact where float64 would round an int, at the ends of int32 and int64, and with infinity."""
    for values in EDGES, NARROW:
        rows = {slot: {"n": stored} for slot, stored in enumerate(values)}
        node = Order("n", op, value)
        assert masked(Columns(), node, rows, len(rows)) == [matches(node, row, None) for row in rows.values()]


@pytest.mark.parametrize("value", [*EDGES, inf, nan])
def test_equality_at_the_edges(value: Any) -> None:
    """Equal is equal in value among numbers and in type among the rest, for a scalar, in a list, and in an array."""
    nodes: tuple[Leaf, ...] = (Equal("n", value), Among("n", (value, "x")), Among("n", (value, 7)), Holds("n", value))
    for node, values in product(nodes, (EDGES, NARROW)):
        rows: dict[int, Metadata] = {slot: {"n": stored} for slot, stored in enumerate(values)}
        rows |= {slot + len(values): {"n": [stored]} for slot, stored in enumerate(values)}
        assert masked(Columns(), node, rows, len(rows)) == [matches(node, row, None) for row in rows.values()]


def leaves() -> st.SearchStrategy[Leaf]:
    scalars, keys = strategies.scalars(), strategies.keys()
    operands = st.sampled_from(NUMBERS) | strategies.ints() | strategies.floats()
    return st.one_of(
        st.builds(Equal, keys, scalars),
        st.builds(Among, keys, st.lists(scalars, min_size=1, max_size=3).map(tuple)),
        st.builds(Holds, keys, scalars),
        st.builds(Order, keys, st.sampled_from(OPERATORS), operands),
    )


METADATAS = st.lists(strategies.metadatas(), max_size=12)


@given(METADATAS, st.lists(leaves(), min_size=1, max_size=6))
@example([{"n": [1, 1]}, {"n": [True]}], [Holds("n", 1), Holds("n", True)])
def test_masks_are_what_matches_says(metadatas: list[Metadata | None], nodes: list[Leaf]) -> None:
    """Every condition keeps the slots whose metadata it matches, whatever keys were asked about before."""
    columns, rows = Columns(), {slot: metadata for slot, metadata in enumerate(metadatas) if metadata}
    for node in nodes:
        wanted = [matches(node, metadata, None) for metadata in metadatas]
        assert masked(columns, node, rows, len(metadatas)) == wanted


@given(data=st.data())
def test_keeping_up_is_building_anew(data: st.DataObject) -> None:
    """After records came and changed, columns that were told give what columns made now would."""
    columns, rows, slots = Columns(), dict[int, Metadata](), 0
    for _ in range(data.draw(st.integers(1, 6))):
        for metadata in data.draw(METADATAS):
            if metadata:
                rows[slots] = metadata
            slots += 1
        touched = sorted(data.draw(st.sets(st.integers(0, slots - 1)))) if slots else []
        for slot in touched:
            metadata = data.draw(strategies.metadatas())
            rows.pop(slot, None)
            if metadata:
                rows[slot] = metadata
        columns.touch(np.array(touched, np.int64))
        if data.draw(st.booleans()):
            node = data.draw(leaves())
            wanted = [matches(node, rows.get(slot), None) for slot in range(slots)]
            assert masked(columns, node, rows, slots) == wanted
            assert masked(Columns(), node, rows, slots) == wanted


def test_more_rows_than_asked_for_do_no_harm() -> None:
    """A scan may give neighbours of the slots that it was asked for."""
    rows: dict[int, Metadata] = {slot: {"n": slot, "tags": [slot % 2]} for slot in range(9)}
    columns = Columns()
    assert masked(columns, Holds("tags", 1), rows, 9) == [slot % 2 == 1 for slot in range(9)]
    rows[2] = rows[6] = {"n": -1, "tags": [1]}
    columns.touch(np.array([2, 6]))
    columns.prepare({"tags", "n"}, 9, lambda _, keys: scan_of(rows)(np.arange(9), keys))
    rows[4] = {"n": 4, "tags": [5]}
    columns.touch(np.array([4]))
    assert masked(columns, Holds("tags", 0), rows, 9) == [slot in (0, 8) for slot in range(9)]
    assert masked(columns, Equal("n", -1), rows, 9) == [slot in (2, 6) for slot in range(9)]


@pytest.mark.parametrize("key", ["", "n", "\x00", "#document", "год", "'\"; --"])
def test_any_key_is_a_column(key: str) -> None:
    """A key is what it is, none is special, and one that no record has matches nothing."""
    assert masked(Columns(), Equal(key, 1), {0: {key: 1}, 1: {key + "x": 1}}, 3) == [True, False, False]
    assert masked(Columns(), Equal(key, 1), {}, 2) == [False, False]


@pytest.mark.parametrize(("last", "width"), [(2**31 - 1, 4), (2**31, 8), ("1", 8), (True, 4), (1.0, 8)])
def test_values_take_as_little_room_as_they_may(last: Any, width: int) -> None:
    """Ints and bools of 32 bits take four bytes and one for their kind; one other value, and all take eight."""
    columns = Columns()
    rows: dict[int, Metadata] = {slot: {"n": slot} for slot in range(999)} | {999: {"n": last}}
    columns.prepare({"n"}, 1000, scan_of(rows))
    assert columns.nbytes == 1000 * (1 + width)

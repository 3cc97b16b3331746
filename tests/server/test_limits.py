"""How much one request may ask for, measured before anything is read closer."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ochredb.chroma.bodies import AddBody, Block, CreateBody, DeleteBody, GetBody, QueryBody, UpdateBody, UpsertBody
from ochredb.chroma.packing import optional_embeddings_to_base64_strings
from ochredb.core.errors import BadValue, BatchSizeExceededError, InvalidArgumentError
from ochredb.core.where import Among, And, Not, Or, Where, unparse
from ochredb.server.limits import Limits, check, read_limits
from ochredb.testing.strategies import wheres

SMALL = Limits(rows=3, dimension=4, results=10, hits=20, filter_depth=2, filter_conditions=4, filter_values=5)


def depth(where: Where) -> int:
    """Count the levels of `$and` and `$or`."""
    return 1 + max(map(depth, where.nodes), default=0) if isinstance(where, And | Or) else 0


def conditions(where: Where) -> int:
    """Count the nodes."""
    return 1 + sum(map(conditions, where.nodes)) if isinstance(where, And | Or) else 1


def values(where: Where) -> int:
    """Count what stands in lists."""
    if isinstance(where, And | Or):
        return sum(map(values, where.nodes))
    inner = where.node if isinstance(where, Not) else where
    return len(inner.values) if isinstance(inner, Among) else 0


def plain(where: Where) -> dict[str, Any]:
    """Write a filter, if Chroma's dialect can."""
    try:
        return unparse(where)
    except BadValue:
        assume(False)
        raise


@given(wheres())
def test_a_filter_is_measured_as_it_is(where: Where) -> None:
    """At its own depth, conditions and values it passes; at one less of any it does not."""
    measured = {"filter_depth": depth(where), "filter_conditions": conditions(where), "filter_values": values(where)}
    exact = Limits(**{name: max(1, size) for name, size in measured.items()})
    body = GetBody(where=plain(where))
    check(exact, body)
    for name, size in measured.items():
        if size > 1:
            with pytest.raises(InvalidArgumentError, match=f"its setting '{name}'"):
                check(replace(exact, **{name: size - 1}), body)


WORDS = st.sampled_from(["$and", "$or", "$in", "$regex", "$contains", "a"])
RUBBISH = st.recursive(
    st.none() | st.integers() | st.sampled_from(["", "a", "[a-z]+"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
)


@given(RUBBISH)
def test_what_is_no_filter_is_left_to_who_reads_it(rubbish: Any) -> None:
    """Measuring never fails for a reason of its own."""
    check(Limits(), QueryBody([[1.0]], where=rubbish, where_document=rubbish))


def test_a_filter_far_too_large_is_refused_at_its_first_levels() -> None:
    """What is behind the limit is not looked at: it may be endless."""
    where: dict[str, Any] = {"a": 1}
    for _ in range(100_000):
        where = {"$and": [where]}
    with pytest.raises(InvalidArgumentError, match="33 came, and this server takes 32"):
        check(Limits(), GetBody(where=where))
    while "$and" in where:  # taken apart by hand, as Python would recurse
        where = where["$and"].pop()


@pytest.mark.parametrize("kind", [AddBody, UpdateBody, UpsertBody])
def test_a_write_is_bounded_in_rows_and_dimension(kind: type[AddBody | UpdateBody | UpsertBody]) -> None:
    """In every form in which embeddings come."""
    check(SMALL, kind(["a"] * 3, [[0.0] * 4] * 3))
    with pytest.raises(BatchSizeExceededError, match="records: 4 came, and this server takes 3 at most"):
        check(SMALL, kind(["a"] * 4, [[0.0]] * 4))
    rows = np.zeros((1, 5), np.float32)
    for wide in ([[0.0] * 5], Block(5, rows.tobytes()), optional_embeddings_to_base64_strings(rows)):
        with pytest.raises(InvalidArgumentError, match="dimension of embeddings: 5 came, and this server takes 4"):
            check(SMALL, kind(["a"], wide))


@given(st.integers(1, 70))
def test_base64_is_measured_without_reading_it(dimension: int) -> None:
    """Whatever the padding, it counts as the dimension that it holds."""
    told = optional_embeddings_to_base64_strings(np.zeros((1, dimension), np.float32))
    check(Limits(dimension=dimension), AddBody(["a"], told))
    if dimension > 1:
        with pytest.raises(InvalidArgumentError, match=f"{dimension} came"):
            check(Limits(dimension=dimension - 1), AddBody(["a"], told))


def test_a_query_is_bounded_in_results() -> None:
    """Those of each query, and those of all of them together, also where queries come as a block."""
    check(SMALL, QueryBody([[0.0], [0.0]], n_results=10))
    with pytest.raises(InvalidArgumentError, match="n_results: 11 came, and this server takes 10"):
        check(SMALL, QueryBody([[0.0]], n_results=11))
    for three in ([[0.0]] * 3, Block(1, bytes(12))):
        with pytest.raises(InvalidArgumentError, match="queries times n_results: 30 came, and this server takes 20"):
            check(SMALL, QueryBody(three, n_results=10))


def test_ids_are_bounded_wherever_they_come() -> None:
    """In a query, a get and a delete."""
    for body in (QueryBody([[0.0]], ids=["a"] * 4), GetBody(ids=["a"] * 4), DeleteBody(ids=["a"] * 4)):
        with pytest.raises(BatchSizeExceededError, match="ids: 4 came"):
            check(SMALL, body)


@pytest.mark.parametrize(
    "filters",
    [
        {"where_document": {"$regex": r"(\w{30}){30}"}},
        {"where_document": {"$or": [{"$not_regex": r"\w{9}"}, {"$regex": r"\w{8}"}]}},
        {"where": {"#document": {"$regex": r"\w{100}"}}},
        {"where": {"$and": [{"#document": {"$regex": r"\w{9}"}}]}, "where_document": {"$regex": r"\w{8}"}},
    ],
)
def test_patterns_are_bounded_by_what_they_compile_to(filters: dict[str, Any]) -> None:
    """A short pattern may stand for a huge program, and several short ones for one."""
    with pytest.raises(InvalidArgumentError, match=r"too large|its setting 'regex_size'"):
        check(Limits(), GetBody(**filters))


def test_usual_patterns_pass() -> None:
    """What people search for is far below the limit."""
    for pattern in (r"\w+@\w+\.\w+", r"\b\d{4}-\d{2}-\d{2}\b", "|".join(f"word{n}" for n in range(200)), "a{1000}"):
        check(Limits(), GetBody(where_document={"$regex": pattern}))


def test_other_bodies_are_not_its_matter() -> None:
    """A body without rows, results or filters passes, and so does none."""
    for body in (CreateBody("a"), None):
        check(SMALL, body)


def test_limits_are_read_from_a_configuration_and_the_environment() -> None:
    """The environment goes before it, and an empty variable says nothing."""
    found = read_limits({"rows": 7, "results": 8}, {"OCHRE_MAX_RESULTS": "9", "OCHRE_MAX_ROWS": "", "PATH": "x"})
    assert found == Limits(rows=7, results=9)


@pytest.mark.parametrize(
    ("given", "variables"), [({"row": 7}, {}), ({"rows": 0}, {}), ({"rows": "many"}, {}), ({}, {"OCHRE_MAX_ROW": "7"})]
)
def test_a_mistake_in_a_limit_stops_the_start(given: dict[str, object], variables: dict[str, str]) -> None:
    """An unknown name or a value that is no limit is told with the names that there are."""
    with pytest.raises(BadValue, match="its name one of body_bytes, "):
        read_limits(given, variables)

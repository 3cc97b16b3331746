"""Conditions as objects are the dictionaries that `where` takes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma.condition import And, Eq, Gte, K, Key, Or, Where
from ochredb.core.where import matches, parse

SCALARS = st.one_of(st.text(max_size=3), st.integers(-3, 3), st.booleans())
KEYS = st.sampled_from(["a", "b", "c"]).map(Key)
LEAVES = st.one_of(
    st.builds(lambda key, value: key == value, KEYS, SCALARS),
    st.builds(lambda key, value: key != value, KEYS, SCALARS),
    st.builds(lambda key, value: key >= value, KEYS, st.integers(-3, 3)),
    st.builds(lambda key, value: key < value, KEYS, st.integers(-3, 3)),
    st.builds(lambda key, values: key.is_in(values), KEYS, st.lists(st.integers(-3, 3), min_size=1)),
    st.builds(lambda key, values: key.not_in(values), KEYS, st.lists(st.integers(-3, 3), min_size=1)),
    st.builds(lambda key, value: key.contains(value), KEYS, SCALARS),
    st.builds(lambda key, value: key.not_contains(value), KEYS, SCALARS),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda one, other: one & other, inner, inner), st.builds(lambda one, other: one | other, inner, inner)
    ),
    max_leaves=6,
)
METADATA = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.one_of(SCALARS, st.lists(st.integers(-3, 3))), max_size=3
)


@given(CONDITIONS)
def test_a_condition_survives_its_dictionary(condition: Where) -> None:
    """What is read from `to_dict` is what was written."""
    assert Where.from_dict(condition.to_dict()) == condition


@given(CONDITIONS, CONDITIONS, METADATA)
def test_joining_means_what_it_says(one: Where, other: Where, metadata: dict[str, Any]) -> None:
    """A record matches `one & other` if it matches both, and `one | other` if it matches one of them."""

    def holds(condition: Where) -> bool:
        return matches(parse(condition.to_dict()), metadata, None)

    assert holds(one & other) == (holds(one) and holds(other))
    assert holds(one | other) == (holds(one) or holds(other))


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (K("a") == 1, {"a": {"$eq": 1}}),
        (K("a") != "x", {"a": {"$ne": "x"}}),
        (K("a") <= 2.5, {"a": {"$lte": 2.5}}),
        (K("a") > 2, {"a": {"$gt": 2}}),
        (K("a").regex("x+"), {"a": {"$regex": "x+"}}),
        (K("a").not_regex("x+"), {"a": {"$not_regex": "x+"}}),
        (K.DOCUMENT.contains("x"), {"#document": {"$contains": "x"}}),
        (K.ID.is_in(["x"]), {"#id": {"$in": ["x"]}}),
        (
            (K("a") == 1) & (K("b") == 2) & ((K("c") == 3) & (K("d") == 4)),
            {"$and": [{key: {"$eq": value}} for key, value in zip("abcd", (1, 2, 3, 4), strict=True)]},
        ),
        (
            (K("a") == 1) & (K("b").is_in([1, 2])) | K.DOCUMENT.contains("x"),
            {"$or": [{"$and": [{"a": {"$eq": 1}}, {"b": {"$in": [1, 2]}}]}, {"#document": {"$contains": "x"}}]},
        ),
    ],
)
def test_operators_are_written_as_chroma_writes_them(condition: Where, told: dict[str, Any]) -> None:
    """Each operator has its name on the wire, and chains of one kind become one list."""
    assert condition.to_dict() == told


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        ({"a": 1}, Eq("a", 1)),
        ({"$and": [{"a": 1}]}, Eq("a", 1)),
        ({"$or": [{"a": 1}, {"b": {"$gte": 2}}]}, Or([Eq("a", 1), Gte("b", 2)])),
    ],
)
def test_short_forms_are_read(told: dict[str, Any], condition: Where) -> None:
    """A bare value is an equality, and one condition needs no list."""
    assert Where.from_dict(told) == condition


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        ({}, ValueError, "Where dict cannot be empty"),
        ([], TypeError, "Expected dict for Where, got list"),
        ({"a": 1, "b": 2}, ValueError, "Where dict must contain exactly one field, got 2"),
        ({1: 2}, TypeError, "Field name must be a string, got int"),
        ({"a": {}}, ValueError, "Operator dict for field 'a' cannot be empty"),
        ({"a": {"$eq": 1, "$ne": 2}}, ValueError, "Operator dict for field 'a' must contain exactly one operator"),
        ({"a": {"$gr": 1}}, ValueError, "Unknown operator: $gr"),
        ({"a": {"$in": 1}}, TypeError, "$in requires a list, got int"),
        ({"a": {"$contains": [1]}}, TypeError, "$contains requires a str, int, float, or bool, got list"),
        ({"a": {"$regex": 1}}, TypeError, "$regex requires a string pattern, got int"),
        ({"$and": []}, ValueError, "$and requires at least one condition"),
        ({"$or": {"a": 1}}, TypeError, "$or must be a list, got dict"),
        ({"$and": [{"a": 1}], "b": 2}, ValueError, "$and cannot be combined with other fields in the same dict"),
    ],
)
def test_a_bad_dictionary_is_refused(told: Any, error: type[Exception], text: str) -> None:
    """Class and beginning of the text are Chroma's."""
    with pytest.raises(error) as refused:
        Where.from_dict(told)
    assert str(refused.value).startswith(text)


def test_keys_are_values() -> None:
    """Two keys of one name are one in a set; compared with anything else a key makes a condition."""
    assert len({K("a"), K("a"), K("b")}) == 2
    assert (K("a") == K("a"), K("a") == K("b"), K("a") != K("b")) == (True, False, True)
    assert repr(K.SCORE) == "Key('#score')"


@pytest.mark.parametrize("join", [lambda: (K("a") == 1) & 3, lambda: (K("a") == 1) | "s"])
def test_only_conditions_are_joined(join: Callable[[], Any]) -> None:
    """`K("a") == 1 & 3`, which Python reads in another way than its author, is an error at once."""
    with pytest.raises(TypeError, match="unsupported operand"):
        join()


def test_an_empty_list_is_kept() -> None:
    """What was made by hand is written as it is."""
    assert And([]).to_dict() == {"$and": []}

"""Expressions that score records, and their form on the wire."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma.condition import K
from ochredb.chroma.rank import Knn, Rank, Rrf, Val
from ochredb.core.model import SparseVector

NUMBERS = st.one_of(st.integers(-5, 5), st.floats(-5, 5))
LEAVES = st.one_of(
    st.builds(Val, NUMBERS),
    st.builds(
        Knn,
        query=st.one_of(st.lists(st.floats(-1, 1), min_size=1, max_size=3), st.just(SparseVector([1, 5], [0.1, 0.2]))),
        key=st.sampled_from(["#embedding", "sparse"]),
        limit=st.integers(1, 99),
        default=st.one_of(st.none(), NUMBERS),
        return_rank=st.booleans(),
    ),
)
TERMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda one, other: one + other, inner, st.one_of(inner, NUMBERS)),
        st.builds(lambda one, other: other * one, inner, st.one_of(inner, NUMBERS)),
        st.builds(lambda one, other: one - other, inner, st.one_of(inner, NUMBERS)),
        st.builds(lambda one, other: other / one, inner, st.one_of(inner, NUMBERS)),
        st.builds(lambda one, other: one.max(other), inner, NUMBERS),
        st.builds(lambda one, other: one.min(other), inner, inner),
        st.builds(lambda one: -(abs(one).exp().log()), inner),
    ),
    max_leaves=5,
)
KNN = Knn(query=[1.0])
TOLD = {"$knn": {"query": [1.0], "key": "#embedding", "limit": 16}}


@given(TERMS)
def test_an_expression_survives_its_dictionary(rank: Rank) -> None:
    """What is read from `to_dict` is what was written."""
    assert Rank.from_dict(rank.to_dict()) == rank


@pytest.mark.parametrize(
    ("rank", "told"),
    [
        (-KNN, {"$mul": [{"$val": -1}, TOLD]}),
        ((Val(2) - KNN).max(0), {"$max": [{"$sub": {"left": {"$val": 2}, "right": TOLD}}, {"$val": 0}]}),
        (
            (KNN / 2).exp().log().abs().min(3),
            {
                "$min": [
                    {"$abs": {"$log": {"$exp": {"$div": {"left": TOLD, "right": {"$val": 2}}}}}},
                    {"$val": 3},
                ]
            },
        ),
        (1 + Val(2) + 3, {"$sum": [{"$val": 1}, {"$val": 2}, {"$val": 3}]}),
        (2 * (Val(3) * Val(4)), {"$mul": [{"$val": 2}, {"$val": 3}, {"$val": 4}]}),
        (1 - Val(2), {"$sub": {"left": {"$val": 1}, "right": {"$val": 2}}}),
        (
            Knn(query=[1.0, 2.0], limit=20, default=5.0) * 0.5
            + Knn(query=SparseVector([1, 5], [0.1, 0.2]), key="sp", return_rank=True),
            {
                "$sum": [
                    {
                        "$mul": [
                            {"$knn": {"query": [1.0, 2.0], "key": "#embedding", "limit": 20, "default": 5.0}},
                            {"$val": 0.5},
                        ]
                    },
                    {
                        "$knn": {
                            "query": {"#type": "sparse_vector", "indices": [1, 5], "values": [0.1, 0.2]},
                            "key": "sp",
                            "limit": 16,
                            "return_rank": True,
                        }
                    },
                ]
            },
        ),
        (Knn(query="text", key=K("x")), {"$knn": {"query": "text", "key": "x", "limit": 16}}),
        (
            Knn(query=np.array([1.0, 2.0], np.float32)),
            {"$knn": {"query": [1.0, 2.0], "key": "#embedding", "limit": 16}},
        ),
        (
            Rrf([Val(1), Val(2)], weights=[1, 3], normalize=True),
            {
                "$mul": [
                    {"$val": -1},
                    {
                        "$sum": [
                            {"$div": {"left": {"$val": 0.25}, "right": {"$sum": [{"$val": 60}, {"$val": 1}]}}},
                            {"$div": {"left": {"$val": 0.75}, "right": {"$sum": [{"$val": 60}, {"$val": 2}]}}},
                        ]
                    },
                ]
            },
        ),
        (
            Rrf([Val(1)], k=5),
            {
                "$mul": [
                    {"$val": -1},
                    {"$div": {"left": {"$val": 1.0}, "right": {"$sum": [{"$val": 5}, {"$val": 1}]}}},
                ]
            },
        ),
    ],
)
def test_expressions_are_written_as_chroma_writes_them(rank: Rank, told: dict[str, Any]) -> None:
    """The forms are those that were recorded of Chroma 1.5.9."""
    assert rank.to_dict() == told


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        (3, TypeError, "Expected dict for Rank, got int"),
        ({}, ValueError, "Rank dict cannot be empty"),
        ({"$val": 1, "$abs": 2}, ValueError, "Rank dict must contain exactly one operator, got 2"),
        ({"$rrf": {}}, ValueError, "Unknown rank operator: $rrf"),
        ({"$val": "x"}, TypeError, "$val requires a number, got str"),
        ({"$sum": [{"$val": 1}]}, ValueError, "$sum requires at least 2 ranks, got 1"),
        ({"$max": 3}, TypeError, "$max requires a list, got int"),
        ({"$sub": [1]}, TypeError, "$sub requires a dict with 'left' and 'right', got list"),
        ({"$div": {"left": {"$val": 1}}}, ValueError, "$div requires 'left' and 'right' fields"),
        ({"$abs": 1}, TypeError, "$abs requires a rank dict, got int"),
        ({"$knn": 1}, TypeError, "$knn requires a dict, got int"),
        ({"$knn": {}}, ValueError, "$knn requires 'query' field"),
        ({"$knn": {"query": "s"}}, TypeError, "$knn query must be a list, numpy array, or SparseVector dict, got str"),
        ({"$knn": {"query": ["a"]}}, ValueError, "$knn query must be a non-empty list of floats or ints"),
        ({"$knn": {"query": [1.0], "key": 3}}, TypeError, "$knn key must be a string, got int"),
        ({"$knn": {"query": [1.0], "limit": 0}}, ValueError, "$knn limit must be positive, got 0"),
        ({"$knn": {"query": [1.0], "limit": "x"}}, TypeError, "$knn limit must be an integer, got str"),
        ({"$knn": {"query": [1.0], "default": "x"}}, TypeError, "$knn default must be a number, got str"),
        ({"$knn": {"query": [1.0], "return_rank": 1}}, TypeError, "$knn return_rank must be a boolean, got int"),
    ],
)
def test_a_bad_dictionary_is_refused(told: Any, error: type[Exception], text: str) -> None:
    """Class and beginning of the text are Chroma's."""
    with pytest.raises(error) as refused:
        Rank.from_dict(told)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(
    ("rank", "text"),
    [
        (Rrf([]), "RRF requires at least one rank"),
        (Rrf([Val(1)], k=0), "k must be positive, got 0"),
        (Rrf([Val(1)], weights=[1, 2]), "Number of weights (2) must match number of ranks (1)"),
        (Rrf([Val(1)], weights=[-1]), "All weights must be non-negative"),
        (Rrf([Val(1)], weights=[0], normalize=True), "Sum of weights must be positive when normalize=True"),
    ],
)
def test_a_fusion_that_means_nothing_is_refused(rank: Rrf, text: str) -> None:
    """It is told when the expression is written, as in Chroma."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 # the text is compared below, as it has parentheses
        rank.to_dict()
    assert str(refused.value).startswith(text)


def test_only_numbers_join_an_expression() -> None:
    """A text is no term."""
    with pytest.raises(TypeError, match="Expected a Rank or a number, got str"):
        Val(1) + "x"  # type: ignore[operator]

"""A search: what it is made of, and its form on the wire."""

from collections.abc import Callable
from typing import Any

import pytest

from ochredb.chroma.condition import K
from ochredb.chroma.rank import Knn, Val
from ochredb.chroma.search import Aggregate, GroupBy, Limit, MaxK, MinK, Search, SearchResult, Select

EMPTY = {"filter": None, "rank": None, "group_by": {}, "limit": {"offset": 0}, "select": {"keys": []}}
LEAST = {"$min_k": {"keys": ["#score"], "k": 2}}


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (Search(), {}),
        (Search(where={"a": 1}), {"filter": {"a": {"$eq": 1}}}),
        (Search().where(K("a") == 1), {"filter": {"a": {"$eq": 1}}}),
        (Search(rank={"$val": 1}), {"rank": {"$val": 1}}),
        (Search().rank(Knn(query=[1.0])), {"rank": {"$knn": {"query": [1.0], "key": "#embedding", "limit": 16}}}),
        (Search(limit=3), {"limit": {"offset": 0, "limit": 3}}),
        (Search(limit={"limit": 3, "offset": 1}), {"limit": {"offset": 1, "limit": 3}}),
        (Search(limit=Limit(1, 2)), {"limit": {"offset": 1, "limit": 2}}),
        (Search().limit(10, offset=5), {"limit": {"offset": 5, "limit": 10}}),
        (Search(select=["b", "a"]), {"select": {"keys": ["a", "b"]}}),
        (Search(select={"keys": ["a"]}), {"select": {"keys": ["a"]}}),
        (Search(select=Select({"a"})), {"select": {"keys": ["a"]}}),
        (Search().select(K.SCORE, "a"), {"select": {"keys": ["#score", "a"]}}),
        (Search().select_all(), {"select": {"keys": ["#document", "#embedding", "#metadata", "#score"]}}),
        (Search(group_by={}), {}),
        (Search(group_by=GroupBy(keys=["a"])), {}),
        (Search(group_by={"keys": ["c"], "aggregate": LEAST}), {"group_by": {"keys": ["c"], "aggregate": LEAST}}),
        (
            Search().group_by(GroupBy(keys=K("c"), aggregate=MinK(keys=K.SCORE, k=2))),
            {"group_by": {"keys": ["c"], "aggregate": LEAST}},
        ),
    ],
)
def test_a_search_is_written_as_chroma_writes_it(search: Search, told: dict[str, Any]) -> None:
    """Objects, dictionaries and short forms of each argument come to the same."""
    assert search.to_dict() == EMPTY | told


def test_each_method_gives_a_new_search() -> None:
    """Searches share their beginnings without changing each other."""
    first = Search().where({"a": 1})
    second = first.rank(Val(1)).limit(3).select("a")
    assert first.to_dict() == EMPTY | {"filter": {"a": {"$eq": 1}}}
    assert second.to_dict()["filter"] == {"a": {"$eq": 1}}
    assert second.where(None).to_dict()["filter"] is None


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Search(where=3), TypeError, "where must be a Where object, dict, or None, got int"),
        (lambda: Search(rank=3), TypeError, "rank must be a Rank object, dict, or None, got int"),
        (lambda: Search(group_by=3), TypeError, "group_by must be a GroupBy object, dict, or None, got int"),
        (lambda: Search(limit="x"), TypeError, "limit must be a Limit object, dict, int, or None, got str"),
        (lambda: Search(select="a"), TypeError, "select must be a Select object, dict, list, set, or None, got str"),
        (lambda: Search(select=[3]), TypeError, "Select key must be a string, got int"),
        (lambda: Search(limit=0), ValueError, "Limit limit must be positive, got 0"),
        (lambda: Search().limit(3, -1), ValueError, "Limit offset must be non-negative, got -1"),
        (lambda: Limit.from_dict({"limit": "3"}), TypeError, "Limit limit must be an integer, got str"),
        (lambda: Limit.from_dict({"offset": "a"}), TypeError, "Limit offset must be an integer, got str"),
        (lambda: Limit.from_dict({"x": 3}), ValueError, "Unexpected keys in Limit dict: {'x'}"),
        (lambda: Limit.from_dict(3), TypeError, "Expected dict for Limit, got int"),
        (lambda: Select.from_dict({"keys": "a"}), TypeError, "Select keys must be a list/tuple/set, got str"),
        (lambda: GroupBy.from_dict({"keys": ["c"]}), ValueError, "GroupBy requires 'aggregate' field"),
        (lambda: GroupBy.from_dict({"aggregate": LEAST}), ValueError, "GroupBy requires 'keys' field"),
        (lambda: GroupBy.from_dict({"keys": [], "aggregate": LEAST}), ValueError, "GroupBy keys cannot be empty"),
        (
            lambda: GroupBy.from_dict({"keys": "c", "aggregate": LEAST}),
            TypeError,
            "GroupBy keys must be a list, got str",
        ),
        (
            lambda: GroupBy.from_dict({"keys": ["c"], "aggregate": 3}),
            TypeError,
            "GroupBy aggregate must be a dict, got int",
        ),
        (lambda: Aggregate.from_dict({}), ValueError, "Aggregate dict cannot be empty"),
        (lambda: Aggregate.from_dict({"$x": {}}), ValueError, "Unknown aggregate operator: $x"),
        (lambda: Aggregate.from_dict(LEAST | {"$max_k": {}}), ValueError, "Aggregate dict must contain exactly one"),
        (lambda: Aggregate.from_dict({"$max_k": 3}), TypeError, "$max_k requires a dict, got int"),
        (lambda: Aggregate.from_dict({"$max_k": {"k": 1}}), ValueError, "$max_k requires 'keys' field"),
        (
            lambda: Aggregate.from_dict({"$max_k": {"keys": ["a"], "k": 0}}),
            ValueError,
            "$max_k k must be positive, got 0",
        ),
        (lambda: Aggregate.from_dict({"$max_k": {"keys": ["a"], "k": "2"}}), TypeError, "$max_k k must be an integer"),
    ],
)
def test_what_means_nothing_is_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    """Class and beginning of the text are Chroma's."""
    with pytest.raises(error) as refused:
        call()
    assert str(refused.value).startswith(text)


def test_an_aggregate_survives_its_dictionary() -> None:
    """What is read from `to_dict` is what was written."""
    assert Aggregate.from_dict(MaxK(keys=[K("a")], k=1).to_dict()) == MaxK(keys=[K("a")], k=1)


def test_rows_leave_out_what_is_not_there() -> None:
    """A row has its id and each value that is not None; a column that was not selected is None."""
    result = SearchResult(
        ids=[["a", "b"], []],
        documents=[["x", None], None],
        embeddings=[None, None],
        metadatas=[[{"k": 1}, None], None],
        scores=[[0.1, 0.2], None],
        select=[["#document"], []],
    )
    assert result.rows() == [
        [{"id": "a", "document": "x", "metadata": {"k": 1}, "score": 0.1}, {"id": "b", "score": 0.2}],
        [],
    ]

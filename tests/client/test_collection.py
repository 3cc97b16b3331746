"""Collections as Chroma's users call them: what is refused and in which words, what comes back and in which shape."""

import json
from collections.abc import Callable
from copy import deepcopy
from io import StringIO
from pickle import dumps, loads
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ochredb
from ochredb import errors
from ochredb.testing import strategies

Collection = ochredb.Collection
Call = Callable[[Collection], Any]

NAN, INF = float("nan"), float("inf")
V = [[1.0, 2.0]]
BIG = "x" * 1_000_000
LONE = "\ud800"

NO_EMBEDDINGS = "Expected embeddings to be a list of floats or ints, a list of lists, a numpy array, or a list of "
NO_VALUE = "Expected metadata value to be a str, int, float, bool, SparseVector, list, or None, got "
MIXED = (
    "Expected metadata list value for key 'a' to contain only str, int, float, or bool and all elements must be the "
    "same type, got "
)
NO_LIST = "Expected where operand value to be a non-empty list, and all values to be of the same type got "
INCLUDED = "documents, embeddings, metadatas, distances, uris, data"
OPERATORS = "$gt, $gte, $lt, $lte, $ne, $eq, $in, $nin, $contains, $not_contains"
DOCUMENT_OPERATORS = "$contains, $not_contains, $regex, $not_regex, $and, $or"

REFUSED: list[tuple[type[Exception], str, Call]] = [
    # contract 1.6 and 1.7: ids
    (ValueError, "Expected IDs to be a list, got NoneType as IDs in add.", lambda c: c.add(None, V)),  # type: ignore[arg-type]
    (ValueError, "Expected ID to be a str, got ('a', 'b')", lambda c: c.add(("a", "b"), V)),  # type: ignore[arg-type]
    (ValueError, "Expected ID to be a str, got 5", lambda c: c.add([5], V)),  # type: ignore[list-item]
    (ValueError, "Non-empty lists are required for ['ids'] in add.", lambda c: c.add([], V)),
    (ValueError, "Expected IDs to be a non-empty list, got 0 IDs in get.", lambda c: c.get(ids=[])),
    (ValueError, "Expected IDs to be a non-empty list, got 0 IDs in delete.", lambda c: c.delete(ids=[])),
    (
        errors.DuplicateIDError,
        "Expected IDs to be unique, found duplicates of: a in add.",
        lambda c: c.add(["a", "a"], V * 2),
    ),
    (
        errors.DuplicateIDError,
        "Expected IDs to be unique, found duplicates of: z in upsert.",
        lambda c: c.upsert(["z"] * 3, V * 3),
    ),
    (
        errors.DuplicateIDError,
        "Expected IDs to be unique, found duplicates of: a in update.",
        lambda c: c.update(["a"] * 2),
    ),
    (errors.DuplicateIDError, "Expected IDs to be unique, found duplicates of: a in get.", lambda c: c.get(["a", "a"])),
    (
        errors.DuplicateIDError,
        "Expected IDs to be unique, found duplicates of: a in delete.",
        lambda c: c.delete(["a", "a"]),
    ),
    (errors.InvalidArgumentError, "Empty ID, ID must have at least one character", lambda c: c.add([""], V)),
    (ValueError, "Expected text without NUL characters", lambda c: c.add(["a\0"], V)),
    (ValueError, "Expected text that can be encoded as UTF-8", lambda c: c.add([LONE], V)),
    (ValueError, "Expected text that can be encoded as UTF-8", lambda c: c.get([LONE])),
    (ValueError, "Expected at most 65536 bytes", lambda c: c.add([BIG], V)),
    # embeddings
    (ValueError, "Expected Embeddings to be non-empty list or numpy array, got []", lambda c: c.add(["z"], [])),
    (ValueError, "Expected each embedding in the embeddings", lambda c: c.add(["z"], [[]])),
    *[
        (
            ValueError,
            NO_EMBEDDINGS,
            lambda c, bad=bad: c.add(["z"], bad),
        )
        for bad in ((1.0, 2.0), [(1.0, 2.0)], [True, False], "ab", ["a", "b"], [[None, 1]], 5, np.float32(5), [[1j, 2]])
    ],
    *[
        (
            ValueError,
            f"Expected each value in the embedding to be a int or float, got an embedding with {dtype}",
            lambda c, dtype=dtype: c.add(["z"], np.ones((1, 2), dtype)),
        )
        for dtype in ("int8", "uint8", "bool", "complex64", "int16")
    ],
    (ValueError, "Unequal lengths for fields: ids: 2, embeddings: 1", lambda c: c.add(["y", "z"], V)),
    (
        ValueError,
        "Unequal lengths for fields: ids: 1, metadatas: 2, embeddings: 1",
        lambda c: c.add(["z"], V, [{"a": 1}] * 2),
    ),
    (ValueError, "Unequal lengths for fields: ids: 1, documents: 2", lambda c: c.add(["z"], documents=["a", "b"])),
    (
        errors.InvalidArgumentError,
        "Collection expecting embedding with dimension of 2, got 3",
        lambda c: c.add(["z"], [[1, 2, 3]]),
    ),
    (
        errors.InvalidArgumentError,
        "Collection expecting embedding with dimension of 2, got 1",
        lambda c: c.update(["zz"], [[1]]),
    ),
    (
        errors.InvalidArgumentError,
        "Collection expecting embedding with dimension of 2, got 3",
        lambda c: c.query([[1, 2, 3]]),
    ),
    (
        errors.InvalidArgumentError,
        "Inconsistent dimensions in provided embeddings",
        lambda c: c.add(["y", "z"], [[1, 2], [1]]),
    ),
    *[
        (
            errors.InvalidArgumentError,
            "Validation error: embeddings: Embeddings must not contain NaN or Infinity values",
            lambda c, bad=bad: c.upsert(["a"], [[1.0, bad]]),
        )
        for bad in (NAN, INF, -INF, 1e39, -1e39)
    ],
    (ValueError, "Exactly one of", lambda c: c.add(["z"])),
    (ValueError, "Exactly one of", lambda c: c.add(["z"], documents=["d"], uris=["u"])),
    (ValueError, "Exactly one of documents, images must be provided in upsert.", lambda c: c.upsert(["z"], uris=["u"])),
    (
        ValueError,
        "You must set a data loader on the collection if loading from URIs. in add.",
        lambda c: c.add(["z"], uris=["u"]),
    ),
    (
        ValueError,
        "You must set a data loader on the collection if loading from URIs. in get.",
        lambda c: c.get(include=["data"]),
    ),
    # documents and uris
    (ValueError, "Expected document to be a str, got 5", lambda c: c.add(["z"], V, documents=[5])),  # type: ignore[list-item]
    (ValueError, "Expected document to be a str, got None", lambda c: c.add(["z"], documents=[None])),  # type: ignore[list-item]
    (ValueError, "Expected text that can be encoded as UTF-8", lambda c: c.add(["z"], V, documents=[LONE])),
    (ValueError, "Expected text that can be encoded as UTF-8", lambda c: c.add(["z"], V, uris=[LONE])),
    # contract 1.9: metadata
    *[
        (ValueError, NO_VALUE, lambda c, bad=bad: c.add(["z"], V, [{"a": bad}]))
        for bad in (np.int64(1), np.float32(1), np.bool_(True), (1,), {1}, b"x", {"b": 1}, object)
    ],
    (ValueError, "Expected metadata list value for key 'a' to be non-empty", lambda c: c.add(["z"], V, [{"a": []}])),
    *[
        (ValueError, MIXED, lambda c, bad=bad: c.add(["z"], V, [{"a": bad}]))
        for bad in ([1, 2.0], [1, True], [None], [[1]], ["a", 1], [{}])
    ],
    (
        TypeError,
        "argument 'metadatas': Cannot convert Python object to MetadataValue",
        lambda c: c.add(["z"], V, [{"a": None}]),
    ),
    (
        ValueError,
        "Expected metadata to be a non-empty dict, got 0 metadata attributes",
        lambda c: c.add(["z"], V, [{}]),
    ),
    (
        ValueError,
        "Expected metadata to be a non-empty dict, got 0 metadata attributes",
        lambda c: c.update(["a"], None, [{}]),
    ),
    (ValueError, "Expected metadata", lambda c: c.add(["z"], V, "text")),  # type: ignore[arg-type]
    (ValueError, "Expected metadata", lambda c: c.add(["z"], V, [{"a": NAN}])),
    (ValueError, "Expected metadata", lambda c: c.add(["z"], V, [{"a": [1.0, INF]}])),
    (TypeError, "Expected metadata key to be a str, got 1 which is a int", lambda c: c.add(["z"], V, [{1: 1}])),  # type: ignore[dict-item]
    *[
        (
            errors.InvalidArgumentError,
            "Validation error: metadatas: Invalid metadata at index 0",
            lambda c, bad=bad: c.add(["z"], V, [{bad: 1}]),
        )
        for bad in ("", "#a", "$a")
    ],
    (
        ValueError,
        "Expected metadata to not contain the reserved key chroma:document",
        lambda c: c.add(["z"], V, [{"chroma:document": "x"}]),
    ),
    (errors.ChromaError, "", lambda c: c.add(["z"], V, [{LONE: 1}])),
    (errors.ChromaError, "", lambda c: c.add(["z"], V, [{"a": 10**400}])),
    (ValueError, "Expected text that can be encoded as UTF-8", lambda c: c.add(["z"], V, [{"a": ["x", LONE]}])),
    # contract 1.10 and 1.11: what is asked for
    (ValueError, "Expected include to be a list, got ", lambda c: c.get(include=("documents",))),  # type: ignore[arg-type]
    (
        ValueError,
        "Include item cannot be one of distances, got distances in get.",
        lambda c: c.get(include=["distances"]),
    ),
    (
        ValueError,
        f"Expected include item to be one of {INCLUDED}, got bogus in query.",
        lambda c: c.query(V, include=["bogus"]),
    ),
    (ValueError, "Expected include item to be a str, got 5", lambda c: c.get(include=[5])),  # type: ignore[list-item]
    (
        TypeError,
        "Number of requested results 0, cannot be negative, or zero. in query.",
        lambda c: c.query(V, n_results=0),
    ),
    (
        TypeError,
        "Number of requested results -3, cannot be negative, or zero. in query.",
        lambda c: c.query(V, n_results=-3),
    ),
    *[
        (
            ValueError,
            "Expected requested number of results to be a int, got ",
            lambda c, bad=bad: c.query(V, n_results=bad),
        )
        for bad in (None, "3", 2.5, np.int64(1))
    ],
    (
        ValueError,
        "At least one of one of embeddings, documents, images, uris must be provided in query.",
        lambda c: c.query(),
    ),
    *[(errors.ChromaError, "argument 'limit': ", lambda c, bad=bad: c.get(limit=bad)) for bad in (-1, 1.5, "1")],
    (errors.ChromaError, "argument 'offset': ", lambda c: c.get(offset=-1)),
    # contract 1.15 and 1.16: filters
    *[
        (ValueError, text, lambda c, where=where: c.get(where=where))
        for where, text in (
            ({}, "Expected where to have exactly one operator, got {}"),
            ({"a": 1, "b": 2}, "Expected where to have exactly one operator, got "),
            ({"a": {"$gt": 1, "$lt": 2}}, "Expected operator expression to have exactly one operator, got "),
            ({1: 1}, "Expected where key to be a str, got 1"),
            (
                {"$contains": "x"},
                "Expected where key to be a metadata field name or a logical operator ($and, $or), got $contains",
            ),
            ({"i": None}, "Expected where value to be a str, int, float, or operator expression, got None"),
            ({"i": [1]}, "Expected where value to be a str, int, float, or operator expression, got [1]"),
            (
                {"i": {"$eq": None}},
                "Expected where operand value to be a str, int, float, bool, or list of those type, got None",
            ),
            ({"i": {"$gt": "a"}}, "Expected operand value to be an int or a float for operator $gt, got a"),
            ({"i": {"$in": []}}, NO_LIST + "[]"),
            ({"i": {"$in": [1, "a"]}}, NO_LIST),
            ({"i": {"$in": 1}}, "Expected operand value to be an list for operator $in, got 1"),
            ({"i": {"$foo": 1}}, f"Expected where operator to be one of {OPERATORS}, got $foo"),
            ({"i": {"$regex": "a"}}, f"Expected where operator to be one of {OPERATORS}, got $regex"),
            ({"$and": {"a": 1}}, "Expected where value for $and or $or to be a list of where expressions, got "),
            (
                {"$or": [{"a": 1}]},
                "Expected where value for $and or $or to be a list with at least two where expressions, got ",
            ),
            (
                {"tags": {"$contains": ["x"]}},
                "Expected operand value to be a str, int, float, or bool for operator $contains, got ['x']",
            ),
            (
                {"#document": {"$contains": 1}},
                "Expected operand value to be a str for operator $contains on #document, got 1",
            ),
        )
    ],
    (errors.InvalidArgumentError, "Invalid where clause", lambda c: c.get(where={"i": 2**63})),
    (errors.InvalidArgumentError, "Invalid where clause", lambda c: c.get(where={"i": {"$gt": True}})),
    (
        errors.InvalidArgumentError,
        "Cannot filter using metadata key '#document' with type 'Str' because indexing is disabled",
        lambda c: c.get(where={"#document": "x"}),
    ),
    *[
        (ValueError, text, lambda c, where=where: c.query(V, where_document=where))
        for where, text in (
            ({}, "Expected where document to have exactly one operator, got {}"),
            ({"$eq": "a"}, f"Expected where document operator to be one of {DOCUMENT_OPERATORS}, got $eq"),
            ({"$contains": 5}, "Expected where document operand value for operator $contains to be a str, got 5"),
            ({"$contains": ""}, "Expected where document operand value for operator $contains to be a non-empty str"),
            (
                {"$and": [{"$contains": "a"}]},
                "Expected document value for $and or $or to be a list with at least two where document expressions",
            ),
        )
    ],
    (errors.InvalidArgumentError, "Regex syntax errror: ", lambda c: c.get(where_document={"$regex": "("})),
    # contract 1.12: delete and modify
    (ValueError, "At least one of ids, where, or where_document must be provided in delete.", lambda c: c.delete()),
    (
        ValueError,
        "limit can only be specified when a where or where_document clause is provided in delete.",
        lambda c: c.delete(["a"], limit=1),
    ),
    (ValueError, "limit must be a non-negative integer", lambda c: c.delete(where={"n": 1}, limit=-1)),
    (TypeError, "limit must be a non-negative integer", lambda c: c.delete(where={"n": 1}, limit=True)),
    (
        ValueError,
        "Changing the distance function of a collection once it is created is not supported currently.",
        lambda c: c.modify(metadata={"hnsw:space": "ip"}),
    ),
    (
        ValueError,
        "Expected metadata to be a non-empty dict, got 0 metadata attributes",
        lambda c: c.modify(metadata={}),
    ),
    (errors.InvalidArgumentError, "Validation error: new_name: ", lambda c: c.modify(name="a b")),
    (
        errors.InvalidArgumentError,
        "unknown field `space`, expected one of",
        lambda c: c.modify(configuration={"hnsw": {"space": "ip"}}),
    ),
    (
        ValueError,
        "Trying to update SPANN config but schema has HNSW",
        lambda c: c.modify(configuration={"spann": {"ef_search": 1}}),
    ),
    (errors.ChromaError, "", lambda c: c.modify(configuration={"embedding_function": "text"})),
    (errors.ChromaError, "", lambda c: c.modify(metadata={"a": 10**400})),
    (errors.ChromaError, "", lambda c: c.modify(configuration={"hnsw": {"ef_search": 2**70}})),
]
"""Error class, how its text begins, and the call: the tables of the contract."""


def state(collection: Collection) -> str:
    """Give everything about a collection as text."""
    client = collection._client
    again = client.get_collection(collection.name)
    everything = again.get(include=["embeddings", "documents", "metadatas", "uris"])
    return json.dumps([everything, again.configuration_json, again.metadata, client.count_collections()])


@pytest.mark.parametrize("row", range(len(REFUSED)))
def test_what_is_refused_changes_nothing(collection: Collection, row: int) -> None:
    """Bad input raises the class that Chroma's callers catch, in the words that they match on, and changes nothing."""
    wanted, text, call = REFUSED[row]
    before = state(collection)
    with pytest.raises(wanted) as refused:
        call(collection)
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)
    assert state(collection) == before


JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([LONE, b"x", (), {}, [], [[]], {"a": 1}, {1: 2}, object, np.nan, np.ones((1, 1, 1)), 2**70]),
    st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=2), st.just([1, 2])), max_size=3),
)  # fmt: skip
VERBS = {
    "add": ("ids", "embeddings", "metadatas", "documents", "uris"),
    "upsert": ("ids", "embeddings", "metadatas", "documents", "uris"),
    "update": ("ids", "embeddings", "metadatas", "documents", "uris"),
    "get": ("ids", "where", "limit", "offset", "where_document", "include"),
    "query": ("query_embeddings", "ids", "n_results", "where", "where_document", "include"),
    "delete": ("ids", "where", "where_document", "limit"),
    "modify": ("name", "metadata", "configuration"),
    "peek": ("limit",),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_whatever_comes_is_taken_or_refused(collection: Collection, data: st.DataObject) -> None:
    """Any value in any argument either works or raises an error of ours, and one that raises has changed nothing."""
    verb = data.draw(st.sampled_from(sorted(VERBS)))
    given_arguments = {name: data.draw(JUNK) for name in VERBS[verb] if data.draw(st.booleans())}
    if verb in ("add", "upsert", "update") and data.draw(st.booleans()):
        given_arguments |= {"ids": ["z"], "embeddings": V}
        given_arguments |= {"metadatas": [{data.draw(strategies.text(3)): data.draw(JUNK)}]}
    if verb in ("add", "upsert", "update"):
        given_arguments.setdefault("ids", ["y"])
    if given_arguments.get("embeddings") is None and verb in ("add", "upsert", "update"):
        given_arguments["documents"] = None  # no model is loaded for this
    before = state(collection)
    try:
        getattr(collection, verb)(**given_arguments)
    except errors.ChromaError:
        assert state(collection) == before


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
def test_embeddings_of_every_type(client: ochredb.ClientAPI, dtype: str) -> None:
    """Arrays of five types, lists of arrays, lists of lists, one vector: all are kept as float32, given as float64."""
    collection = client.create_collection("dtypes", embedding_function=None)
    rows = np.array([[1, 2], [3, -4]], dtype)
    collection.add(ids=["a", "b"], embeddings=rows)
    collection.add(ids=["c", "d"], embeddings=list(rows))
    collection.add(ids=["e", "f"], embeddings=rows.tolist())
    collection.add(ids=["g"], embeddings=rows[0])
    collection.add(ids="h", embeddings=rows[0].tolist(), metadatas={"n": 1}, documents="text", uris="uri")
    collection.add(ids=["i", "j"], embeddings=np.asfortranarray(rows))
    found = collection.get(include=["embeddings"])["embeddings"]
    assert (found.dtype, found.shape) == (np.float64, (10, 2))
    np.testing.assert_array_equal(found, [[1, 2], [3, -4]] * 3 + [[1, 2]] * 2 + [[1, 2], [3, -4]])
    found[0] = 0
    assert collection.get(ids="a", include=["embeddings"])["embeddings"].tolist() == [[1, 2]]


def test_lists_become_float32(client: ochredb.ClientAPI) -> None:
    """A number that float32 does not hold comes back as the nearest that it does."""
    collection = client.create_collection("rounded", embedding_function=None)
    collection.add(ids=["a"], embeddings=[[16777217, 0.1]])
    assert collection.get(include=["embeddings"])["embeddings"].tolist() == [[16777216.0, float(np.float32(0.1))]]


GET_KEYS = ["ids", "embeddings", "documents", "uris", "included", "data", "metadatas"]


def test_the_shape_of_a_get(collection: Collection) -> None:
    """The keys of a get come in Chroma's order; what was not asked for is None; `included` is the caller's own list."""
    include = ["documents", "embeddings", "documents"]
    found = collection.get(include=include)
    assert list(found) == GET_KEYS
    assert found["included"] is include
    assert found["ids"] == ["a", "b", "c"]
    assert found["documents"] == ["the quick fox", "a dog", None]
    assert (found["uris"], found["data"], found["metadatas"]) == (None, None, None)
    whole = collection.get(include=["metadatas", "uris"])
    assert whole["metadatas"] == [{"n": 1, "tags": ["x"]}, {"n": 2.5}, {}]
    assert whole["uris"] == [None, "file:b", "file:c"]
    assert (whole["embeddings"], whole["documents"]) == (None, None)
    assert collection.get()["included"] == ["metadatas", "documents"]
    assert list(collection.peek(1)) == GET_KEYS
    assert collection.peek(1)["embeddings"].tolist() == [[1, 0]]
    assert collection.peek(0)["ids"] == []
    assert len(collection.peek(None)["ids"]) == 3


def test_the_shape_of_an_empty_get(collection: Collection) -> None:
    """Where nothing is found, lists are empty, and the array of embeddings has no dimension."""
    found = collection.get(ids=["nobody"], include=["embeddings", "documents", "metadatas", "uris"])
    assert found["embeddings"].shape == (0,)
    assert found["embeddings"].dtype == np.float64
    assert [found[key] for key in ("ids", "documents", "metadatas", "uris")] == [[]] * 4


def test_the_shape_of_a_query(collection: Collection) -> None:
    """A query gives a list for each vector; embeddings are a list of arrays, distances Python floats."""
    include = ["embeddings", "distances", "metadatas", "documents", "uris"]
    found = collection.query(query_embeddings=[[1, 0], [0, 2]], n_results=2, include=include)
    assert list(found) == [*GET_KEYS, "distances"]
    assert found["included"] is include
    assert found["ids"] == [["a", "b"], ["b", "c"]]
    assert found["distances"] == [[0.0, 2.0], [1.0, 4.0]]
    assert {type(distance) for row in found["distances"] for distance in row} == {float}
    assert [type(rows) for rows in found["embeddings"]] == [np.ndarray] * 2
    assert [(rows.dtype, rows.shape) for rows in found["embeddings"]] == [(np.float64, (2, 2))] * 2
    assert found["metadatas"] == [[{"n": 1, "tags": ["x"]}, {"n": 2.5}], [{"n": 2.5}, {}]]
    assert found["documents"] == [["the quick fox", "a dog"], ["a dog", None]]
    assert found["uris"] == [[None, "file:b"], ["file:b", "file:c"]]
    bare = collection.query(query_embeddings=[1, 0], include=[])
    assert bare == dict.fromkeys(found) | {"ids": [["a", "b", "c"]], "included": []}
    default = collection.query(query_embeddings=[1, 0])
    assert default["included"] == ["metadatas", "documents", "distances"]


def test_the_shape_of_an_empty_query(client: ochredb.ClientAPI, collection: Collection) -> None:
    """An empty list for each vector, in a new collection for vectors of any dimension."""
    empty = client.create_collection("empty", embedding_function=None)
    for found in (
        empty.query(query_embeddings=[[1, 2, 3], [1, 2, 3]]),
        collection.query(query_embeddings=[[1, 2], [3, 4]], where={"n": 99}),
        collection.query(query_embeddings=[[1, 2], [3, 4]], ids=[]),
        collection.query(query_embeddings=[[1, 2], [3, 4]], ids=["nobody", "nobody"]),
    ):
        assert [found[key] for key in ("ids", "documents", "metadatas", "distances")] == [[[], []]] * 4
    rows = empty.query(query_embeddings=[[1, 2]], include=["embeddings"])["embeddings"]
    assert [row.shape for row in rows] == [(0,)]


@pytest.mark.parametrize("indent", [None, 2])
def test_results_are_json(collection: Collection, indent: int | None) -> None:
    """`json.dump` and `json.dumps` write results, embeddings included, with indentation or without."""
    include = ["embeddings", "documents", "metadatas", "uris"]
    for found in (
        collection.get(include=include),
        collection.query(query_embeddings=[[1, 0], [0, 1]], include=include),
    ):
        text = json.dumps(found, indent=indent)
        file = StringIO()
        json.dump({"nested": [found]}, file, indent=indent)
        assert json.loads(file.getvalue())["nested"] == [json.loads(text)]
        assert list(json.loads(text)) == list(found)
        plain = [rows if isinstance(rows, list) else rows.tolist() for rows in found["embeddings"]]
        assert np.array_equal(json.loads(text)["embeddings"], plain)


@pytest.mark.parametrize("copy", [deepcopy, lambda found: loads(dumps(found)), dict, lambda found: found.copy()])
def test_a_copied_result_is_the_same(collection: Collection, copy: Callable[[Any], Any]) -> None:
    """A result that is copied, or sent to another process, still has arrays for embeddings."""
    for found in (collection.get(include=["embeddings"]), collection.query(V, include=["embeddings"])):
        again = copy(found)
        assert list(again) == list(found)
        for mine, theirs in zip(again["embeddings"], found["embeddings"], strict=True):
            assert isinstance(mine, np.ndarray)
            np.testing.assert_array_equal(mine, theirs)


def test_add_ignores_what_is_there(collection: Collection) -> None:
    """Adding an id that exists changes nothing of it; the others of the call are added."""
    collection.add(ids=["a", "d"], embeddings=[[9, 9], [4, 4]], documents=["changed", "new"])
    found = collection.get(include=["documents", "embeddings"])
    assert found["ids"] == ["a", "b", "c", "d"]
    assert found["documents"] == ["the quick fox", "a dog", None, "new"]
    assert found["embeddings"][0].tolist() == [1, 0]


def test_update_and_upsert_merge(collection: Collection) -> None:
    """Metadata is merged, None removes a key, what is not given stays, unknown ids are updated to nothing."""
    collection.update(ids=["a", "nobody"], metadatas=[{"n": None, "m": True}, {"m": True}])
    collection.upsert(ids=["b", "d"], embeddings=[[5, 5], [6, 6]], metadatas=[{"m": "x"}, {"m": "y"}])
    collection.update(ids=["c"], uris=["file:new"])
    collection.update(ids=["a"])
    found = collection.get(include=["metadatas", "documents", "embeddings", "uris"])
    assert found["ids"] == ["a", "b", "c", "d"]
    assert found["metadatas"] == [{"tags": ["x"], "m": True}, {"n": 2.5, "m": "x"}, {}, {"m": "y"}]
    assert found["documents"] == ["the quick fox", "a dog", None, None]
    assert found["embeddings"].tolist() == [[1, 0], [5, 5], [2, 2], [6, 6]]
    assert found["uris"] == [None, "file:b", "file:new", None]


def test_get_goes_by_insertion(collection: Collection) -> None:
    """Records come in the order in which they were added, whatever order they are asked for in; pages follow it."""
    assert collection.get(ids=["c", "nobody", "a"])["ids"] == ["a", "c"]
    assert collection.get(limit=2)["ids"] == ["a", "b"]
    assert collection.get(limit=2, offset=2)["ids"] == ["c"]
    assert collection.get(offset=5)["ids"] == []
    assert collection.get(limit=0)["ids"] == []
    assert collection.get(ids=["a", "b"], where={"n": {"$gt": 1}}, where_document={"$contains": "dog"})["ids"] == ["b"]
    collection.delete(ids=["a"])
    collection.add(ids=["a"], embeddings=[[1, 0]])
    assert collection.get()["ids"] == ["b", "c", "a"]


@pytest.mark.parametrize("number", [2**31, 2**63, 2**64, 10**30])
def test_large_numbers_are_numbers(collection: Collection, number: int) -> None:
    """A limit, an offset or a number of results beyond all records, and beyond 64 bits, means what it says."""
    assert collection.get(limit=number)["ids"] == ["a", "b", "c"]
    assert collection.get(offset=number)["ids"] == []
    assert collection.get(limit=number, where={"n": 1})["ids"] == ["a"]
    assert collection.query([[1, 0]], n_results=number)["ids"] == [["a", "b", "c"]]
    assert collection.delete(where={"n": 1}, limit=number) == {"deleted": 1}


def test_delete_counts(collection: Collection) -> None:
    """Deleting by ids counts what was asked for; by a filter, with ids or without, what matched."""
    assert collection.delete(where={"n": 1}, limit=0) == {"deleted": 0}
    assert collection.delete(ids=["a", "nobody"]) == {"deleted": 2}
    assert collection.delete(ids=["b", "c"], where={"n": 2.5}) == {"deleted": 1}
    assert collection.delete(where_document={"$not_contains": "x"}, limit=5) == {"deleted": 1}
    assert collection.count() == 0


def test_modify(client: ochredb.ClientAPI, collection: Collection) -> None:
    """A new name, other metadata as a whole, other settings: seen on the object and by the next who opens it."""
    collection.modify(name="renamed")
    collection.modify(metadata={"a": 1, "b": None})
    collection.modify(configuration={"hnsw": {"ef_search": 7, "sync_threshold": 9}})
    collection.modify()
    for one in (collection, client.get_collection("renamed")):
        assert (one.name, one.metadata, one.count()) == ("renamed", {"a": 1}, 3)
        assert one.configuration_json["hnsw"]["ef_search"] == 7
        assert one.configuration_json["hnsw"]["sync_threshold"] == 9
    with pytest.raises(errors.NotFoundError):
        client.get_collection("three")
    client.create_collection("other", embedding_function=None)
    with pytest.raises(errors.UniqueConstraintError, match=r"^Collection \[other\] already exists"):
        collection.modify(name="other")
    assert collection.name == "renamed"


def test_properties(client: ochredb.ClientAPI, collection: Collection) -> None:
    """A collection tells what it is, cannot be assigned to, and is equal to itself opened again."""
    assert repr(collection) == "Collection(name=three)"
    assert isinstance(collection.id, UUID)
    assert (collection.tenant, collection.database) == ("default_tenant", "default_database")
    for name in ("id", "name", "metadata", "tenant", "database", "configuration", "configuration_json"):
        with pytest.raises(AttributeError):
            setattr(collection, name, "x")
    again = client.get_collection_by_id(collection.id, embedding_function=None)
    assert collection == again
    assert collection != client.create_collection("other", embedding_function=None)
    assert collection != "three"


def test_a_deleted_collection_says_so(client: ochredb.ClientAPI, collection: Collection) -> None:
    """Whoever still holds a collection that was deleted is told so by every verb."""
    client.delete_collection("three")
    calls: list[Call] = [
        lambda c: c.count(),
        lambda c: c.get(),
        lambda c: c.get(where={"n": 1}),
        lambda c: c.query(V),
        lambda c: c.add(["z"], V),
        lambda c: c.delete(["a"]),
        lambda c: c.delete(where={"n": 1}),
        lambda c: c.modify(name="other"),
    ]
    for call in calls:
        with pytest.raises(errors.NotFoundError, match=r"^Collection \[.*\] does not exist"):
            call(collection)
    assert client.create_collection("three", embedding_function=None).count() == 0


class Text(str):
    """A text that is more than a text, as NumPy's are."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [np.str_, Text])
def test_texts_of_other_classes_are_texts(collection: Collection, kind: Callable[[str], str]) -> None:
    """What is a str by inheritance is a str in every place."""
    word, key = kind("word"), kind("key")
    collection.add(
        ids=[kind("z")], embeddings=V, documents=[word], metadatas=[{key: word, "n": np.float64(7)}], uris=[word]
    )
    assert collection.get(where={"key": word})["ids"] == ["z"]
    assert collection.get(where={key: {"$in": [word]}})["ids"] == ["z"]
    assert collection.get(where={"tags": {"$contains": kind("x")}})["ids"] == ["a"]
    assert collection.get(where_document={"$contains": word})["ids"] == ["z"]
    assert collection.get(where={"n": np.float64(7)})["ids"] == ["z"]
    assert collection.get(ids=[kind("z")])["metadatas"] == [{"key": "word", "n": 7.0}]


def test_chroma_uri_sets_the_uri(collection: Collection) -> None:
    """Metadata keys that begin with `chroma:` are Chroma's own: one sets the URI, none is seen again."""
    collection.add(ids=["z"], embeddings=V, metadatas=[{"chroma:uri": "file:z", "chroma:x": 1}])
    found = collection.get(ids=["z"], include=["metadatas", "uris"])
    assert (found["metadatas"], found["uris"]) == ([{}], ["file:z"])


def test_large_ints_become_floats(collection: Collection) -> None:
    """An int beyond 64 bits is kept as a float, as Chroma keeps it; the largest of 64 bits stays what it is."""
    collection.add(ids=["y", "z"], embeddings=V * 2, metadatas=[{"m": 2**63 - 1}, {"m": 2**63}])
    found = collection.get(ids=["y", "z"])["metadatas"]
    assert found == [{"m": 2**63 - 1}, {"m": float(2**63)}]
    assert [type(metadata["m"]) for metadata in found] == [int, float]

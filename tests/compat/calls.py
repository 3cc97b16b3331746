"""Random calls as a user writes them, good and bad, on collections, clients and admin clients."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ochredb.testing import strategies
from tests.compat.session import decode, encode

Call = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

HANDLES = ("0", "1")
PARTS = st.sampled_from([part for part in strategies.PARTS if part != "\0"])  # see ANSWERS in differences.py
IDS = ("a", "b", "B", "é", "e\u0301", "'\"; -- %", "x")
NAMES = ("first", "second", "own-0", "own-1", "topology+first")
DATABASES = ("default_database", "other", "another")
TENANTS = ("default_tenant", "somebody")
SPACES = ("l2", "cosine", "ip")
KINDS = ("float16", "float32", "float64", "int32", "int64")
GET = ("documents", "embeddings", "metadatas", "uris")
QUERY = (*GET, "distances")

WRITES = ("add", "upsert", "update", "delete", "modify")
READS = ("get", "query", "get", "query", "peek")
ADMIN = ("create_tenant", "get_tenant", "create_database", "get_database", "delete_database", "list_databases")
CATALOG = (
    "create_collection", "get_collection", "delete_collection", "list_collections", "set_tenant", "set_database", *ADMIN
)  # fmt: skip
KEEPING = ("create_collection", "get_collection")
"""What gives a collection, which is then the handle's."""

PARAMETERS = {
    "add": ("ids", "embeddings", "metadatas", "documents", "images", "uris"),
    "upsert": ("ids", "embeddings", "metadatas", "documents", "images", "uris"),
    "update": ("ids", "embeddings", "metadatas", "documents", "images", "uris"),
    "get": ("ids", "where", "limit", "offset", "where_document", "include"),
    "query": (
        "query_embeddings", "query_texts", "query_images", "query_uris", "ids", "n_results", "where", "where_document",
        "include",
    ),
    "delete": ("ids", "where", "where_document", "limit"),
    "modify": ("name", "metadata", "configuration"),
    "peek": ("limit",),
    "create_collection": ("name", "configuration", "metadata", "get_or_create"),
    "get_collection": ("name",),
    "delete_collection": ("name",),
    "list_collections": ("limit", "offset"),
    "set_tenant": ("tenant", "database"),
    "set_database": ("database",),
    "create_tenant": ("name",),
    "get_tenant": ("name",),
    "create_database": ("name", "tenant"),
    "get_database": ("name", "tenant"),
    "delete_database": ("name", "tenant"),
    "list_databases": ("limit", "offset", "tenant"),
}  # fmt: skip
"""What may be given to a verb, and so be spoiled."""

WRONG: tuple[Any, ...] = (
    None, True, 5, -1, 0, 1.5, "", "text", b"bytes", object(),
    [], [None], [5], [""], [[]], ["text"], ["text", "text"], [1.0, 2.0, 3.0], [[1.0, 2.0]], [["a"]], [True, False],
    {}, {"n": 1}, {"n": 1, "m": 2}, {1: 2}, {"": 1}, {"n": None}, [{}], [{"n": None}], [{"n": []}], [{"n": [1, 2.0]}],
    [{"n": object()}], [{"n": {"m": 1}}], [{5: 1}], [{"#n": 1}], [{"$n": 1}], [{"": 1}], [{"n": (1, 2)}], ["text", 5],
    [{"chroma:document": "a"}], [{"chroma:n": "a"}], [{"n": b"bytes"}], [{"n": 2**63}], [{"n": [None]}], [{"n": [[1]]}],
    (), ("a", "b"), {"a"}, [("a", "b")], ((1.0, 2.0, 3.0),), [(1.0, 2.0, 3.0)], [[True, False, True]],
    [["1", "2", "3"]], np.array(1.0), np.zeros(3, "float32"), np.zeros((1, 3), "int8"), np.zeros((1, 3), "bool"),
    np.zeros((1, 1, 3)), np.zeros((0, 3)), np.zeros((1, 0)), np.array(["a"]), np.int64(1), np.float32(1), np.float64(1),
    np.bool_(True), [{"n": np.int64(1)}], [{"n": np.float32(1)}], [{"n": np.float64(1)}], [{"n": np.bool_(True)}],
    np.str_("a"), [[1.0, 2.0, 3.0], [1.0, 2.0]], [[1.0, 2.0, 1e39]], [[1, 2, 3.5]], [[1, None, 3]], [[2**70, 1, 1]],
    2**63,
)  # fmt: skip
"""What fits hardly anywhere: it takes the place of an argument that was right."""

WRONG_WHERES: tuple[Any, ...] = (
    {"n": {"$foo": 1}}, {"n": {"$gt": 1, "$lt": 2}}, {"n": {}}, {"n": {"$gt": "a"}}, {"n": {"$gt": True}}, {"n": [1]},
    {"n": {"$gt": None}}, {"n": {"$eq": None}}, {"n": {"$eq": [1]}}, {"n": {"$ne": {}}}, {"n": {"$in": []}},
    {"n": {"$in": 1}}, {"n": {"$in": [1, "a"]}}, {"n": {"$in": [1, 1.0]}}, {"n": {"$in": [1, True]}},
    {"n": {"$nin": [None]}}, {"n": {"$contains": ["a"]}}, {"n": {"$contains": None}}, {"n": {"$contains": ""}},
    {"n": {"$regex": "a"}}, {"n": {"$not": {"$eq": 1}}}, {"$contains": "a"}, {"$not": {"n": 1}}, {"$and": []},
    {"$and": [{"n": 1}]}, {"$or": [{"n": 1}]}, {"$and": {"n": 1}}, {"$and": [1, 2]}, {"$or": [{"n": 1}, {}]},
    {"$and": [{"n": 1}, {"m": None}]}, {"#document": "a"}, {"#document": {"$contains": 1}}, {"#document": {"$eq": "a"}},
    {"#document": {"$regex": "a"}}, {"#document": {"$contains": ""}}, {"": 1}, {"n": 2**63}, {"n": {"$in": [2**63]}},
    {"n": {"$gt": 2**63}}, {"n": {1: 2}}, {"n": ("a",)}, {"#id": "a"}, {"#other": 1}, {"n": float("inf")},
    {"n": {"$in": [[1]]}}, {"n": {"$in": ("a", "b")}}, {"n": np.int64(1)}, {"n": np.float64(1)}, {"n": np.bool_(True)},
    {"n": {"$in": np.array([1])}}, {"n": {"$gt": np.float32(1)}}, {"n": {"$in": [True, False]}},
    {"n": {"$eq": object()}},
)  # fmt: skip

WRONG_WHERE_DOCUMENTS: tuple[Any, ...] = (
    {"$contains": 5}, {"$contains": ""}, {"$contains": None}, {"$eq": "a"}, {"$regex": ""}, {"$regex": "("},
    {"$regex": "a{2,1}"}, {"$regex": r"(?=a)"}, {"$regex": r"(a)\1"}, {"$regex": "["}, {"$not_regex": "*"},
    {"$contains": "a", "$regex": "b"}, {"$and": []}, {"$and": [{"$contains": "a"}]}, {"$or": {"$contains": "a"}},
    {"$and": [{"$contains": "a"}, {"$contains": 5}]}, {"$or": [{"$contains": "a"}, {}]}, {"n": {"$contains": "a"}},
    {"$contains": ["a"]}, {"$not_contains": ""}, {"$not": {"$contains": "a"}}, {"$regex": 5}, {1: 2}, {"$and": [1, 2]},
)  # fmt: skip

WRONG_INCLUDES: tuple[Any, ...] = (
    "documents", ("documents",), ["bogus"], ["distances"], ["data"], [5], [None], ["documents", "documents"], [],
    {"documents"}, [["documents"]],
)  # fmt: skip

WRONG_NAMES: tuple[Any, ...] = (
    "ab", "-abc", "abc-", "a b c", "a..b", "192.168.0.1", "a" * 512, "a" * 513, "1.2.3", "a+b", "abc+d", "a+b+c", "äöü",
    "A_b.c-d9", "abc+def+ghi", "300.1.1.1", "",
)  # fmt: skip

WRONG_CONFIGURATIONS: tuple[Any, ...] = (
    {"hnsw": {"space": "foo"}}, {"hnsw": {"M": 5}}, {"hnsw": {"ef_search": "x"}}, {"hnsw": {"ef_search": -1}},
    {"hnsw": {"ef_search": 1.5}}, {"hnsw": {"space": None}}, {"hnsw": {}}, {"hnsw": None}, {"bogus": 1}, {"hnsw": 5},
    {"hnsw": {"ef_search": 50}}, {"hnsw": {"max_neighbors": 20}}, {"hnsw": {}, "spann": {}}, {"spann": {}},
    {"hnsw": {"space": "cosine", "ef_construction": 0}}, {"hnsw": {"resize_factor": 2}}, {"hnsw": {"batch_size": 7}},
    {"spann": {"space": "cosine"}}, {"hnsw": {"resize_factor": "x"}}, {"hnsw": {"num_threads": 2}},
)  # fmt: skip

WRONG_COLLECTION_METADATA: tuple[Any, ...] = (
    {"n": None}, {"n": {"m": 1}}, {"#n": 1}, {"$n": 1}, {"": 1}, {"chroma:n": 1}, {"hnsw:space": "cosine"},
    {"hnsw:space": "foo"}, {"hnsw:M": 20}, {"hnsw:bogus": 1}, {"hnsw:M": "x"}, {1: 2}, {"n": 2**63}, {"n": (1,)},
    {"n": b"bytes"}, {"n": np.float64(1)}, {"n": np.int64(1)}, {"hnsw:search_ef": 7, "n": 1},
)  # fmt: skip

ALSO_WRONG = {
    "where": WRONG_WHERES,
    "where_document": WRONG_WHERE_DOCUMENTS,
    "include": WRONG_INCLUDES,
    "name": WRONG_NAMES,
    "configuration": WRONG_CONFIGURATIONS,
    "metadata": WRONG_COLLECTION_METADATA,
}
"""More of what fits nowhere, for the arguments whose grammar is their own."""

STOCK: Call = {
    "on": "0",
    "verb": "add",
    "args": encode(
        {
            "ids": list(IDS[:6]),
            "embeddings": [[0, 0, 0], [1, 0, 0], [1, 0, 0], [-0.5, 2, 1], [0, 2, -1], [0, 0, 1.5]],
            "documents": ["the quick fox", None, "", "The ÄPFEL 東京 ٣", "2015 a*b", "quick"],
            "metadatas": [
                {"n": 1, "tags": [1, 2**53 + 1]},
                {"n": 1.0, "tags": [1.0, 0.5], "год": "1"},
                {"n": True, "tags": [True]},
                {"n": "1", "tags": ["1", "", "1"], "год": 2**53 + 1},
                {"n": 0, "год": float(2**53)},
                None,
            ],
            "uris": [None, "file:a", "", None, None, "é"],
        }
    ),
}
"""What a collection often begins with, so that the calls find something."""


@st.composite
def writes(draw: st.DrawFn, verb: str) -> dict[str, Any]:
    """Draw the arguments of `add`, `upsert` or `update`."""
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=draw(_often(16))))
    n = len(names)
    given: dict[str, Any] = {"ids": names}
    with_vectors = draw(_often(4)) if verb != "update" else draw(st.booleans())
    if with_vectors:
        given["embeddings"] = draw(_vectors(n, 3 if draw(_often(16)) else 2))
    if (not with_vectors and verb != "update") or draw(st.booleans()):
        given["documents"] = draw(_column(_documents() | st.none() if with_vectors else _texts(), n))
    if draw(st.booleans()):
        given["metadatas"] = draw(_column(_metadatas(removing=verb != "add"), n))
    if draw(_often(3)):
        given["uris"] = draw(_column(st.none() | strategies.text(), n))
    return draw(_one_or_many(given)) if n == 1 else given


@st.composite
def gets(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `get`."""
    given = draw(_filters())
    if draw(st.booleans()):
        given["ids"] = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=5, unique=True))
    given["limit"], given["offset"] = draw(st.none() | st.integers(0, 6)), draw(st.none() | st.integers(0, 3))
    return given | draw(_included(GET))


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `query`."""
    given = draw(_filters())
    if draw(_often(4)):
        given["query_embeddings"] = draw(_vectors(draw(st.integers(1, 3)), 3 if draw(_often(16)) else 2))
    else:
        given["query_texts"] = draw(st.lists(_texts(), min_size=1, max_size=2) | _texts())
    if draw(st.booleans()):
        given["ids"] = draw(st.lists(st.sampled_from(IDS), max_size=6))
    given["n_results"] = draw(st.integers(1, 8))
    return given | draw(_included(QUERY))


@st.composite
def deletes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `delete`."""
    given = draw(_filters())
    if draw(st.booleans()):
        given["ids"] = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True))
    if draw(st.booleans()):
        given["limit"] = draw(st.integers(0, 3))
    return given


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `modify`."""
    given: dict[str, Any] = {}
    if draw(st.booleans()):
        given["name"] = draw(st.sampled_from(NAMES))
    if draw(st.booleans()):
        given["metadata"] = draw(_collection_metadata())
    if draw(st.booleans()):
        given["configuration"] = {"hnsw": {"ef_search": draw(st.integers(1, 500))}}
    return given


@st.composite
def creations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `create_collection`."""
    given = {"name": draw(st.sampled_from(NAMES)), "get_or_create": draw(st.booleans())}
    if draw(st.booleans()):
        given["metadata"] = draw(_collection_metadata())
    if draw(st.booleans()):
        given["configuration"] = {"hnsw": {"space": draw(st.sampled_from(SPACES))}}
    return given


def arguments(draw: Draw, verb: str, *, spoil: bool) -> dict[str, Any]:
    """Draw the arguments of a verb; to spoil them, something wrong takes the place of one."""
    given = draw(GOOD[verb])
    if spoil and verb in PARAMETERS:
        name = draw(st.sampled_from(PARAMETERS[verb]))
        if name == "configuration" and verb == "modify":
            given = {}  # Chroma changes the rest, then raises: see ANSWERS in differences.py
        pools = (WRONG, ALSO_WRONG[name]) if name in ALSO_WRONG else (WRONG,)
        given = given | {name: draw(st.sampled_from(draw(st.sampled_from(pools))))}
    return given


def call(on: str, verb: str, arguments: dict[str, Any], keep: str | None = None) -> Call:
    """Write a call; see `Session.answer`. Collections that are made or found have the embedding function of all."""
    args = encode(arguments)
    if verb in KEEPING:
        args[1].append(["embedding_function", ["function"]])
    return {"on": on, "verb": verb, "args": args} | ({} if keep is None else {"keep": keep})


def holder(verb: str, handle: str) -> str:
    """Give what has a verb: the session, the admin client, the client, or the handle's collection."""
    if verb == "restart":
        return "session"
    return "admin" if verb in ADMIN else "client" if verb in CATALOG else handle


def shown(call: Call) -> str:
    """Give a call as it would be written, for a message."""
    given = ", ".join(f"{name}={value!r}" for name, value in decode(call["args"], "FUNCTION").items())
    return f"{call['on']}.{call['verb']}({given})"


def _often(n: int) -> st.SearchStrategy[bool]:
    # False once in n; a value from within the range, because the ends are drawn more often.
    return st.integers(1, n).map(lambda drawn: drawn != (n + 1) // 2)


def _documents() -> st.SearchStrategy[str]:
    return strategies.documents().map(lambda text: text.replace("\0", " "))  # see ANSWERS in differences.py


def _texts() -> st.SearchStrategy[str]:
    return st.sampled_from(("", "the quick fox", "2015", "東京", "aeiou a"))


def _column(values: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=n, max_size=n)


def _metadatas(*, removing: bool) -> st.SearchStrategy[dict[str, Any] | None]:
    # Chroma has sparse vectors in its cloud only. A key with NUL is refused by Ochre alone: tests/compat/differences.py
    # has it.
    return strategies.metadatas(removing=removing, sparse=False).filter(
        lambda drawn: not drawn or "\0" not in "".join(drawn)
    )


def _collection_metadata() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(("n", "by", "год")), strategies.scalars(), min_size=1, max_size=2)


@st.composite
def _vectors(draw: st.DrawFn, n: int, dimension: int) -> Any:
    rows = draw(strategies.embeddings(n, dimension))
    match draw(st.sampled_from(("lists", "array", "arrays", "one"))):
        case "array":
            return rows.astype(draw(st.sampled_from(KINDS)))
        case "arrays":
            return list(rows)
        case "one" if n == 1:
            return rows[0].tolist()
        case _:
            return rows.tolist()


@st.composite
def _filters(draw: st.DrawFn) -> dict[str, Any]:
    given = {}
    if draw(st.booleans()):
        given["where"] = draw(wheres())
    if draw(st.booleans()):
        given["where_document"] = draw(where_documents())
    return given


def wheres() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a `where` of Chroma's Python grammar."""
    return st.recursive(_conditions(), _joined, max_leaves=5)


def _conditions() -> st.SearchStrategy[dict[str, Any]]:
    floats = strategies.floats().map(_apart)
    kinds = (strategies.strings(), strategies.ints(), floats, st.booleans())
    scalars = strategies.scalars().map(_apart)
    several = st.one_of([st.lists(kind, min_size=1, max_size=3) for kind in kinds])
    condition = st.one_of(
        _pair(("$eq", "$ne", "$contains", "$not_contains"), scalars),
        _pair(("$gt", "$gte", "$lt", "$lte"), strategies.ints() | floats),
        _pair(("$in", "$nin"), several),
        scalars,
    )
    of_key = st.tuples(strategies.keys(), condition).map(lambda drawn: {drawn[0]: drawn[1]})
    return of_key | st.fixed_dictionaries({"#document": _pair(("$contains", "$not_contains"), PARTS)})


def _apart(value: Any) -> Any:
    """Give a float that is a whole number or clearly none; see ANSWERS in differences.py."""
    near = isinstance(value, float) and abs(value - round(value)) < 1e-9
    return float(round(value)) if near else value


def _pair(operators: tuple[str, ...], operands: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(st.sampled_from(operators), operands).map(lambda drawn: {drawn[0]: drawn[1]})


def where_documents() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a `where_document` of Chroma's Python grammar."""
    patterns = st.sampled_from([pattern for pattern in strategies.PATTERNS if pattern])
    conditions = _pair(("$contains", "$not_contains"), PARTS) | _pair(("$regex", "$not_regex"), patterns)
    return st.recursive(conditions, _joined, max_leaves=3)


def _joined(nodes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return _pair(("$and", "$or"), st.lists(nodes, min_size=2, max_size=3))


@st.composite
def _included(draw: st.DrawFn, known: tuple[str, ...]) -> dict[str, Any]:
    if draw(st.booleans()):
        return {}
    return {"include": draw(st.lists(st.sampled_from(known), max_size=5))}


@st.composite
def _one_or_many(draw: st.DrawFn, given: dict[str, Any]) -> dict[str, Any]:
    """Give some of the columns of one record without the list around them."""
    bare = {name for name in given if name != "embeddings" and draw(st.booleans())}
    return {name: value[0] if name in bare else value for name, value in given.items()}


def _named(pool: tuple[str, ...], name: str = "name") -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(pool)})


def _paged() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={"limit": st.none() | st.integers(0, 5), "offset": st.integers(0, 2)})


GOOD: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "add": writes("add"),
    "upsert": writes("upsert"),
    "update": writes("update"),
    "delete": deletes(),
    "modify": changes(),
    "get": gets(),
    "query": queries(),
    "peek": st.just({}) | st.fixed_dictionaries({"limit": st.integers(0, 6)}),
    "create_collection": creations(),
    "get_collection": _named(NAMES),
    "delete_collection": _named(NAMES),
    "list_collections": st.just({}),  # a page of what is in no order cannot be compared
    "set_tenant": _named(TENANTS, "tenant"),
    "set_database": _named(DATABASES, "database"),
    "create_tenant": _named(TENANTS),
    "get_tenant": _named(TENANTS),
    "create_database": _named(DATABASES),
    "get_database": _named(DATABASES),
    "delete_database": _named(DATABASES[1:]),
    "list_databases": _paged(),
    "restart": st.just({}),
}
"""What each verb is given when it is to answer."""

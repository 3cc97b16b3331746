"""What differs on purpose, a row for each row of `docs/differences.md` that a call can show."""

import math
import re
from typing import Any, NamedTuple

import numpy as np

from tests.compat.calls import Call, call
from tests.compat.compare import Answer, told


class Difference(NamedTuple):
    """One difference.

    Args:
        row: How the page calls it: the first cell of its row.
        theirs: A pattern of what the real package says, as `told` gives it.
        ours: The same of what Ochre says.
        call: A call that shows it, on a collection that has the records of `calls.STOCK`.
        before: What is called first.
    """

    row: str
    theirs: str
    ours: str
    call: Call
    before: tuple[Call, ...] = ()


def known(call: Call, theirs: Answer, ours: Answer) -> bool:
    """Tell whether two answers to the same verb differ in a way that the page states."""
    return any(shows(difference, theirs, ours) for difference in DIFFERENCES if difference.call["verb"] == call["verb"])


def shows(difference: Difference, theirs: Answer, ours: Answer) -> bool:
    """Tell whether two answers differ as the difference says."""
    return bool(re.match(difference.theirs, told(theirs), re.DOTALL) and re.match(difference.ours, told(ours)))


def _writes(row: str, theirs: str, ours: str, **arguments: Any) -> list[Difference]:
    """Give the same difference of all three verbs that write."""
    given = {"ids": ["x"], "embeddings": VECTOR} | arguments
    return [Difference(row, theirs, ours, call("0", verb, given)) for verb in ("add", "upsert", "update")]


def _filters(row: str, theirs: str, ours: str, **arguments: Any) -> list[Difference]:
    """Give the same difference of all three verbs that filter."""
    query = {"query_embeddings": VECTOR} | arguments
    of_query = Difference(row, theirs, ours, call("0", "query", query))
    return [of_query, *(Difference(row, theirs, ours, call("0", verb, arguments)) for verb in ("get", "delete"))]


def _pages(row: str, theirs: str, ours: str, **arguments: Any) -> list[Difference]:
    """Give the same difference of all verbs that give a page."""
    held = {"get": "0", "list_collections": "client", "list_databases": "admin"}
    given = [Difference(row, theirs, ours, call(on, verb, arguments)) for verb, on in held.items()]
    return given if "offset" in arguments else [*given, Difference(row, theirs, ours, call("0", "peek", arguments))]


VECTOR = [[1.0, 2.0, 3.0]]
NO_EMBEDDINGS = "BadValue: Expected embeddings to be a list of floats or ints, a list of lists"
NO_DICT = "AttributeError: '.*' object has no attribute 'items'"
NO_ATTRIBUTE = "AttributeError: '.*' object has no attribute"
OVERFLOW = "OverflowError: "
TAKEN = r"InternalError: .* already exists"
UNIQUE = r"UniqueConstraintError: .* already exists"

REFUSED = [
    *_writes(
        "NaN or infinity in metadata",
        "answer: None",
        "BadValue: Expected metadata value to be a finite float",
        metadatas=[{"x": math.nan}],
    ),
    Difference(
        "NaN or infinity in a query",
        "answer: ",
        "InvalidArgumentError: Validation error: embeddings: Embeddings must not contain NaN",
        call("0", "query", {"query_embeddings": [[math.nan, 1.0, 1.0]]}),
    ),
    *_writes(
        "an id with NUL, or of more than 65,536 bytes", "answer: None", "BadValue: Expected text without", ids=["a\0"]
    ),
    *_writes(
        "an id with NUL, or of more than 65,536 bytes",
        "answer: None",
        "BadValue: Expected at most 65536 bytes",
        ids=["a" * 65_537],
    ),
    *_writes(
        "a metadata key with NUL",
        "answer: None",
        "InvalidArgumentError: Validation error: metadatas: Invalid metadata at index 0",
        metadatas=[{"x\0": 1}],
    ),
    Difference(
        "a list as a value of a collection's metadata",
        "PanicException: ",
        "BadType: argument 'metadata': expected a str, int, float or bool",
        call("client", "create_collection", {"name": "with_a_list", "metadata": {"x": [1]}}),
    ),
    Difference(
        "a list as a value of a collection's metadata",
        "PanicException: ",
        "BadValue: Expected metadata value to be a str, int, float, bool",
        call("0", "modify", {"metadata": {"x": [1]}}),
    ),
    Difference(
        "a database in a tenant that does not exist",
        "answer: None",
        "NotFoundError: Tenant",
        call("admin", "create_database", {"name": "other", "tenant": "nobody"}),
    ),
    Difference(
        '`include=["data"]` in `query` without a data loader',
        "answer: ",
        "BadValue: You must set a data loader",
        call("0", "query", {"query_embeddings": VECTOR, "include": ["data"]}),
    ),
    *[
        Difference(
            "an `offset` that is no number but empty",
            "answer: ",
            "BadType: argument 'offset': .* cannot be interpreted as an integer",
            call("0", "get", {"offset": empty}),
        )
        for empty in ("", [], {}, 0.0)
    ],
    *_writes(
        "digits in a text as a number of an embedding", "answer: None", NO_EMBEDDINGS, embeddings=[[1.0, "2", 3.0]]
    ),
]

ANSWERED = [
    *_writes(
        "a write of more than 5,461 records",
        "InternalError: ValueError: Batch size of 5462",
        "answer: None",
        ids=[str(n) for n in range(5462)],
        embeddings=VECTOR * 5462,
    ),
    Difference(
        "a client of another database, after `reset`",
        "InvalidArgumentError: Database .* does not exist",
        "answer: ",
        call("client", "create_collection", {"name": "fresh"}),
        (
            call("admin", "create_database", {"name": "other"}),
            call("client", "set_database", {"database": "other"}),
            call("client", "reset", {}),
        ),
    ),
    Difference(
        "a `get` or `query` of more than 32,766 records or ids",
        "InternalError: .*too many SQL variables",
        "answer: ",
        call("0", "get", {"ids": [str(n) for n in range(33_000)]}),
    ),
    Difference(
        "unknown ids in `query(ids=...)`",
        "InternalError: Error executing plan: Internal error: Error finding id",
        "answer: ",
        call("0", "query", {"query_embeddings": VECTOR, "ids": ["a", "unknown"]}),
    ),
    *_pages("a number beyond 32 or 64 bits as `limit`, `offset` or `n_results`", OVERFLOW, "answer: ", limit=2**63),
    *_pages("a number beyond 32 or 64 bits as `limit`, `offset` or `n_results`", OVERFLOW, "answer: ", offset=2**63),
    Difference(
        "a number beyond 32 or 64 bits as `limit`, `offset` or `n_results`",
        OVERFLOW,
        "answer: ",
        call("0", "query", {"query_embeddings": VECTOR, "n_results": 2**63}),
    ),
    Difference(
        "a number beyond 32 or 64 bits as `limit`, `offset` or `n_results`",
        OVERFLOW,
        "answer: ",
        call("0", "delete", {"where": {"n": 1}, "limit": 2**63}),
    ),
    *_writes(
        "NumPy's numbers in a list, or lists and arrays mixed, as embeddings",
        "ValueError: Expected embeddings",
        "answer: None",
        embeddings=[[np.float32(1), np.float32(2), np.float32(3)]],
    ),
]

ERRORS = [
    *[
        Difference("a name of a tenant, database or collection that is taken", TAKEN, UNIQUE, taken)
        for taken in (
            call("client", "create_collection", {"name": "first"}),
            call("admin", "create_tenant", {"name": "default_tenant"}),
            call("admin", "create_database", {"name": "default_database"}),
        )
    ],
    Difference(
        "a name of a tenant, database or collection that is taken",
        "InternalError: .*UNIQUE constraint failed",
        UNIQUE,
        call("0", "modify", {"name": "second"}),
    ),
    *_pages("`limit=-1`, `offset=-1`", OVERFLOW, "BadValue: argument 'limit': expected at least 0", limit=-1),
    *_pages("`limit=-1`, `offset=-1`", OVERFLOW, "BadValue: argument 'offset': expected at least 0", offset=-1),
    *[
        Difference(
            "an array as `limit` or `offset`",
            "ValueError: The truth value of an",
            f"BadType: argument '{name}': .* cannot be interpreted as an integer",
            call("0", verb, {name: np.zeros(3)}),
        )
        for verb, name in (("get", "limit"), ("get", "offset"), ("peek", "limit"))
    ],
    *_writes("`embeddings=[[]]`", "IndexError: ", "BadValue: Expected each embedding", embeddings=[[]]),
    Difference(
        "`embeddings=[[]]`",
        "IndexError: ",
        "BadValue: Expected each embedding",
        call("0", "query", {"query_embeddings": [[]]}),
    ),
    *_writes("embeddings that are no list", "TypeError: .*len\\(\\)", NO_EMBEDDINGS, embeddings=5),
    Difference(
        "embeddings that are no list",
        "TypeError: .*len\\(\\)",
        NO_EMBEDDINGS,
        call("0", "query", {"query_embeddings": 5}),
    ),
    *_writes("metadata or a configuration that is no dict", NO_DICT, "BadValue: Expected metadata", metadatas=["x"]),
    *[
        Difference(
            "metadata or a configuration that is no dict", NO_ATTRIBUTE, "BadValue: configuration: expected a dict", bad
        )
        for bad in (
            call("client", "create_collection", {"name": "fresh", "configuration": "x"}),
            call("0", "modify", {"configuration": "x"}),
        )
    ],
    Difference(
        "metadata or a configuration that is no dict",
        "ValueError: The truth value of an",
        "BadValue: configuration: expected a dict",
        call("0", "modify", {"configuration": np.zeros(0)}),
    ),
    Difference(
        "SPANN settings in `modify`",
        "InvalidArgumentError: unknown field",
        "BadValue: Trying to update SPANN config but schema has HNSW",
        call("0", "modify", {"configuration": {"spann": {"space": "cosine"}}}),
    ),
    Difference(
        "what is no str among the `ids` of `query`",
        "TypeError: argument 'ids': .*'PyString'",
        "BadValue: Expected ID to be a str",
        call("0", "query", {"query_embeddings": VECTOR, "ids": ("a", "b")}),
    ),
    *[
        difference
        for theirs, embeddings in (
            ("ValueError: could not convert string to float", [[1.0, "a", 3.0]]),
            ("InvalidArgumentError: Validation error: embeddings: Embeddings must not contain NaN", [[1.0, None, 3.0]]),
            ("TypeError: argument 'embeddings': only 0-dimensional arrays", [np.zeros((1, 3))]),
        )
        for difference in _writes(
            "something else than numbers in embeddings", theirs, NO_EMBEDDINGS, embeddings=embeddings
        )
    ],
    *_writes(
        "something else than numbers in embeddings",
        "ValueError: Unequal lengths for fields",
        NO_EMBEDDINGS,
        ids=["x", "y"],
        embeddings=[[1.0, None, 3.0]],
    ),
    Difference(
        "something else than numbers in embeddings",
        "answer: ",
        NO_EMBEDDINGS,
        call("0", "query", {"query_embeddings": [[1.0, None, 3.0]]}),
    ),
    Difference(
        "a tenant that is no str",
        "ValueError: Could not connect to tenant",
        "BadType: argument 'tenant': expected a str",
        call("client", "set_tenant", {"tenant": 5}),
    ),
    *[
        Difference(
            "the text for a collection that was deleted",
            r"NotFoundError: Error getting collection: Collection \[",
            r"NotFoundError: Collection \[",
            call("0", verb, {given: VECTOR} | ids),
            (call("client", "delete_collection", {"name": "first"}),),
        )
        for verb, given, ids in (
            ("add", "embeddings", {"ids": ["x"]}),
            ("upsert", "embeddings", {"ids": ["x"]}),
            ("update", "embeddings", {"ids": ["x"]}),
            ("query", "query_embeddings", {}),
        )
    ],
    Difference(
        "`modify` of the configuration of a collection that was deleted",
        "PanicException: ",
        r"NotFoundError: Collection \[",
        call("0", "modify", {"configuration": {"hnsw": {"ef_search": 50}}}),
        (call("client", "delete_collection", {"name": "first"}),),
    ),
    *[
        Difference(
            "looking for a database whose name is too short",
            "InvalidArgumentError: database name must be at least 3 characters",
            "NotFoundError: Database",
            short,
        )
        for short in (
            call("client", "set_database", {"database": "ab"}),
            call("admin", "get_database", {"name": "ab"}),
        )
    ],
]

ANSWERS = [
    Difference(
        "a new name beside SPANN settings in `modify`",
        "answer: ",
        "NotFoundError: ",
        call("client", "get_collection", {"name": "renamed"}),
        (call("0", "modify", {"name": "renamed", "configuration": {"spann": {}}}),),
    ),
    Difference(
        "arrays in the metadata of a collection that was deleted",
        "answer: .*'tags'",
        "answer: (?!.*'tags')",
        call("2", "get", {}),
        (
            call("client", "delete_collection", {"name": "first"}),
            call("client", "create_collection", {"name": "third"}, "2"),
            call("2", "add", {"ids": ["x"], "embeddings": VECTOR}),
        ),
    ),
    *_filters(
        "NUL in a document, or in the text of `$contains`",
        "answer: ",
        "answer: ",
        where_document={"$not_contains": "\0"},
    ),
    *_filters(
        "a float next to a whole number, like 5e-324",
        "answer: ",
        "answer: ",
        where={"n": 5e-324},
    ),
]

DIFFERENCES: list[Difference] = [*REFUSED, *ANSWERED, *ERRORS]
"""What `known` knows; `ANSWERS`, where both answer, would hide too much."""

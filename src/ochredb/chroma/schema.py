"""A collection's schema as JSON: what it comes to, and which filters it leaves without an index (contract 2.4).

Our engine has a column for every key that a filter names, so an index that is switched on changes nothing; one that is
switched off makes filters on it an error, as in Chroma. Blocks that are not known here are kept as they came.
"""

import os
from copy import deepcopy
from typing import Any, assert_never

from ochredb.chroma.config import DEFAULT_FUNCTION, HNSW
from ochredb.core.errors import InvalidArgumentError, NotSupported
from ochredb.core.where import Among, And, Contains, Equal, Holds, Not, Or, Order, Regex, Scalar, Where

DOCUMENT = "#document"
EMBEDDING = "#embedding"

_ON: dict[str, Any] = {"enabled": True, "config": {}}
_OFF: dict[str, Any] = {"enabled": False, "config": {}}
_INVERTED = {
    str: ("Str", "string", "string_inverted_index"),
    int: ("Int", "int", "int_inverted_index"),
    float: ("Float", "float", "float_inverted_index"),
    bool: ("Bool", "bool", "bool_inverted_index"),
}
"""For a value's type: Chroma's name of it, its name in a schema, and the index that finds it."""


def usual() -> dict[str, Any]:
    """Give the schema of a collection for which nothing is said."""
    vector = {"space": "l2", "embedding_function": DEFAULT_FUNCTION}
    sparse = {"enabled": False, "config": {"embedding_function": {"type": "unknown"}}}
    return deepcopy(
        {
            "defaults": {
                "string": {"fts_index": _OFF, "string_inverted_index": _ON},
                "float_list": {"vector_index": {"enabled": False, "config": vector}},
                "sparse_vector": {"sparse_vector_index": sparse},
                "int": {"int_inverted_index": _ON},
                "float": {"float_inverted_index": _ON},
                "bool": {"bool_inverted_index": _ON},
            },
            "keys": {
                DOCUMENT: {"string": {"fts_index": _ON, "string_inverted_index": _OFF}},
                EMBEDDING: {
                    "float_list": {"vector_index": {"enabled": True, "config": {**vector, "source_key": DOCUMENT}}}
                },
            },
        }
    )


def described(configuration: dict[str, Any], schema: dict[str, Any] | None) -> dict[str, Any]:
    """Give the whole schema of a collection: the stored one, filled up, with the settings that its configuration has.

    Args:
        configuration: As it is stored.
        schema: As it is stored; None if none was given.
    """
    found = _over(_filled(), schema or {})
    for place in (found["defaults"], found["keys"][EMBEDDING]):
        config = place["float_list"]["vector_index"]["config"]
        config["embedding_function"] = configuration.get("embedding_function") or deepcopy(DEFAULT_FUNCTION)
        if configuration.get("hnsw") is not None:
            config.pop("spann", None)
            settings = dict(configuration["hnsw"])
            config["space"] = settings.pop("space")
            config["hnsw"] = {**config["hnsw"], **settings}
    return found


def stored(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Give what is stored of a schema: all of it with what it leaves out; None if it says nothing unusual.

    Raises:
        InvalidArgumentError: An index of sparse vectors; the text is Chroma's.
        NotSupported: A key of the user's own to encrypt with.
    """
    whole = _over(usual(), schema)
    if whole.get("cmek") is not None:
        raise NotSupported("engine 'local' does not support the feature 'cmek': what it stores would not be encrypted")
    for types in (whole["defaults"], *whole["keys"].values()):
        if types.get("sparse_vector", {}).get("sparse_vector_index", {}).get("enabled", False):
            raise InvalidArgumentError(
                "Failed to reconcile schema: Invalid schema input: Sparse vector indexing is not enabled in local"
            )
    return None if _over(_filled(), whole) == _filled() else whole


def vector_config(schema: dict[str, Any]) -> dict[str, Any]:
    """Give what a stored schema says of the vector index."""
    config: dict[str, Any] = schema["keys"][EMBEDDING]["float_list"]["vector_index"]["config"]
    return config


def refuse_unindexed(where: Where | None, schema: dict[str, Any] | None) -> None:
    """Refuse a filter on what the schema has switched the index off for.

    Args:
        where: None is no filter.
        schema: As it is stored; None if none was given.

    Raises:
        InvalidArgumentError: The text is Chroma's; it names the key and the type of the operand.
    """
    if where is None or schema is None:
        return
    match where:
        case Equal(key, value) | Order(key, _, value) | Holds(key, value):
            _refuse_key(key, value, schema)
        case Among(key, values):
            for value in values:
                _refuse_key(key, value, schema)
        case Contains() | Regex():
            if not _is_on(DOCUMENT, "string", "fts_index", schema):
                raise InvalidArgumentError("Cannot filter using full-text search because FTS indexing is disabled")
        case Not(node):
            refuse_unindexed(node, schema)
        case And(nodes) | Or(nodes):
            for node in nodes:
                refuse_unindexed(node, schema)
        case _:
            assert_never(where)


def _refuse_key(key: str, value: Scalar, schema: dict[str, Any]) -> None:
    kind, name, index = _INVERTED[type(value)]
    if not _is_on(key, name, index, schema):
        raise InvalidArgumentError(
            f"Cannot filter using metadata key '{key}' with type '{kind}' because indexing is disabled"
        )


def _is_on(key: str, name: str, index: str, schema: dict[str, Any]) -> bool:
    own = schema["keys"].get(key, {}).get(name, {}).get(index)
    found = schema["defaults"][name][index] if own is None else own
    return bool(found.get("enabled", True))


def _filled() -> dict[str, Any]:
    """Give the usual schema with the settings that Chroma's server adds to it."""
    filled = usual()
    rest = {"num_threads": os.cpu_count() or 1, "batch_size": 100}
    settings = {key: value for key, value in HNSW.items() if key != "space"} | rest
    for place in (filled["defaults"], filled["keys"][EMBEDDING]):
        place["float_list"]["vector_index"]["config"]["hnsw"] = dict(settings)
    filled["defaults"]["sparse_vector"]["sparse_vector_index"]["config"]["bm25"] = False
    return filled


def _over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one tree over another."""
    both = dict(base)
    for key, value in over.items():
        # A function's stored form is one value: parts of two are no form at all.
        below = None if key == "embedding_function" else base.get(key)
        both[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else deepcopy(value)
    return both

"""Schemas as JSON: what a collection's comes to, and which filters it refuses."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma.config import DEFAULT_FUNCTION, settle
from ochredb.chroma.schema import described, refuse_unindexed, stored, usual
from ochredb.core.errors import InvalidArgumentError, NotSupported
from ochredb.core.where import Among, And, Contains, Equal, Holds, Not, Or, Order, Regex, Where
from ochredb.testing import strategies

INDEXES = {
    str: ("string", "string_inverted_index"),
    int: ("int", "int_inverted_index"),
    float: ("float", "float_inverted_index"),
    bool: ("bool", "bool_inverted_index"),
}
INDEX = st.sampled_from(list(INDEXES.values()))
KEY = st.none() | st.sampled_from(strategies.KEYS)


def switch(schema: dict[str, Any], key: str | None, index: tuple[str, str], enabled: bool) -> None:
    """Switch an index on or off, for a key or for all others."""
    place = schema["defaults"] if key is None else schema["keys"].setdefault(key, {})
    place.setdefault(index[0], {})[index[1]] = {"enabled": enabled, "config": {}}


def asked(where: Where) -> set[tuple[str, type]]:
    """Give the keys of a filter with the types of their operands; the document is a text."""
    match where:
        case Equal(key, value) | Order(key, _, value) | Holds(key, value):
            return {(key, type(value))}
        case Among(key, values):
            return {(key, type(value)) for value in values}
        case Contains() | Regex():
            return {("#document", str)}
        case Not(node):
            return asked(node)
        case And(nodes) | Or(nodes):
            return {pair for node in nodes for pair in asked(node)}


@given(st.lists(st.tuples(KEY, INDEX, st.booleans()), max_size=6), st.booleans(), strategies.wheres())
def test_a_filter_is_refused_if_it_needs_what_is_off(
    switches: list[tuple[str | None, tuple[str, str], bool]], texts: bool, where: Where
) -> None:
    """A key's own switch counts, else that of all keys; an operand's type says which of them."""
    schema = usual()
    for key, index, enabled in switches:
        switch(schema, key, index, enabled)
    schema["keys"]["#document"]["string"]["fts_index"]["enabled"] = texts
    off = []
    for key, kind in asked(where):
        name, index = ("string", "fts_index") if key == "#document" else INDEXES[kind]
        own = schema["keys"].get(key, {}).get(name, {})
        off.append(not own.get(index, schema["defaults"][name][index])["enabled"])
    if any(off):
        with pytest.raises(InvalidArgumentError, match=r"^Cannot filter using .* is disabled$"):
            refuse_unindexed(where, schema)
    else:
        refuse_unindexed(where, schema)


@given(strategies.wheres())
def test_without_a_schema_nothing_is_refused(where: Where) -> None:
    """The usual schema has an index for every filter, and a collection without one has the usual."""
    refuse_unindexed(where, None)
    refuse_unindexed(where, usual())
    refuse_unindexed(None, usual())


def test_the_usual_schema_is_not_stored() -> None:
    """What says nothing new is left out; what says anything is stored whole, and what came is not changed."""
    assert stored(usual()) is None
    assert stored({"defaults": {}, "keys": {}}) is None
    came = {"defaults": {}, "keys": {"s": {"string": {"string_inverted_index": {"enabled": False, "config": {}}}}}}
    before = deepcopy(came)
    assert stored(came) == usual() | {"keys": usual()["keys"] | came["keys"]}
    assert came == before


def test_unknown_blocks_are_kept() -> None:
    """What a later version may know is stored and shown as it came."""
    came = {"keys": {"place": {"geo": {"geo_index": {"enabled": True}}}}, "ttl": {"days": 3}}
    kept = stored(came)
    assert kept is not None
    for found in (kept, described(settle(None, None, None, None).json, kept)):
        assert found["keys"]["place"] == came["keys"]["place"]
        assert found["ttl"] == {"days": 3}


def test_a_function_is_one_value() -> None:
    """The form of a function replaces the usual one as a whole: parts of both would be none."""
    config = {"space": "ip", "embedding_function": {"type": "legacy"}}
    kept = stored({"keys": {"#embedding": {"float_list": {"vector_index": {"enabled": True, "config": config}}}}})
    assert kept is not None
    found = kept["keys"]["#embedding"]["float_list"]["vector_index"]["config"]
    assert found == {"space": "ip", "embedding_function": {"type": "legacy"}, "source_key": "#document"}


def test_the_configuration_is_shown_in_the_schema() -> None:
    """The vector index has the settings of the configuration, both where embeddings are and among the defaults."""
    function = {"type": "known", "name": "f", "config": {"x": 1}}
    settled = settle({"hnsw": {"space": "ip", "ef_search": 7}}, None, function, None)
    found = described(settled.json, None)
    for place in (found["defaults"], found["keys"]["#embedding"]):
        config = place["float_list"]["vector_index"]["config"]
        assert (config["space"], config["embedding_function"]) == ("ip", function)
        assert config["hnsw"]["ef_search"] == 7
        assert config["hnsw"]["batch_size"] == 100
        assert "space" not in config["hnsw"]
    none = described(settle(None, None, None, None).json, None)
    assert none["defaults"]["float_list"]["vector_index"]["config"]["embedding_function"] == DEFAULT_FUNCTION


def test_what_only_a_cloud_can_do() -> None:
    """An index of sparse vectors is refused in Chroma's words; a key to encrypt with is not silently left unused."""
    sparse = {"sparse_vector": {"sparse_vector_index": {"enabled": True, "config": {}}}}
    with pytest.raises(InvalidArgumentError, match=r"^Failed to reconcile schema: Invalid schema input: Sparse vector"):
        stored({"keys": {"v": sparse}})
    with pytest.raises(NotSupported, match="engine 'local' does not support the feature 'cmek'"):
        stored({"cmek": {"gcp": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}})

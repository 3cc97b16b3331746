"""Configurations: what is given, what is kept, and which of two outweighs the other."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma.config import DEFAULT_FUNCTION, HNSW, change, settle, settle_schema
from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.core.model import Space

SPACES = st.sampled_from(get_args(Space))
COUNTS = st.integers(0, 2**63 - 1)
LEGACY = {
    "hnsw:space": "space",
    "hnsw:construction_ef": "ef_construction",
    "hnsw:search_ef": "ef_search",
    "hnsw:M": "max_neighbors",
    "hnsw:sync_threshold": "sync_threshold",
    "hnsw:resize_factor": "resize_factor",
}
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "space": SPACES,
        "ef_construction": COUNTS,
        "ef_search": COUNTS,
        "max_neighbors": COUNTS,
        "sync_threshold": COUNTS,
        "resize_factor": st.floats(0, 100),
        "num_threads": COUNTS,
        "batch_size": COUNTS,
    },
)


@given(SETTINGS, st.none() | SPACES)
def test_what_is_said_is_kept(settings: dict[str, Any], own: Space | None) -> None:
    """Each setting is what was said, else the usual; the space is the function's own where none was said."""
    found = settle({"hnsw": settings}, None, DEFAULT_FUNCTION, own)
    wanted = {**HNSW, **({} if own is None else {"space": own}), **settings}
    assert found.json["hnsw"] == {key: wanted[key] for key in HNSW}
    assert (found.space, found.effort) == (found.json["hnsw"]["space"], found.json["hnsw"]["ef_search"])


@given(SETTINGS, st.none() | SPACES)
def test_legacy_keys_are_read_as_settings(settings: dict[str, Any], own: Space | None) -> None:
    """Metadata says what a configuration says, and before a function's own space."""
    metadata = {old: settings[new] for old, new in LEGACY.items() if new in settings}
    said = {key: settings[key] for key in HNSW if key in settings}
    assert settle(None, metadata, None, own).json["hnsw"] == settle({"hnsw": said}, None, None, own).json["hnsw"]


@given(SETTINGS)
def test_a_configuration_outweighs_legacy_keys(settings: dict[str, Any]) -> None:
    """Settings that are not the usual ones count alone; those that are leave the word to the metadata, as in Chroma."""
    metadata = {"hnsw:space": "cosine", "hnsw:M": 3, "other": 1}
    found = settle({"hnsw": settings}, metadata, None, None).json["hnsw"]
    if all(value == HNSW.get(key, value) for key, value in settings.items()):
        assert found == {**HNSW, "space": "cosine", "max_neighbors": 3}
    else:
        assert found == {**HNSW, **{key: settings[key] for key in HNSW if key in settings}}


@given(SETTINGS, SETTINGS)
def test_a_change_changes_what_it_says(first: dict[str, Any], then: dict[str, Any]) -> None:
    """Of the old configuration everything stays that is not named; space and ef_construction are fixed."""
    stored = settle({"hnsw": first}, None, DEFAULT_FUNCTION, None)
    fixed = [key for key in ("space", "ef_construction") if key in then]
    if fixed:
        with pytest.raises(InvalidArgumentError, match=r"^unknown field `"):
            change(stored.json, {"hnsw": then}, None)
        return
    found = change(stored.json, {"hnsw": then}, None)
    assert found.json["hnsw"] == stored.json["hnsw"] | {key: then[key] for key in HNSW if key in then}
    assert found.json["embedding_function"] == DEFAULT_FUNCTION
    assert (found.space, found.effort) == (stored.space, found.json["hnsw"]["ef_search"])


def test_unknown_blocks_are_kept() -> None:
    """What a later version may know is returned as it came, and through every change."""
    made = settle({"quantization": {"bits": 4}, "hnsw": {"ef_search": 7}}, None, None, None).json
    assert made["quantization"] == {"bits": 4}
    changed = change(made, {"tier": ["cold"], "hnsw": {"ef_search": 8}}, None).json
    assert (changed["quantization"], changed["tier"]) == ({"bits": 4}, ["cold"])
    assert changed["hnsw"]["ef_search"] == 8
    with pytest.raises(BadValue, match="configuration: expected JSON in 'quantization'"):
        settle({"quantization": object()}, None, None, None)


def test_spann_becomes_hnsw() -> None:
    """Of a distributed index only the space is kept, and what it cannot have is refused all the same."""
    found = settle({"spann": {"space": "ip", "search_nprobe": 9, "ef_search": 3}}, None, None, None)
    assert found.json["hnsw"] == {**HNSW, "space": "ip"}
    assert found.json["spann"] is None
    with pytest.raises(InvalidArgumentError, match=r"^unknown field `zz`, expected one of `search_nprobe`, .*'spann'"):
        settle({"spann": {"zz": 1}}, None, None, None)


def test_functions_without_a_configuration() -> None:
    """No function is remembered as none; with a configuration beside it as a legacy one, as in Chroma."""
    assert settle(None, None, None, None).json["embedding_function"] is None
    assert settle({}, None, None, None).json["embedding_function"] is None
    assert settle({"hnsw": {}}, None, None, None).json["embedding_function"] == {"type": "legacy"}


def test_a_schema_says_it_alone() -> None:
    """A schema that says something is the configuration; whatever else says something too is refused."""
    other = {"type": "known", "name": "other", "config": {}}
    vector = {"space": "cosine", "hnsw": {"ef_search": 7, "num_threads": 2}, "embedding_function": other}
    plain = settle(None, None, DEFAULT_FUNCTION, "l2")
    found = settle_schema(vector, plain, DEFAULT_FUNCTION)
    assert found.json == {
        "hnsw": {**HNSW, "space": "cosine", "ef_search": 7},
        "spann": None,
        "embedding_function": other,
    }
    for settled, function in (
        (settle({"hnsw": {"ef_search": 9}}, None, None, None), None),
        (settle(None, {"hnsw:space": "ip"}, None, None), None),
        (plain, other),
    ):
        with pytest.raises(
            InvalidArgumentError, match=r"^Failed to reconcile schema: Cannot set both collection config"
        ):
            settle_schema(vector, settled, function)
    with pytest.raises(InvalidArgumentError, match="Both spann and hnsw config cannot be present at the same time"):
        settle_schema({**vector, "spann": {"search_nprobe": 1}}, plain, None)
    with pytest.raises(InvalidArgumentError, match=r"^invalid value: -7, .*VectorIndexConfig.hnsw\['ef_search'\]"):
        settle_schema({**vector, "hnsw": {"ef_search": -7}}, plain, None)

"""What each line of releases keeps of a configuration comes to what its collections are measured by."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma import schema
from ochredb.chroma.config import HNSW
from ochredb.core.model import NewCollection
from ochredb.transfer.chroma.configuration import described
from ochredb.transfer.chroma.findings import Findings

FUNCTION = {"type": "known", "name": "openai", "config": {"model_name": "m"}}


def of(*arguments: Any) -> tuple[NewCollection, list[str]]:
    """Give the description, and what was found wrong."""
    findings = Findings()
    texts = [json.dumps(one) if isinstance(one, dict) else one for one in arguments[2:]]
    new = described("c", *arguments[:2], *texts, *[None] * (2 - len(texts)), findings)
    return new, [loss.what for loss in findings.losses()]


def since_1_3(space: str, **more: Any) -> dict[str, Any]:
    """Give a schema as Chroma writes it, with a key that it has met."""
    found = schema.usual()
    for place in (found["defaults"], found["keys"]["#embedding"]):
        settings = {"ef_search": 77, "max_neighbors": 8, "num_threads": 2, "batch_size": 100}
        place["float_list"]["vector_index"]["config"] = {"space": space, "hnsw": settings, **more}
    found["keys"]["met"] = {"int": found["defaults"]["int"]}
    return found


def since_1_0(space: str) -> dict[str, Any]:
    """Give `config_json_str` as 1.0 to 1.2 write it."""
    return {"vector_index": {"hnsw": {"space": space, "ef_search": 50}}, "embedding_function": FUNCTION}


OF_0_6 = {"hnsw_configuration": {"space": "l2", "ef_search": 10, "M": 99}, "_type": "CollectionConfigurationInternal"}
"""`config_json_str` as 0.5.5 to 0.6.3 write it for every collection."""


@pytest.mark.parametrize(
    ("kept", "space"),
    [
        ((None, None), "l2"),
        (({"hnsw:space": "ip"}, None), "ip"),
        (({"hnsw:space": "ip"}, {"hnsw:space": "ip"}, OF_0_6), "ip"),
        ((None, None, OF_0_6), "l2"),
        ((None, None, since_1_0("cosine")), "cosine"),
        (({"hnsw:space": "ip"}, None, since_1_0("cosine")), "cosine"),
        (({"hnsw:space": "cosine"}, {"hnsw:space": "cosine"}, since_1_0("l2")), "cosine"),
        ((None, None, "{}", since_1_3("ip")), "ip"),
        (({"hnsw:space": "cosine"}, None, "{}", since_1_3("ip")), "ip"),
    ],
)
def test_the_space(kept: tuple[Any, ...], space: str) -> None:
    """The index's own word counts most, then the newest place; the word of 0.5 and 0.6 least."""
    new, told = of(*kept)
    assert (new.space, new.configuration["hnsw"]["space"], told) == (space, space, [])
    assert new.metadata == kept[0]


def test_settings_and_function() -> None:
    """They come from the same places; those of 0.5 and 0.6 are not believed."""
    new, _ = of(None, None, "{}", since_1_3("ip", embedding_function=FUNCTION))
    assert new.configuration["hnsw"] == {**HNSW, "space": "ip", "ef_search": 77, "max_neighbors": 8}
    assert (new.effort, new.configuration["embedding_function"], new.schema) == (77, FUNCTION, None)
    new, _ = of(None, None, since_1_0("l2"))
    assert (new.effort, new.configuration["embedding_function"]) == (50, FUNCTION)
    new, _ = of({"hnsw:M": 32, "hnsw:search_ef": 40, "own": 1}, None, OF_0_6)
    assert new.configuration["hnsw"] == {**HNSW, "max_neighbors": 32, "ef_search": 40}
    assert new.configuration["embedding_function"] is None


def test_a_schema_that_says_something() -> None:
    """An index that is switched off stays so; keys that Chroma has only met are not kept."""
    found = since_1_3("ip")
    found["keys"]["title"] = {"string": {"string_inverted_index": {"enabled": False, "config": {}}}}
    new, told = of(None, None, "{}", found)
    assert told == []
    assert new.schema is not None
    assert new.schema["keys"].keys() == {"#document", "#embedding", "title"}
    assert not new.schema["keys"]["title"]["string"]["string_inverted_index"]["enabled"]


@pytest.mark.parametrize(
    ("kept", "space", "what"),
    [
        ((None, None, json.dumps(since_1_0("cosine"))[:60]), "cosine", "is damaged"),
        ((None, None, "{}", json.dumps(since_1_3("ip"))[:-9]), "ip", "is damaged"),
        (({"hnsw:space": "cosine", "hnsw:M": "many"}, None), "cosine", "the usual ones are taken"),
        (({"hnsw:space": "unheard"}, None), "l2", "the usual ones are taken"),
        ((None, None, "{}", {**since_1_3("ip"), "defaults": 1}), "ip", "is left out"),
    ],
)
def test_damage_is_told(kept: tuple[Any, ...], space: str, what: str) -> None:
    """What can be read of it is taken, above all the space."""
    new, told = of(*kept)
    assert new.space == space
    assert any(what in one for one in told)


WORDS = st.sampled_from(
    ["keys", "defaults", "#embedding", "float_list", "vector_index", "config", "hnsw", "space", "ef_search"]
)
TREES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.sampled_from(["l2", "cosine"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.text(max_size=20) | TREES.map(json.dumps), st.text(max_size=20) | TREES.map(json.dumps))
def test_anything(configuration: str, schema_text: str) -> None:
    """Whatever the texts are, there is a description with a space."""
    new, _ = of(None, None, configuration, schema_text)
    assert new.space in ("l2", "cosine", "ip")

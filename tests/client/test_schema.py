"""Schemas as their users write them: built, kept by a collection, and read back."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ochredb
from ochredb import errors
from ochredb.api.types import (
    BoolInvertedIndexConfig,
    Cmek,
    EmbeddingFunction,
    FloatInvertedIndexConfig,
    FtsIndexConfig,
    HnswIndexConfig,
    IntInvertedIndexConfig,
    Schema,
    SpannIndexConfig,
    SparseVectorIndexConfig,
    StringInvertedIndexConfig,
    VectorIndexConfig,
)
from ochredb.chroma.condition import Key
from ochredb.embed.registry import known_embedding_functions

INVERTED: list[Any] = [
    StringInvertedIndexConfig(),
    IntInvertedIndexConfig(),
    FloatInvertedIndexConfig(),
    BoolInvertedIndexConfig(),
]
NUMBERS = st.none() | st.integers(0, 500)
HNSW = st.builds(HnswIndexConfig, ef_search=NUMBERS, max_neighbors=NUMBERS, num_threads=NUMBERS)
VECTOR = st.builds(VectorIndexConfig, space=st.sampled_from([None, "l2", "cosine", "ip"]), hnsw=st.none() | HNSW)
KEY = st.none() | st.sampled_from(["s", "n", "год"])


class Sizes(EmbeddingFunction[Any]):
    """Embeds a text as its length and a constant, to be compared by cosine alone."""

    def __init__(self, constant: float = 1.0) -> None:
        self.constant = constant

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give two numbers a text."""
        return [[float(len(text)), self.constant] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name that a collection remembers."""
        return "tests_sizes"

    def get_config(self) -> dict[str, Any]:
        """Give the constant."""
        return {"constant": self.constant}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Sizes":
        """Make one of the constant."""
        return Sizes(config["constant"])

    def default_space(self) -> Any:
        """Prefer cosine."""
        return "cosine"

    def supported_spaces(self) -> Any:
        """Give cosine alone."""
        return ["cosine"]


class Plain:
    """No more than a call."""

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give three numbers a text."""
        return [[float(len(text)), 1.0, 2.0] for text in input]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(INVERTED), KEY), max_size=6), st.none() | VECTOR)
def test_a_schema_comes_back_from_json(
    steps: list[tuple[bool, Any, str | None]], vector: VectorIndexConfig | None
) -> None:
    """Whatever was built, its JSON is read as an equal schema that shows the same values."""
    schema = Schema()
    for on, config, key in steps:
        found = schema.create_index(config, key) if on else schema.delete_index(config, key)
        assert found is schema
    if vector is not None:
        schema.create_index(vector)
    again = Schema.deserialize_from_json(schema.serialize_to_json())
    assert again == schema
    assert again.serialize_to_json() == schema.serialize_to_json()
    assert again.keys.keys() == schema.keys.keys()
    for on, config, key in steps[-1:]:
        types = again.defaults if key is None else again.keys[key]
        (enabled,) = (
            getattr(kind, index).enabled
            for kind in (types.string, types.int_value, types.float_value, types.boolean)
            if kind is not None
            for index in kind.__struct_fields__
            if getattr(kind, index) is not None and type(getattr(kind, index).config) is type(config)
        )
        assert enabled is on


def test_a_vector_index_is_shown_as_it_was_given() -> None:
    """Its settings stand where embeddings are and among the defaults; documents are always what is embedded."""
    config = VectorIndexConfig(space="ip", source_key=Key("text"), hnsw={"ef_search": 5})  # type: ignore[arg-type]
    schema = Schema().create_index(config)
    own, default = schema.keys["#embedding"].float_list, schema.defaults.float_list
    assert own is not None
    assert own.vector_index is not None
    assert default is not None
    assert default.vector_index is not None
    assert (own.vector_index.enabled, own.vector_index.config.source_key) == (True, "#document")
    assert (default.vector_index.enabled, default.vector_index.config.source_key) == (False, "text")
    assert own.vector_index.config.hnsw == HnswIndexConfig(ef_search=5)
    assert own.vector_index.config.space == default.vector_index.config.space == "ip"


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: Schema().create_index(), "Cannot enable all index types globally. Must specify either config or key."),
    (
        lambda: Schema().create_index(key="z"),
        "Cannot enable all index types for key 'z'. Please specify a specific index configuration.",
    ),
    (lambda: Schema().create_index(VectorIndexConfig(), "#embedding"), "Cannot create index on special key"),
    (lambda: Schema().create_index(IntInvertedIndexConfig(), "#document"), "Cannot create index on special key"),
    (lambda: Schema().create_index(IntInvertedIndexConfig(), Key("#x")), "key cannot begin with '#'"),
    (lambda: Schema().create_index(VectorIndexConfig(), "z"), "Vector index cannot be enabled on specific keys."),
    (lambda: Schema().create_index(FtsIndexConfig()), "FTS index can only be enabled on #document key."),
    (lambda: Schema().create_index(FtsIndexConfig(), "z"), "FTS index can only be enabled on #document key."),
    (lambda: Schema().create_index(SparseVectorIndexConfig()), "Sparse vector index must be created on a specific key"),
    (
        lambda: (
            Schema().create_index(SparseVectorIndexConfig(), "a").create_index(SparseVectorIndexConfig(bm25=True), "b")
        ),
        "Cannot enable sparse vector index on key 'b'. A sparse vector index is already enabled on key 'a'.",
    ),
    (
        lambda: Schema().create_index(SparseVectorIndexConfig(source_key="text"), "a"),
        "If source_key is provided then embedding_function must also be provided",
    ),
    (lambda: Schema().delete_index(), "Cannot disable all indexes. Must specify either config or key."),
    (lambda: Schema().delete_index(key="z"), "Cannot disable all index types for key 'z'."),
    (lambda: Schema().delete_index(VectorIndexConfig(), "#embedding"), "Cannot modify #embedding."),
    (lambda: Schema().delete_index(IntInvertedIndexConfig(), "#document"), "Cannot delete index on special key"),
    (lambda: Schema().delete_index(VectorIndexConfig()), "Deleting vector index is not currently supported."),
    (lambda: Schema().delete_index(SparseVectorIndexConfig(), "a"), "Deleting sparse vector index is not currently"),
    (lambda: Schema().delete_index(FtsIndexConfig()), "Deleting FTS index is only supported on #document key."),
    (lambda: VectorIndexConfig(source_key="#x"), "source_key cannot begin with '#'."),
    (lambda: VectorIndexConfig(source_key=5), "source_key must be str or Key, got int"),  # type: ignore[arg-type]
    (lambda: VectorIndexConfig(space="zz"), "VectorIndexConfig.space: "),  # type: ignore[arg-type]
    (lambda: VectorIndexConfig(embedding_function=5), "embedding_function must be callable or None, got 5"),
    (lambda: SparseVectorIndexConfig(embedding_function=5), "embedding_function must be a callable Sparse"),
    (lambda: HnswIndexConfig(ef_search="a"), "HnswIndexConfig.ef_search: "),  # type: ignore[arg-type]
    (lambda: Cmek.from_dict({"aws": "x"}), "Unsupported or missing CMEK provider in data: "),
    (lambda: Schema.deserialize_from_json({"keys": 5}), "schema: "),
    (lambda: Schema.deserialize_from_json({"keys": {"a": {"string": 5}}}), "schema['keys']['a']['string']"),
    (
        lambda: Schema.deserialize_from_json(
            {"defaults": {"float_list": {"vector_index": {"config": {"hnsw": {"ef_search": "a"}}}}}}
        ),
        "schema['defaults']['float_list']['vector_index']: ",
    ),
]


@pytest.mark.parametrize(("build", "text"), REFUSED)
def test_what_no_schema_can_be(build: Callable[[], Any], text: str) -> None:
    """There is no such index, or no such key for it: a ValueError in Chroma's words."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 # the text is looked at below
        build()
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)


def test_other_things_are_no_indexes() -> None:
    """A class, a number or a misspelt setting is a TypeError."""
    with pytest.raises(TypeError, match="config: expected one of FtsIndexConfig, "):
        Schema().create_index(StringInvertedIndexConfig)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="key: expected a str or a Key, got 5"):
        Schema().create_index(StringInvertedIndexConfig(), 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'M'"):
        HnswIndexConfig(M=5)  # type: ignore[call-arg]


def test_a_collection_keeps_its_schema(client: ochredb.ClientAPI) -> None:
    """The space and the effort are the schema's, `modify` is seen in it, and it is the same when opened anew."""
    schema = Schema().create_index(VectorIndexConfig(space="ip", hnsw=HnswIndexConfig(ef_search=7, num_threads=3)))
    schema.delete_index(StringInvertedIndexConfig(), "s")
    made = client.create_collection("made", schema=schema)
    made.add(ids=["a", "b"], embeddings=[[1, 2], [3, 0]], metadatas=[{"s": "x"}, {"s": 5}])
    assert made.query(query_embeddings=[[1, 2]])["distances"] == [[-4.0, -2.0]]
    assert made.configuration_json["hnsw"]["ef_search"] == 7
    made.modify(configuration={"hnsw": {"ef_search": 50}})
    again = client.get_collection("made")
    assert made.schema == again.schema
    assert again == made
    vector = again.schema.keys["#embedding"].float_list.vector_index.config  # type: ignore[union-attr]
    assert (vector.space, vector.hnsw.ef_search, vector.hnsw.num_threads) == ("ip", 50, 3)  # type: ignore[union-attr]
    assert again.schema.keys["s"].string.string_inverted_index.enabled is False  # type: ignore[union-attr]


def test_every_collection_has_a_schema(client: ochredb.ClientAPI) -> None:
    """Without one given it is the usual one, with the configuration's settings; a copy of it makes an equal one."""
    made = client.create_collection("made", configuration={"hnsw": {"space": "cosine"}}, embedding_function=Sizes())
    copy = client.create_collection("copy", schema=made.schema)
    assert copy.schema == made.schema
    assert copy.configuration_json == made.configuration_json
    assert made.schema.serialize_to_json()["keys"].keys() == {"#document", "#embedding"}


def test_filters_on_what_is_off(client: ochredb.ClientAPI) -> None:
    """Each verb refuses a filter that has no index, in Chroma's words, and answers one on a value of another type."""
    schema = Schema().delete_index(StringInvertedIndexConfig(), "s").delete_index(FtsIndexConfig(), "#document")
    schema.delete_index(IntInvertedIndexConfig())
    made = client.create_collection("made", schema=schema)
    made.add(ids=["a", "b"], embeddings=[[1, 0], [0, 1]], metadatas=[{"s": "x", "n": 1}, {"s": 2.5, "t": "y"}])
    calls: list[Callable[..., Any]] = [
        made.get,
        made.delete,
        lambda **filters: made.query(query_embeddings=[[1, 0]], **filters),
    ]
    for call in calls:
        text = "Cannot filter using metadata key 's' with type 'Str' because indexing is disabled"
        with pytest.raises(errors.InvalidArgumentError, match=text):
            call(where={"$or": [{"t": "y"}, {"s": {"$ne": "x"}}]})
        with pytest.raises(errors.InvalidArgumentError, match="metadata key 'n' with type 'Int'"):
            call(where={"n": {"$gte": 1}})
        with pytest.raises(errors.InvalidArgumentError, match="full-text search because FTS indexing is disabled"):
            call(where_document={"$contains": "x"})
    assert made.get(where={"s": 2.5})["ids"] == made.get(where={"t": "y"})["ids"] == ["b"]
    assert made.get(where={"n": 1.0})["ids"] == ["a"]
    assert made.count() == 2


def test_a_function_in_a_schema(client: ochredb.ClientAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema's function embeds, chooses the space, and is remembered; where its class is unknown, that is said."""
    schema = Schema().create_index(VectorIndexConfig(embedding_function=Sizes(4.0)))
    client.create_collection("made", schema=schema).add(ids=["a"], documents=["xyz"])
    again = client.get_collection("made")
    assert again.get(include=["embeddings"])["embeddings"].tolist() == [[3.0, 4.0]]
    assert again.configuration_json["hnsw"]["space"] == "cosine"
    assert again.configuration["embedding_function"].get_config() == {"constant": 4.0}
    shown = again.schema.keys["#embedding"].float_list.vector_index.config  # type: ignore[union-attr]
    assert isinstance(shown.embedding_function, Sizes)
    monkeypatch.delitem(known_embedding_functions, "tests_sizes")
    unknown = client.get_collection("made").schema
    with pytest.warns(UserWarning, match="Could not reconstruct embedding function tests_sizes"):
        assert unknown.keys["#embedding"].float_list.vector_index.config.embedding_function is None  # type: ignore[union-attr]
    assert unknown == again.schema


def test_a_legacy_function_in_a_schema(client: ochredb.ClientAPI) -> None:
    """It embeds while the object lives, with a warning that it is not remembered."""
    with pytest.warns(DeprecationWarning, match="Plain"):
        schema = Schema().create_index(VectorIndexConfig(embedding_function=Plain()))
    made = client.create_collection("made", schema=schema)
    made.add(ids=["a"], documents=["xyz"])
    assert made.get(include=["embeddings"])["embeddings"].tolist() == [[3.0, 1.0, 2.0]]
    assert made.configuration_json["embedding_function"] == {"type": "legacy"}


@pytest.mark.parametrize(
    ("error", "text", "arguments"),
    [
        (
            errors.InvalidArgumentError,
            "Failed to reconcile schema: Cannot set both collection config and schema simultaneously",
            {"configuration": {"hnsw": {"ef_search": 9}}, "schema": Schema().delete_index(IntInvertedIndexConfig())},
        ),
        (
            errors.InvalidArgumentError,
            "Failed to reconcile schema: Cannot set both collection config and schema simultaneously",
            {"embedding_function": Sizes(), "schema": Schema().create_index(VectorIndexConfig(space="ip"))},
        ),
        (
            errors.InvalidArgumentError,
            "Failed to reconcile schema: Invalid schema input: Sparse vector indexing is not enabled in local",
            {"schema": Schema().create_index(SparseVectorIndexConfig(), "v")},
        ),
        (
            errors.InvalidArgumentError,
            "Validation error: schema: Both spann and hnsw config cannot be present at the same time.",
            {
                "schema": Schema().create_index(
                    VectorIndexConfig(hnsw=HnswIndexConfig(ef_search=7), spann=SpannIndexConfig(search_nprobe=3))
                )
            },
        ),
        (
            NotImplementedError,
            "engine 'local' does not support the feature 'cmek'",
            {"schema": Schema().set_cmek(Cmek.gcp("projects/p/locations/l/keyRings/r/cryptoKeys/k"))},
        ),
        (TypeError, "schema: expected a Schema, got {", {"schema": {}}),
    ],
)
def test_what_a_collection_refuses(
    client: ochredb.ClientAPI, error: type[Exception], text: str, arguments: dict[str, Any]
) -> None:
    """A schema that cannot be, or not together with what else was said, is refused before there is a collection."""
    with pytest.raises(error) as refused:
        client.create_collection("bad", **arguments)
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)
    assert client.count_collections() == 0


def test_a_schema_that_says_nothing(client: ochredb.ClientAPI) -> None:
    """Beside the usual schema everything else may say what it likes."""
    made = client.create_collection("made", schema=Schema(), embedding_function=Sizes(), metadata={"hnsw:search_ef": 9})
    assert (made.configuration_json["hnsw"]["space"], made.configuration_json["hnsw"]["ef_search"]) == ("cosine", 9)


def test_a_key_to_encrypt_with() -> None:
    """It is named by its place, and can be taken away again."""
    name = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    schema = Schema().set_cmek(Cmek.gcp(name))
    assert schema.serialize_to_json()["cmek"] == {"gcp": name}
    assert Schema.deserialize_from_json(schema.serialize_to_json()).cmek == Cmek.gcp(name)
    assert (Cmek.gcp(name).validate_pattern(), Cmek.gcp("k").validate_pattern()) == (True, False)
    assert schema.set_cmek(None) == Schema()


def test_reading_a_stored_function_loads_nothing(tmp_path: Path) -> None:
    """In a new process a collection is opened, described and searched by vector without a model, and no class but a
    registered one is looked for, whatever name is stored.
    """
    with ochredb.PersistentClient(tmp_path) as client:
        client.create_collection("default").add(ids=["a"], embeddings=[[1, 0]])
        client.create_collection("known", embedding_function=Sizes()).add(ids=["a"], embeddings=[[1, 0]])
    program = f"""
import sys, warnings
import ochredb
warnings.simplefilter("ignore")
with ochredb.PersistentClient({str(tmp_path)!r}) as client:
    before = set(sys.modules)
    for collection in client.list_collections():
        collection.schema, collection.configuration_json, collection.count()
        collection.schema.keys["#embedding"].float_list.vector_index.config
        collection.query(query_embeddings=[[1, 0]])
    client.get_collection("default").configuration
    print(*{{name.partition(".")[0] for name in set(sys.modules) - before}})
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not set(ran.stdout.split()) & {"onnxruntime", "tokenizers", "tests", "tests_sizes"}

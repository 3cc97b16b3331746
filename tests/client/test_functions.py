"""Which embedding function a collection uses."""

import warnings
from typing import Any

import pytest

import ochredb
from ochredb.client import functions
from ochredb.embed.minilm import DefaultEmbeddingFunction
from ochredb.embed.protocol import Documents, EmbeddingFunction, Embeddings
from ochredb.embed.registry import known_embedding_functions, register_embedding_function


class Lengths(EmbeddingFunction[Documents]):
    """A whole function, which embeds queries apart, and keeps what it was asked."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.asked: list[tuple[str, Documents]] = []

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Give the length."""
        self.asked.append(("documents", input))
        return [[len(text) * self.scale, 1.0] for text in input]

    def embed_query(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Give the length."""
        self.asked.append(("query", input))
        return [[len(text) * self.scale, 1.0] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name."""
        return "lengths"

    def get_config(self) -> dict[str, Any]:
        """Give the scale."""
        return {"scale": self.scale}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Lengths":
        """Make one."""
        return Lengths(config["scale"])

    def default_space(self) -> Any:
        """Give the space."""
        return "ip"

    def supported_spaces(self) -> Any:
        """Give the same."""
        return ["ip"]


class Other(Lengths):
    """The same under another name."""

    @staticmethod
    def name() -> str:
        """Give the name."""
        return "other"


class Duck:
    """No EmbeddingFunction, and called like one."""

    def __call__(self, input: Documents) -> Any:  # noqa: A002 - the name is the contract
        """Give a vector each."""
        return [[3.0, 1.0] for _ in input]


FORM = {"type": "known", "name": "lengths", "config": {"scale": 2.0}}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the class, as a program that defines it does."""
    monkeypatch.setitem(known_embedding_functions, "lengths", Lengths)
    monkeypatch.delitem(known_embedding_functions, "other", raising=False)


@pytest.mark.parametrize("configuration", [None, {}, {"hnsw": {}}, {"embedding_function": None}])
def test_the_argument_counts(configuration: Any) -> None:
    """Where the configuration has none."""
    function = Lengths()
    assert functions.configured(function, configuration) is function


def test_the_configurations_counts() -> None:
    """Where no argument was given, which is the default function."""
    function = Lengths()
    assert functions.configured(functions.DEFAULT, {"embedding_function": function}) is function
    assert functions.configured(None, {"embedding_function": function}) is function


@pytest.mark.parametrize(("given", "name"), [(Other(), "other"), (Duck(), "legacy")])
def test_two_functions_are_refused(given: Any, name: str) -> None:
    """The error has both names."""
    with pytest.raises(ValueError, match=rf"Multiple embedding functions provided\..* {name} vs lengths$"):
        functions.configured(given, {"embedding_function": Lengths()})


@pytest.mark.parametrize(
    ("function", "space"), [(None, None), (Lengths(), "ip"), (Duck(), "l2"), (functions.DEFAULT, "l2")]
)
def test_a_function_has_a_space(function: Any, space: str | None) -> None:
    """Its own, or l2 where it cannot say."""
    assert functions.space_of(function) == space


@pytest.mark.parametrize("function", [None, functions.DEFAULT, DefaultEmbeddingFunction(), Duck(), Lengths(9.0)])
@pytest.mark.parametrize("stored", [None, {"type": "legacy"}, FORM])
def test_what_does_not_conflict(function: Any, stored: dict[str, Any] | None) -> None:
    """The default, one without a name, and one of the same name, whatever its configuration."""
    functions.refuse_conflict(function, stored)


def test_another_name_conflicts() -> None:
    """Also with the default one that is stored."""
    with pytest.raises(ValueError, match=r"Embedding function conflict: new: other vs persisted: lengths$"):
        functions.refuse_conflict(Other(), FORM)
    with pytest.raises(ValueError, match=r"Embedding function conflict: new: lengths vs persisted: default$"):
        functions.refuse_conflict(Lengths(), {"type": "known", "name": "default", "config": {}})


def test_the_one_to_embed_with() -> None:
    """The one given, else the one remembered, else the default."""
    given = Lengths(5.0)
    assert functions.effective(given, FORM) is given
    rebuilt = functions.effective(functions.DEFAULT, FORM)
    assert isinstance(rebuilt, Lengths)
    assert rebuilt.scale == 2.0
    assert functions.effective(None, None) is functions.DEFAULT
    assert functions.effective(functions.DEFAULT, {"type": "legacy"}) is functions.DEFAULT


def test_a_collection_asks_its_function(client: ochredb.ClientAPI) -> None:
    """Documents and queries apart; whoever opens it without naming a function gets an equal one."""
    function = Lengths(2.0)
    collection = client.create_collection("lengths", embedding_function=function)
    collection.add(ids=["a", "b"], documents=["1", "1234567"])
    collection.query(query_texts=["12345678"], n_results=1)
    assert function.asked == [("documents", ["1", "1234567"]), ("query", ["12345678"])]
    again = client.get_collection("lengths")
    assert again.configuration["hnsw"]["space"] == "ip"
    assert again.configuration["embedding_function"].scale == 2.0
    assert again.query(query_texts=["123"], n_results=1)["ids"] == [["b"]]
    assert again.get("a", include=["embeddings"])["embeddings"].tolist() == [[2.0, 1.0]]


def test_a_function_that_nobody_knows_is_named_when_it_is_needed(
    client: ochredb.ClientAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs no embedding works; the error tells how to make the class known, and after that it works."""
    client.create_collection("lengths", embedding_function=Lengths(2.0)).add(ids=["a"], documents=["text"])
    monkeypatch.delitem(known_embedding_functions, "lengths")
    collection = client.get_collection("lengths")
    assert collection.count() == 1
    assert collection.query(query_embeddings=[[1.0, 1.0]], n_results=1)["ids"] == [["a"]]
    with pytest.raises(ValueError, match=r"^Embedding function lengths not found\. Add @register_embedding_function"):
        collection.query(query_texts=["text"])
    with pytest.raises(ValueError, match=r"^Embedding function lengths not found"):
        _ = collection.configuration
    register_embedding_function(Lengths)
    assert collection.query(query_texts=["text"])["ids"] == [["a"]]


def test_a_legacy_function_is_used_and_not_remembered(client: ochredb.ClientAPI) -> None:
    """It is warned of when the collection is made."""
    with pytest.warns(DeprecationWarning, match="Duck is an embedding function without name"):
        collection = client.create_collection("lengths", embedding_function=Duck())
    collection.add(ids=["a"], documents=["text"])
    assert collection.get(include=["embeddings"])["embeddings"].tolist() == [[3.0, 1.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = client.get_collection("lengths", embedding_function=Duck())
    assert again.query(query_texts=["text"])["ids"] == [["a"]]

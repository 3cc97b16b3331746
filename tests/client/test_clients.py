"""Clients: names, sharing, closing, tenants and databases, embedding functions."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ochredb
from ochredb import errors
from ochredb.embed.protocol import EmbeddingFunction
from ochredb.embed.registry import known_embedding_functions, register_embedding_function

LONG = "Validation error: name: Expected a name containing 3-512 characters from [a-zA-Z0-9._-], starting and ending"
BAD_NAMES = {
    "": LONG, "ab": LONG, "x" * 513: LONG, "-abc": LONG, "abc-": LONG, "a b c": LONG, "a+b": LONG, "é" * 5: LONG,
    "abc\n": LONG, "abc\0": LONG,
    "one+two+three": "Validation error: name: Expected a name to contain at most one topology",
    "a..b": "Validation error: name: Expected a name that does not contains two consecutive periods (..). Got a..b",
    "192.168.0.1": "Validation error: name: Expected a name that is not a valid ip address. Got 192.168.0.1",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(client: ochredb.ClientAPI, name: str) -> None:
    """A name outside the rule is refused in Chroma's words, wherever a collection would get it."""
    for make in (client.create_collection, client.get_or_create_collection):
        with pytest.raises(errors.InvalidArgumentError) as refused:
            make(name, embedding_function=None)
        assert str(refused.value).startswith(BAD_NAMES[name])
    assert client.count_collections() == 0


@pytest.mark.parametrize("name", ["abc", "x" * 512, "A_b.c-d9", "1.2.3", "fe80--1", "topo+name", "CON", "a--b__c"])
def test_good_names(client: ochredb.ClientAPI, name: str) -> None:
    """A name within the rule is kept as it is."""
    client.create_collection(name, embedding_function=None)
    assert [one.name for one in client.list_collections()] == [name]
    assert client.get_collection(name).name == name


@pytest.mark.parametrize("name", [None, 5, b"abc", ["abc"]])
def test_names_are_text(client: ochredb.ClientAPI, name: Any) -> None:
    """What is no text is no name: TypeError where one is given, NotFoundError or TypeError where one is looked for."""
    with pytest.raises(TypeError):
        client.create_collection(name)
    for find in (client.get_collection, client.delete_collection):
        with pytest.raises((errors.NotFoundError, TypeError)):
            find(name)


@pytest.mark.parametrize("text", ["\ud800", "x\0y"])
def test_names_that_cannot_be_are_not_found(client: ochredb.ClientAPI, text: str) -> None:
    """Looking for a name that nothing can have is an error of ours, not one from below."""
    for find in (client.get_collection, client.delete_collection, client.set_database, client.set_tenant):
        with pytest.raises(errors.ChromaError):
            find(text)
    with pytest.raises(errors.ChromaError):
        ochredb.EphemeralClient(tenant=text)
    admin = ochredb.AdminClient()
    for call in (
        admin.create_tenant,
        admin.get_tenant,
        admin.create_database,
        admin.get_database,
        admin.delete_database,
    ):
        with pytest.raises(errors.ChromaError):
            call(text)
    admin.close()


def test_a_taken_name(client: ochredb.ClientAPI) -> None:
    """A second collection of a name is refused; get_or_create gives the first as it is."""
    first = client.create_collection("taken", metadata={"n": 1}, embedding_function=None)
    with pytest.raises(errors.UniqueConstraintError, match=r"^Collection \[taken\] already exists"):
        client.create_collection("taken", embedding_function=None)
    again = client.get_or_create_collection("taken", metadata={"n": 2}, embedding_function=None)
    assert (again.id, again.metadata) == (first.id, {"n": 1})
    assert client.create_collection("taken", get_or_create=True, embedding_function=None).id == first.id


def test_listing(client: ochredb.ClientAPI) -> None:
    """Collections are listed by name, by the page if wanted."""
    for name in ("ccc", "aaa", "bbb"):
        client.create_collection(name, embedding_function=None)
    assert [one.name for one in client.list_collections()] == ["aaa", "bbb", "ccc"]
    assert [one.name for one in client.list_collections(limit=1, offset=1)] == ["bbb"]
    assert client.list_collections(limit=0) == []
    assert [one.name for one in client.list_collections(limit=2**70)] == ["aaa", "bbb", "ccc"]
    assert client.count_collections() == 3
    client.delete_collection("bbb")
    assert [one.name for one in client.list_collections()] == ["aaa", "ccc"]
    for missing in ("bbb", "nobody"):
        with pytest.raises(errors.NotFoundError, match=rf"^Collection \[{missing}\] does not exist"):
            client.get_collection(missing)
        with pytest.raises(errors.NotFoundError):
            client.delete_collection(missing)


def test_what_a_collection_tells_is_a_copy(client: ochredb.ClientAPI) -> None:
    """A change to the configuration that was given changes no collection, nor another of the same list."""
    for name in ("one", "two"):
        client.create_collection(name, configuration={"hnsw": {"space": "ip"}})
    one, two = client.list_collections()
    before = two.configuration_json
    told = one.configuration_json
    told["hnsw"]["space"] = "l2"
    one.configuration["hnsw"]["space"] = "l2"
    one.get_model().configuration_json["hnsw"]["space"] = "l2"
    assert one.configuration_json == two.configuration_json == before
    assert before["hnsw"]["space"] == "ip"


BAD_METADATA: list[tuple[type[Exception], str, Any]] = [
    (errors.InvalidArgumentError, "Validation error: metadata: Metadata cannot be empty", {}),
    (
        errors.InvalidArgumentError,
        "Validation error: metadata: Metadata key cannot start with '#' or '$': $a",
        {"$a": 1},
    ),
    (
        errors.InvalidArgumentError,
        "Validation error: metadata: Metadata key cannot start with '#' or '$': #a",
        {"#a": 1},
    ),
    (errors.InvalidArgumentError, "Validation error: metadata: Metadata key cannot be empty", {"": 1}),
    (TypeError, "", {"a": None}),
    (TypeError, "", {"a": {"b": 1}}),
    (errors.ChromaError, "", {"a": [1, 2]}),
    (TypeError, "", {1: 1}),
    (TypeError, "argument 'metadata'", "text"),
    (errors.ChromaError, "", {"\ud800": 1}),
    (errors.ChromaError, "", {"a": "\ud800"}),
    (errors.ChromaError, "", {"a": 10**400}),
    (errors.ChromaError, "", {"a": float("nan")}),
    (errors.InvalidArgumentError, "Failed to parse hnsw parameters from segment metadata", {"hnsw:space": "L2"}),
    (errors.InvalidArgumentError, "Failed to parse hnsw parameters from segment metadata", {"hnsw:unknown": 1}),
    (errors.InvalidArgumentError, "Failed to parse hnsw parameters from segment metadata", {"hnsw:M": "x"}),
]


@pytest.mark.parametrize("row", range(len(BAD_METADATA)))
def test_bad_metadata_of_a_collection(client: ochredb.ClientAPI, row: int) -> None:
    """Metadata that a collection cannot have is refused before there is one."""
    wanted, text, metadata = BAD_METADATA[row]
    with pytest.raises(wanted) as refused:
        client.create_collection("bad", metadata=metadata, embedding_function=None)
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)
    assert client.count_collections() == 0


DEFAULTS = {
    "space": "l2", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16, "resize_factor": 1.2,
    "sync_threshold": 1000,
}  # fmt: skip


def test_configuration_is_what_was_said(client: ochredb.ClientAPI) -> None:
    """Settings are read from the argument before the legacy metadata before the defaults, and kept to be read back."""
    plain = client.create_collection("plain", embedding_function=None)
    assert plain.configuration_json == {"hnsw": DEFAULTS, "spann": None, "embedding_function": None}
    legacy = client.create_collection(
        "legacy", metadata={"hnsw:space": "cosine", "hnsw:search_ef": 50, "x": 1}, embedding_function=None
    )
    assert legacy.configuration_json["hnsw"] == DEFAULTS | {"space": "cosine", "ef_search": 50}
    assert legacy.metadata == {"hnsw:space": "cosine", "hnsw:search_ef": 50, "x": 1}
    both = client.create_collection(
        "both", configuration={"hnsw": {"space": "ip"}}, metadata={"hnsw:space": "cosine"}, embedding_function=None
    )
    assert client.get_collection("both").configuration_json["hnsw"] == DEFAULTS | {"space": "ip"}
    both.add(ids=["a"], embeddings=[[1, 2, 3]])
    assert both.query(query_embeddings=[[1, 2, 3]])["distances"] == [[-13.0]]


BAD_CONFIGURATION: list[tuple[type[Exception], str, Any]] = [
    (errors.InvalidArgumentError, "unknown field `M`, expected one of `space`, `ef_construction`", {"hnsw": {"M": 1}}),
    (
        errors.InvalidArgumentError,
        "unknown variant `foo`, expected one of `l2`, `cosine`, `ip`",
        {"hnsw": {"space": "foo"}},
    ),
    (errors.InvalidArgumentError, "invalid type: ", {"hnsw": {"ef_search": "x"}}),
    (errors.InvalidArgumentError, "", {"hnsw": {"ef_search": -1}}),
    (errors.InvalidArgumentError, "", {"hnsw": {"ef_search": 2**70}}),
    (errors.InvalidArgumentError, "", {"hnsw": {"resize_factor": float("nan")}}),
    (ValueError, "hnsw and spann cannot both be provided", {"hnsw": {}, "spann": {}}),
    (errors.InvalidArgumentError, "invalid type: ", {"hnsw": 5}),
    (ValueError, "", "text"),
]


@pytest.mark.parametrize("row", range(len(BAD_CONFIGURATION)))
def test_bad_configuration(client: ochredb.ClientAPI, row: int) -> None:
    """Settings that mean nothing are refused before there is a collection."""
    wanted, text, configuration = BAD_CONFIGURATION[row]
    with pytest.raises(wanted) as refused:
        client.create_collection("bad", configuration=configuration, embedding_function=None)
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)
    assert client.count_collections() == 0


class Lengths(EmbeddingFunction[Any]):
    """Embeds a text as its length times a factor."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give two numbers a text."""
        return [[len(text) * self.factor, 1.0] for text in input]

    def embed_query(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give the same, negative in the second place."""
        return [[len(text) * self.factor, -1.0] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name that a collection remembers."""
        return "tests_lengths"

    def get_config(self) -> dict[str, Any]:
        """Give the factor."""
        return {"factor": self.factor}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Lengths":
        """Make one of the factor."""
        return Lengths(config["factor"])

    def default_space(self) -> Any:
        """Prefer ip."""
        return "ip"

    def supported_spaces(self) -> Any:
        """Give those that tell lengths apart."""
        return ["ip", "l2"]


class Others(Lengths):
    """The same under another name."""

    @staticmethod
    def name() -> str:
        """Give another name."""
        return "tests_others"


class Plain:
    """No more than a call, as code of long ago has it."""

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give one number a text."""
        return [[float(len(text))] for text in input]


class Wrong:
    """A call with another parameter."""

    def __call__(self, texts: Any) -> Any:
        """Give one number a text."""
        return [[float(len(text))] for text in texts]


class Short(Plain):
    """Forgets the last text."""

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give one vector too few, or one for none."""
        return [[1.0]] * max(len(input) - 1, 1)


def test_a_function_is_remembered(client: ochredb.ClientAPI) -> None:
    """A collection remembers its function by name and configuration, and the next who opens it need not pass it."""
    made = client.create_collection("known", embedding_function=Lengths(2.0))
    made.add(ids=["a", "b"], documents=["x", "xyz"])
    again = client.get_collection("known")
    again.add(ids=["c"], documents="xy")
    stored = {"type": "known", "name": "tests_lengths", "config": {"factor": 2.0}}
    assert again.configuration_json["embedding_function"] == stored
    assert again.configuration_json["hnsw"]["space"] == "ip"
    assert isinstance(again.configuration["embedding_function"], Lengths)
    assert again.get(include=["embeddings"])["embeddings"].tolist() == [[2, 1], [6, 1], [4, 1]]
    found = again.query(query_texts="xyz", n_results=1)
    assert (found["ids"], found["distances"]) == ([["b"]], [[1 - 36 + 1]])
    (listed,) = client.list_collections()
    assert listed.query(query_texts=["x", "xy"], n_results=1)["ids"] == [["b"], ["b"]]
    again.update(ids=["a"], documents=["longer"])
    again.upsert(ids=["b"], documents=["longest"])
    assert again.get(include=["embeddings"])["embeddings"].tolist() == [[12, 1], [14, 1], [4, 1]]


def test_the_space_of_a_function(client: ochredb.ClientAPI) -> None:
    """It counts where no space is said, whatever else is; one that it is not made for is taken with a warning."""
    some = client.create_collection("some", embedding_function=Lengths(), configuration={"hnsw": {"ef_search": 9}})
    assert some.configuration_json["hnsw"] == DEFAULTS | {"space": "ip", "ef_search": 9}
    text = r"^space cosine is not supported by tests_lengths\. Supported spaces: \['ip', 'l2'\]$"
    with pytest.warns(UserWarning, match=text):
        said = client.create_collection(
            "said", embedding_function=Lengths(), configuration={"hnsw": {"space": "cosine"}}
        )
    assert said.configuration_json["hnsw"]["space"] == "cosine"
    with pytest.warns(UserWarning, match=text):
        client.create_collection("legacy", embedding_function=Lengths(), metadata={"hnsw:space": "cosine"})
    none = client.create_collection("none", embedding_function=None, metadata={"hnsw:space": "cosine"})
    with pytest.warns(UserWarning, match=text):
        none.modify(configuration={"embedding_function": Lengths(2.0)})
    assert none.configuration["embedding_function"].get_config() == {"factor": 2.0}


def test_unknown_blocks_of_a_configuration(client: ochredb.ClientAPI) -> None:
    """What this version does not know is kept, returned, and left alone by later changes."""
    made = client.create_collection("made", configuration={"quantization": {"bits": [4]}})  # type: ignore[typeddict-unknown-key]
    made.modify(configuration={"hnsw": {"ef_search": 9}})
    again = client.get_collection("made")
    assert again.configuration_json["quantization"] == {"bits": [4]}
    assert again.configuration_json["hnsw"]["ef_search"] == 9


def test_a_function_that_nobody_registered(client: ochredb.ClientAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its class a collection can be read and searched by vector; embedding says what is missing."""
    client.create_collection("known", embedding_function=Lengths()).add(ids=["a"], documents=["x"])
    monkeypatch.delitem(known_embedding_functions, "tests_lengths")
    again = client.get_collection("known")
    assert again.count() == 1
    assert again.query(query_embeddings=[[1, 1]])["ids"] == [["a"]]
    text = "Embedding function tests_lengths not found. Add @register_embedding_function decorator"
    with pytest.raises(ValueError, match=text):
        again.add(ids=["b"], documents=["y"])
    with pytest.raises(ValueError, match=text):
        again.query(query_texts="y")
    with pytest.raises(ValueError, match=text):
        _ = again.configuration
    assert again.count() == 1
    register_embedding_function(Lengths)
    again.add(ids=["b"], documents=["y"])
    assert again.count() == 2


def test_functions_in_conflict(client: ochredb.ClientAPI) -> None:
    """A function of another name than the remembered one is refused; the same name, or none, is not."""
    client.create_collection("known", embedding_function=Lengths())
    text = "An embedding function already exists in the collection configuration, and a new one is provided"
    for call in (client.get_collection, client.get_or_create_collection):
        with pytest.raises(ValueError, match=text):
            call("known", embedding_function=Others())
        assert call("known", embedding_function=Lengths(3.0)).name == "known"
        assert call("known").name == "known"
    with pytest.raises(ValueError, match="Multiple embedding functions provided"):
        client.create_collection(
            "two", embedding_function=Others(), configuration={"embedding_function": Lengths()}
        )  # fmt: skip
    same = client.create_collection(
        "same", embedding_function=Lengths(1.0), configuration={"embedding_function": Lengths(2.0)}
    )
    assert same.configuration_json["embedding_function"]["config"] == {"factor": 2.0}
    client.delete_collection("same")
    collection = client.get_collection("known")
    with pytest.raises(ValueError, match="Cannot update embedding function: incompatible types"):
        collection.modify(configuration={"embedding_function": Others()})
    collection.modify(configuration={"embedding_function": Lengths(4.0)})
    assert client.get_collection("known").configuration_json["embedding_function"]["config"] == {"factor": 4.0}
    assert client.count_collections() == 1


def test_a_legacy_function(client: ochredb.ClientAPI) -> None:
    """An object with no more than a call works while it is passed, with a warning that it is not remembered."""
    with pytest.warns(DeprecationWarning, match="Plain"):
        made = client.create_collection("legacy", embedding_function=Plain())  # type: ignore[arg-type]
    made.add(ids=["a"], documents=["abc"])
    again = client.get_collection("legacy", embedding_function=Plain())
    again.add(ids=["b"], documents=["abcd"])
    assert again.configuration_json["embedding_function"] == {"type": "legacy"}
    assert again.query(query_texts=["abcd"])["ids"] == [["b", "a"]]


@pytest.mark.parametrize("wrong", [Wrong(), Plain, 5, "text"])
def test_a_wrong_signature_is_refused_first(client: ochredb.ClientAPI, wrong: Any) -> None:
    """What cannot be called as an embedding function is refused before the collection exists."""
    for arguments in ({"embedding_function": wrong}, {"configuration": {"embedding_function": wrong}}):
        with pytest.raises(ValueError, match=r"^Expected EmbeddingFunction.__call__ to have the following signature"):
            client.create_collection("wrong", **arguments)
        assert client.count_collections() == 0


@pytest.mark.filterwarnings("ignore:Short:DeprecationWarning")
def test_a_function_that_gives_too_few(client: ochredb.ClientAPI) -> None:
    """As many vectors as texts are wanted; otherwise nothing is written."""
    collection = client.create_collection("short", embedding_function=Short())  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgumentError, match="Inconsistent number of IDs, embeddings, documents"):
        collection.add(ids=["a", "b", "c"], documents=["x", "y", "z"])
    assert collection.count() == 0


def test_embeddings_spare_the_function(client: ochredb.ClientAPI) -> None:
    """Where embeddings are given, documents are stored beside them and not embedded; so in a query."""
    collection = client.create_collection("both", embedding_function=Lengths())
    collection.add(ids=["a", "b"], embeddings=[[7, 7], [9, 9]], documents=["x", None])
    assert collection.get(include=["embeddings"])["embeddings"].tolist() == [[7, 7], [9, 9]]
    assert collection.query(query_embeddings=[[9, 9]], query_texts=["x"], n_results=1)["ids"] == [["b"]]


def test_ephemeral_clients_share(client: ochredb.ClientAPI) -> None:
    """Every client in memory sees the same data, which lasts while one of them is open."""
    client.create_collection("shared", embedding_function=None).add(ids=["a"], embeddings=[[1]])
    other = ochredb.EphemeralClient()
    assert other.get_collection("shared").count() == 1
    other.close()
    other.close()
    assert client.get_collection("shared").count() == 1
    with pytest.raises(errors.ChromaError, match="closed"):
        other.list_collections()


def test_data_in_memory_outlives_forgotten_clients(client: ochredb.ClientAPI) -> None:
    """Data in memory is there for the next client although nobody refers to the first any more."""
    del client
    ochredb.EphemeralClient().create_collection("kept", embedding_function=None)
    assert ochredb.EphemeralClient().get_collection("kept").name == "kept"


def test_persistent_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is one database however its path is written, and is read again after closing."""
    monkeypatch.chdir(tmp_path)
    paths: list[Any] = [tmp_path / "new" / "store", f"{tmp_path}/new/store/", "new/store", Path("new/../new/store")]
    clients = [ochredb.PersistentClient(path) for path in paths]
    clients[0].create_collection("one", embedding_function=None).add(ids=["a"], embeddings=[[1, 2]])
    assert [one.get_collection("one").count() for one in clients] == [1] * 4
    assert len({id(one._engine) for one in clients}) == 1
    for one in clients:
        one.close()
    with ochredb.PersistentClient(paths[0]) as again:
        collection = again.get_collection("one")
        assert collection.get(include=["embeddings"])["embeddings"].tolist() == [[1, 2]]
    with pytest.raises(errors.ChromaError, match="closed"):
        collection.count()


def test_a_client_that_is_not_referred_to_closes(tmp_path: Path) -> None:
    """A persistent client that nobody refers to gives its files back, also when the process ends without closing it."""
    script = (
        "import sys, ochredb; client = ochredb.PersistentClient(sys.argv[1]);"
        "client.create_collection('one', embedding_function=None).add(ids=['a'], embeddings=[[1, 2]])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with ochredb.PersistentClient(tmp_path) as client:
        assert client.get_collection("one").count() == 1
    if Path("/proc/self/fd").is_dir():
        names = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]
        assert not [name for name in names if name.startswith(str(tmp_path))]


def test_a_folder_removed_while_a_client_is_open(tmp_path: Path) -> None:
    """A client opened after the folder was removed starts with an empty database, and keeps what it writes."""
    path = tmp_path / "store"
    old = ochredb.PersistentClient(path)
    old.create_collection("old", embedding_function=None)
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    new = ochredb.PersistentClient(path)
    assert new.list_collections() == []
    new.create_collection("new", embedding_function=None).add(ids=["a"], embeddings=[[1]])
    old.close()
    new.close()
    with ochredb.PersistentClient(path) as again:
        assert again.get_collection("new").count() == 1


def test_missing_tenants_and_databases(client: ochredb.ClientAPI, tmp_path: Path) -> None:
    """A client of what does not exist is refused at once, and leaves nothing open."""
    for make in (ochredb.EphemeralClient, lambda **given: ochredb.PersistentClient(tmp_path, **given)):
        with pytest.raises(errors.NotFoundError, match=r"^Tenant \[nobody\] not found"):
            make(tenant="nobody")
        with pytest.raises(errors.NotFoundError, match=r"^Database \[nowhere\] not found. Are you sure it exists\?"):
            make(database="nowhere")
    with pytest.raises(errors.NotFoundError):
        client.set_database("nowhere")
    assert (client.tenant, client.database) == ("default_tenant", "default_database")


def test_the_admin_client(client: ochredb.ClientAPI) -> None:
    """Tenants and databases are made, found, listed and deleted; names are their own in each database."""
    admin = ochredb.AdminClient()
    admin.create_tenant("tenant")
    assert admin.get_tenant("tenant") == {"name": "tenant"}
    admin.create_database("first", "tenant")
    admin.create_database("second", "tenant")
    found = admin.get_database("first", "tenant")
    assert list(found) == ["id", "name", "tenant"]
    assert (found["name"], found["tenant"]) == ("first", "tenant")
    assert [one["name"] for one in admin.list_databases(tenant="tenant")] == ["first", "second"]
    assert [one["name"] for one in admin.list_databases(limit=1, offset=1, tenant="tenant")] == ["second"]
    assert admin.list_databases(tenant="nobody") == []
    for call in (lambda: admin.create_tenant("tenant"), lambda: admin.create_database("first", "tenant")):
        with pytest.raises(errors.UniqueConstraintError, match="already exists"):
            call()
    for name in ("ab", ""):
        with pytest.raises(errors.InvalidArgumentError):
            admin.create_tenant(name)
        with pytest.raises(errors.InvalidArgumentError, match="database name must be at least 3 characters"):
            admin.create_database(name)
    with pytest.raises(errors.NotFoundError):
        admin.create_database("third", "nobody")
    other = ochredb.EphemeralClient(tenant="tenant", database="first")
    other.create_collection("same", embedding_function=None).add(ids=["a"], embeddings=[[1]])
    client.create_collection("same", embedding_function=None)
    assert (other.get_collection("same").count(), client.get_collection("same").count()) == (1, 0)
    admin.delete_database("first", "tenant")
    with pytest.raises(errors.NotFoundError):
        other.list_collections() or other.get_collection("same")
    with pytest.raises(errors.NotFoundError):
        admin.delete_database("first", "tenant")
    other.close()
    admin.close()


def test_reset(client: ochredb.ClientAPI) -> None:
    """Reset removes everything of everyone, and is allowed only by a setting."""
    forbidden = ochredb.EphemeralClient()
    client.create_collection("gone", embedding_function=None)
    with pytest.raises(errors.AuthorizationError, match="Reset is disabled by config"):
        forbidden.reset()
    assert client.count_collections() == 1
    assert client.reset() is True
    assert client.count_collections() == forbidden.count_collections() == 0
    forbidden.close()


def test_small_talk(client: ochredb.ClientAPI) -> None:
    """Heartbeat, version, batch size and settings are there for those who ask."""
    assert client.heartbeat() > 1_600_000_000_000_000_000
    assert client.get_version() == ochredb.__version__
    assert client.get_max_batch_size() >= 5461
    assert client.get_settings().allow_reset is True


def test_more_than_a_batch(client: ochredb.ClientAPI) -> None:
    """A write, a get and a delete of more records than Chroma takes at once, or than SQL has variables for."""
    collection = client.create_collection("many", embedding_function=None)
    ids = [str(n) for n in range(40_000)]
    collection.add(ids=ids, embeddings=np.ones((40_000, 2), np.float32), metadatas=[{"n": n} for n in range(40_000)])
    assert collection.get(ids=ids)["ids"] == ids
    assert len(collection.get()["metadatas"]) == 40_000
    assert len(collection.get(where={"n": {"$in": list(range(39_000))}})["ids"]) == 39_000
    assert collection.delete(ids=ids[:35_000]) == {"deleted": 35_000}
    assert collection.count() == 5_000

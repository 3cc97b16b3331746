"""Who shares what: engines, tenants, files, and what a client in a process cannot do."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import ochredb
from ochredb.api.client import Client
from ochredb.api.shared_system_client import SharedSystemClient
from ochredb.errors import ClosedError, NotFoundError, NotSupported


def settings(folder: Path) -> ochredb.Settings:
    """Give settings that name a folder."""
    return ochredb.Settings(is_persistent=True, persist_directory=str(folder))


def open_files(folder: Path) -> set[str]:
    """Give the files below a folder that this process has open."""
    found = set()
    for handle in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(handle)
        except OSError:  # the handle of the listing itself
            continue
        if target.startswith(str(folder)):
            found.add(target)
    return found


def test_clients_of_one_path_share_one_engine(tmp_path: Path) -> None:
    """However the path is given, and whatever kind of client asks; another path is another engine."""
    one, other = tmp_path / "one", tmp_path / "other"
    with (
        ochredb.PersistentClient(one) as first,
        ochredb.Client(settings(one / ".." / "one")) as second,
        ochredb.RustClient(f"{one}/") as third,
        ochredb.AdminClient(settings(one)) as admin,
        ochredb.PersistentClient(other) as elsewhere,
    ):
        assert first._engine is second._engine is third._engine is admin._engine
        assert elsewhere._engine is not first._engine
        first.create_collection("here", embedding_function=None)
        assert [found.name for found in second.list_collections()] == ["here"]
        assert elsewhere.count_collections() == 0


def test_tenants_and_databases_are_apart(tmp_path: Path) -> None:
    """The same name in two tenants, or in two databases of one, is two collections."""
    with ochredb.AdminClient(settings(tmp_path)) as admin:
        admin.create_tenant("acme")
        admin.create_database("shop", tenant="acme")
        admin.create_database("shop")
        scopes = [("acme", "shop"), ("default_tenant", "shop"), ("default_tenant", "default_database")]
        for tenant, database in scopes:
            with ochredb.PersistentClient(tmp_path, tenant=tenant, database=database) as client:
                client.create_collection("same", metadata={"of": f"{tenant}/{database}"}, embedding_function=None)
        for tenant, database in scopes:
            with ochredb.PersistentClient(tmp_path, tenant=tenant, database=database) as client:
                assert client.count_collections() == 1
                assert client.get_collection("same").metadata == {"of": f"{tenant}/{database}"}
        admin.delete_database("shop", tenant="acme")
        with pytest.raises(NotFoundError, match=r"Database \[shop\] not found"):
            ochredb.PersistentClient(tmp_path, tenant="acme", database="shop")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc on Linux only")
def test_the_last_to_close_gives_every_file_back(tmp_path: Path) -> None:
    """Files are open while a client or an admin client is, and none after the last, in whichever order they close."""
    holders = [
        ochredb.PersistentClient(tmp_path),
        ochredb.AdminClient(settings(tmp_path)),
        ochredb.PersistentClient(tmp_path),
    ]
    collection = holders[0].create_collection("name", embedding_function=None)
    collection.add(ids=[str(n) for n in range(100)], embeddings=[[float(n), 1.0] for n in range(100)])
    collection.query(query_embeddings=[[1.0, 1.0]])
    for holder in holders:
        assert open_files(tmp_path)
        holder.close()
        holder.close()
    gc.collect()
    assert open_files(tmp_path) == set()
    with pytest.raises(ClosedError):
        collection.count()


def test_a_class_makes_a_client_of_settings(tmp_path: Path) -> None:
    """The class behind the factories can be called too, as some packages do."""
    with Client(settings=settings(tmp_path)) as client, ochredb.PersistentClient(tmp_path) as made:
        assert isinstance(made, Client)
        assert isinstance(made, ochredb.ClientAPI)
        assert client._engine is made._engine


def test_clearing_the_cache_begins_anew() -> None:
    """The next client in memory finds nothing; the one that was open keeps what it has."""
    old = ochredb.EphemeralClient()
    name = f"collection-{uuid4()}"
    old.create_collection(name, embedding_function=None)
    SharedSystemClient.clear_system_cache()
    with ochredb.EphemeralClient() as new:
        assert new.count_collections() == 0
        assert old.get_collection(name).name == name
    old.close()


def test_identity_and_settings() -> None:
    """In a process everybody is nobody in particular; `configure` sets what `get_settings` gives."""
    with ochredb.EphemeralClient() as client:
        identity = client.get_user_identity()
        assert (identity.user_id, identity.tenant, identity.databases, identity.attributes) == (
            "",
            "default_tenant",
            ["default_database"],
            None,
        )
    ochredb.configure(allow_reset=True)
    assert ochredb.get_settings().allow_reset
    ochredb.configure()
    assert ochredb.get_settings() == ochredb.Settings()


def test_a_collection_as_a_model(client: ochredb.ClientAPI) -> None:
    """All that is known of a collection, by attribute and by key; an unknown key is None, as in Chroma."""
    collection = client.create_collection("model", metadata={"a": 1}, embedding_function=None)
    collection.add(ids=["a"], embeddings=[[1.0, 2.0]])
    model = client.get_collection("model").get_model()
    assert (model.id, model.name, model["metadata"], model["dimension"]) == (collection.id, "model", {"a": 1}, 2)
    assert (model["tenant"], model["database"]) == ("default_tenant", "default_database")
    assert model["configuration_json"] == collection.configuration_json
    assert model["no such key"] is None


@pytest.mark.parametrize("level", list(ochredb.ReadLevel))
def test_every_count_knows_all(collection: ochredb.Collection, level: ochredb.ReadLevel) -> None:
    """The read level makes no difference in a process."""
    assert collection.count(read_level=level) == 3


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda it: it.search(ochredb.Search()), "Search is not implemented for Local Chroma"),
        (lambda it: it.fork("other"), "Collection forking is not implemented for Local Chroma"),
        (lambda it: it.fork_count(), "Fork count is not implemented for Local Chroma"),
        (lambda it: it.get_indexing_status(), "Indexing status is not implemented for Local Chroma"),
        (
            lambda it: it.attach_function(None, "name", "output"),
            "Attached functions are only supported when connecting to a Chroma server via HttpClient.",
        ),
        (lambda it: it.get_attached_function("name"), "Attached functions are only supported when connecting"),
        (lambda it: it.detach_function("name"), "Attached functions are only supported when connecting"),
    ],
)
def test_what_only_a_server_does_is_refused(
    collection: ochredb.Collection, call: Callable[[Any], Any], text: str
) -> None:
    """It is a NotImplementedError that begins with Chroma's words, and names the engine."""
    with pytest.raises(NotImplementedError) as refused:
        call(collection)
    assert isinstance(refused.value, NotSupported)
    assert str(refused.value).startswith(text)
    assert "engine 'local'" in str(refused.value)

"""The programs of this folder, over HTTP: what a user sees of a collection does not depend on where it is."""

from collections.abc import Iterator

import pytest

import ochredb
from ochredb import errors
from tests.client.test_clients import (  # noqa: F401 # pytest runs them, with the fixtures of this module
    test_a_function_is_remembered,
    test_a_function_that_gives_too_few,
    test_a_function_that_nobody_registered,
    test_a_legacy_function,
    test_a_taken_name,
    test_a_wrong_signature_is_refused_first,
    test_bad_configuration,
    test_bad_metadata_of_a_collection,
    test_bad_names,
    test_configuration_is_what_was_said,
    test_embeddings_spare_the_function,
    test_functions_in_conflict,
    test_good_names,
    test_listing,
    test_more_than_a_batch,
    test_names_are_text,
    test_the_space_of_a_function,
    test_unknown_blocks_of_a_configuration,
)
from tests.client.test_collection import *  # noqa: F403 # likewise, all of them
from tests.client.test_schema import *  # noqa: F403 # likewise
from tests.serving import Served, serving

del test_whatever_comes_is_taken_or_refused  # noqa: F821 # it takes long, and is about what comes before the engine

# The programs ask for more results than a server usually gives.
BOUNDLESS = {"OCHRE_MAX_RESULTS": str(2**63 - 1), "OCHRE_MAX_HITS": str(2**63 - 1)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server of ours, a process of its own."""
    folder = tmp_path_factory.mktemp("served") / "data"
    with serving(folder, "--allow-reset", variables=BOUNDLESS) as server:
        yield server


@pytest.fixture
def client(server: Served) -> Iterator[ochredb.ClientAPI]:
    """Give a client of it, which is empty."""
    client = ochredb.HttpClient(server.host, server.port)
    client.reset()
    yield client
    client.close()


@pytest.fixture
def admin(server: Served) -> Iterator[ochredb.AdminAPI]:
    """Give a client for its tenants and databases."""
    settings = ochredb.Settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=server.host,
        chroma_server_http_port=server.port,
    )
    admin = ochredb.AdminClient(settings)
    yield admin
    admin.close()


def test_small_talk(client: ochredb.ClientAPI) -> None:
    """The server answers for itself."""
    assert client.heartbeat() > 1_600_000_000_000_000_000
    assert client.get_version() == ochredb.__version__
    assert client.get_max_batch_size() == 5461
    identity = client.get_user_identity()
    assert (identity.tenant, identity.databases) == ("default_tenant", ["default_database"])


def test_tenants_and_databases(server: Served, client: ochredb.ClientAPI, admin: ochredb.AdminAPI) -> None:
    """They are made, found, listed and deleted, and a client of one of them sees its collections alone."""
    admin.create_tenant("tenant")
    assert admin.get_tenant("tenant") == {"name": "tenant"}
    admin.create_database("first", "tenant")
    admin.create_database("second", "tenant")
    assert admin.get_database("first", "tenant")["name"] == "first"
    assert [one["name"] for one in admin.list_databases(tenant="tenant")] == ["first", "second"]
    assert [one["name"] for one in admin.list_databases(limit=1, offset=1, tenant="tenant")] == ["second"]
    for call in (lambda: admin.create_tenant("tenant"), lambda: admin.create_database("first", "tenant")):
        with pytest.raises(errors.UniqueConstraintError, match="already exists"):
            call()
    with pytest.raises(errors.NotFoundError):
        admin.create_database("third", "nobody")
    other = ochredb.HttpClient(server.host, server.port, tenant="tenant", database="first")
    made = other.create_collection("same", embedding_function=None)
    made.add(ids=["a"], embeddings=[[1]])
    client.create_collection("same", embedding_function=None)
    assert (made.count(), client.get_collection("same").count()) == (1, 0)
    assert (made.tenant, made.database) == ("tenant", "first")
    with pytest.raises(errors.NotFoundError):
        client.get_collection_by_id(made.id)
    admin.delete_database("first", "tenant")
    with pytest.raises(errors.NotFoundError):
        made.count()
    other.close()


def test_missing_tenants_and_databases(server: Served, client: ochredb.ClientAPI) -> None:
    """A client of what does not exist is refused at once, in Chroma's words."""
    with pytest.raises(errors.NotFoundError, match=r"^Tenant \[nobody\] not found"):
        ochredb.HttpClient(server.host, server.port, tenant="nobody")
    with pytest.raises(errors.NotFoundError, match=r"^Database \[nowhere\] not found. Are you sure it exists\?"):
        ochredb.HttpClient(server.host, server.port, database="nowhere")
    with pytest.raises(errors.NotFoundError):
        client.set_database("nowhere")
    assert (client.tenant, client.database) == ("default_tenant", "default_database")


def test_reset_is_the_servers_to_allow(client: ochredb.ClientAPI, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The server decides, whatever the client's settings say; the refusal is the class that it is in a process."""
    client.create_collection("gone", embedding_function=None)
    assert client.get_settings().allow_reset is False
    assert client.reset() is True
    assert client.count_collections() == 0
    with serving(tmp_path_factory.mktemp("careful") / "data") as careful:
        other = ochredb.HttpClient(careful.host, careful.port, settings=ochredb.Settings(allow_reset=True))
        with pytest.raises(errors.AuthorizationError, match="Reset is disabled by config"):
            other.reset()
        other.close()


def test_collections_of_the_cloud(collection: ochredb.Collection) -> None:
    """What our server does not do it refuses as an engine in a process does."""
    for call in (
        lambda: collection.search(ochredb.Search()),
        lambda: collection.fork("copy"),
        collection.fork_count,
        collection.get_indexing_status,
    ):
        with pytest.raises(errors.NotSupported):
            call()


def test_a_closed_client(server: Served) -> None:
    """A client that was closed says so, and so do its collections."""
    with ochredb.HttpClient(server.host, server.port) as client:
        collection = client.get_or_create_collection("closed", embedding_function=None)
    for call in (client.heartbeat, client.list_collections, collection.count):
        with pytest.raises(errors.ClosedError, match="closed"):
            call()
    client.close()


def test_clients_do_not_share(server: Served) -> None:
    """Each client has connections of its own: one that is closed leaves the others theirs."""
    first, second = (ochredb.HttpClient(server.host, server.port) for _ in range(2))
    first.close()
    assert second.heartbeat() > 0
    second.close()

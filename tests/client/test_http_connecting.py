"""What a client of a server asks first, where, and under which name: Chroma's settings, arguments and words."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import ochredb
from ochredb import errors
from ochredb.client import address
from ochredb.config import Settings
from tests.remote.faulty import COLLECTION, Faulty, hang_up, say

API = "/api/v2"


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """Give a server that keeps what it was asked, and an environment that names no other."""
    for name in ("CHROMA_API_KEY", "CHROMA_TENANT", "CHROMA_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    server = Faulty()
    yield server
    server.close()


def test_what_is_asked_first(faulty: Faulty) -> None:
    """Who one is, the tenant and the database, and once what the server can do."""
    client = ochredb.HttpClient("127.0.0.1", faulty.port)
    asked = [seen.path for seen in faulty.seen]
    tenant = f"{API}/tenants/default_tenant"
    assert asked == [
        f"{API}/auth/identity", f"{API}/pre-flight-checks", tenant, f"{tenant}/databases/default_database"
    ]  # fmt: skip
    client.set_tenant("default_tenant")
    assert [seen.path for seen in faulty.seen[4:]] == [tenant, f"{tenant}/databases/default_database"]
    assert faulty.seen[0].headers["content-type"] == "application/json"
    client.close()


def test_names_are_encoded(faulty: Faulty) -> None:
    """Names stand in paths percent-encoded, whatever is in them."""
    client = ochredb.HttpClient("127.0.0.1", faulty.port)
    faulty.answers["a%2Fb%20%C3%A9%3F%23"] = {"name": "a/b é?#"}
    client.set_tenant("a/b é?#")
    assert client.tenant == "a/b é?#"
    assert faulty.seen[-2].path == f"{API}/tenants/a%2Fb%20%C3%A9%3F%23"
    client.close()


URLS: dict[str, tuple[dict[str, Any], str]] = {
    "a host": ({"host": "db.example", "port": 9000}, "http://db.example:9000"),
    "a host with TLS": ({"host": "db.example", "port": 443, "ssl": True}, "https://db.example:443"),
    "a URL": ({"host": "http://db.example:9001", "port": 8000}, "http://db.example:9001"),
    "a URL without a port": ({"host": "https://db.example"}, "https://db.example"),
    "a URL with a path": ({"host": "https://proxy.example/chroma"}, "https://proxy.example/chroma"),
    "a URL with all of it": ({"host": "https://proxy.example/chroma/api/v2"}, "https://proxy.example/chroma"),
    "a number": ({"host": "10.0.0.7"}, "http://10.0.0.7:8000"),
    "a number of version 6": ({"host": "::1"}, "http://[::1]:8000"),
    "a port as a text": ({"host": "db.example", "port": "9000"}, "http://db.example:9000"),
}


@pytest.mark.parametrize("form", URLS)
def test_where_the_server_is(form: str) -> None:
    """A host gets the port; a URL says everything, and a path in it is kept."""
    given, wanted = URLS[form]
    told = {"host": "localhost", "port": 8000, "ssl": False, **given}
    assert address.url(address.served(None, **told, headers=None)) == wanted


def test_a_path_before_the_api(faulty: Faulty) -> None:
    """A server behind a proxy is asked under the proxy's path."""
    client = ochredb.HttpClient(f"{faulty.url}/some/where")
    assert faulty.seen[0].path == "/some/where/api/v2/auth/identity"
    client.close()


@pytest.mark.parametrize("host", ["db.example/path", "ftp://db.example"])
def test_hosts_that_are_none(host: str) -> None:
    """Something like a URL of no protocol of ours is refused, in Chroma's words."""
    with pytest.raises(ValueError, match=r"^Invalid URL\. Unrecognized protocol - (ftp)?\. "):
        ochredb.HttpClient(host)


def test_settings_that_contradict() -> None:
    """Settings and arguments that name different servers are refused, in Chroma's words."""
    text = r"^Chroma server host provided in settings\[b\] is different to the one provided in HttpClient: \[a\]"
    with pytest.raises(ValueError, match=text):
        ochredb.HttpClient("a", settings=Settings(chroma_server_host="b"))
    text = r"^Chroma server http port provided in settings\[9\] is different to the one provided in HttpClient: \[8\]"
    with pytest.raises(ValueError, match=text):
        ochredb.HttpClient("a", 8, settings=Settings(chroma_server_http_port=9))


def test_settings_alone(faulty: Faulty) -> None:
    """The settings that programs make for Chroma open a server, for both kinds of client."""
    settings = Settings()
    settings.chroma_api_impl = "chromadb.api.fastapi.FastAPI"
    settings.chroma_server_host, settings.chroma_server_http_port = "127.0.0.1", faulty.port
    client = ochredb.Client(settings)
    assert client.get_version() == "1.0.0"
    client.close()
    admin = ochredb.AdminClient(settings)
    assert admin.get_tenant("default_tenant") == {"name": "default_tenant"}
    admin.close()
    nowhere = Settings(chroma_api_impl="chromadb.api.fastapi.FastAPI")
    with pytest.raises(ValueError, match="Missing required config value 'chroma_server_host'"):
        ochredb.Client(nowhere)


def test_the_callers_settings_stay_as_they_are(faulty: Faulty) -> None:
    """Settings may be used for the next client too; the client's own say where it is."""
    settings = Settings()
    client = ochredb.HttpClient("127.0.0.1", faulty.port, headers={"x-one": "1"}, settings=settings)
    assert settings == Settings()
    assert client.get_settings().chroma_server_http_port == faulty.port
    client.close()


TOKEN = "chromadb.auth.token_authn.TokenAuthClientProvider"
BASIC = "chromadb.auth.basic_authn.BasicAuthClientProvider"
HEADERS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"provider": TOKEN, "credentials": "sk-1"}, {"authorization": "Bearer sk-1"}),
    ({"provider": TOKEN, "credentials": "sk-1", "header": "X-Chroma-Token"}, {"x-chroma-token": "sk-1"}),
    (
        {"provider": TOKEN, "credentials": "sk-1", "header": ochredb.TokenTransportHeader.X_CHROMA_TOKEN},
        {"x-chroma-token": "sk-1"},
    ),
    ({"provider": BASIC, "credentials": "u:p"}, {"authorization": "Basic dTpw"}),
]


@pytest.mark.parametrize("row", range(len(HEADERS)))
def test_credentials(faulty: Faulty, row: int) -> None:
    """Credentials go in the header that Chroma's client sends them in, awaited or not, beside those of the caller."""
    given, wanted = HEADERS[row]
    settings = Settings(
        chroma_client_auth_provider=given["provider"],
        chroma_client_auth_credentials=given["credentials"],
        chroma_auth_token_transport_header=given.get("header"),
        chroma_server_headers={"x-one": "1"},
    )
    client = ochredb.HttpClient("127.0.0.1", faulty.port, headers={"x-two": "2"}, settings=settings)
    client.close()

    async def program() -> None:
        other = await ochredb.AsyncHttpClient("127.0.0.1", faulty.port, headers={"x-two": "2"}, settings=settings)
        await other.close()

    asyncio.run(program())
    assert len(faulty.seen) == 8
    for seen in faulty.seen:
        assert wanted.items() <= seen.headers.items()
        assert (seen.headers["x-one"], seen.headers["x-two"]) == ("1", "2")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"chroma_client_auth_provider": "os.system"}, "chroma_client_auth_provider: expected a class called"),
        ({"chroma_client_auth_provider": TOKEN}, "chroma_client_auth_credentials: .* needs them, got none"),
        (
            {
                "chroma_client_auth_provider": TOKEN,
                "chroma_client_auth_credentials": "x",
                "chroma_auth_token_transport_header": "Cookie",
            },
            "chroma_auth_token_transport_header: expected Authorization or X-Chroma-Token, got 'Cookie'",
        ),
        ({"chroma_server_api_default_path": "/api/v1"}, "chroma_server_api_default_path: expected /api/v2"),
    ],
)
def test_settings_that_cannot_be_followed(given: dict[str, Any], text: str) -> None:
    """What cannot be sent, or not as it is asked for, is refused before anything is sent."""
    with pytest.raises(ValueError, match=text):
        ochredb.HttpClient("127.0.0.1", 1, settings=Settings(**given))


def test_the_cloud(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key goes as X-Chroma-Token, and says which tenant and database are meant where nobody else does."""
    with pytest.raises(ValueError, match=r"^Missing required arguments: api_key"):
        ochredb.CloudClient()
    where: dict[str, Any] = {"cloud_host": "127.0.0.1", "cloud_port": faulty.port, "enable_ssl": False}
    faulty.answers["identity"] = {"user_id": "u", "tenant": "t-1", "databases": ["own"]}
    faulty.answers["t-1"], faulty.answers["own"] = {"name": "t-1"}, {"id": "1", "name": "own", "tenant": "t-1"}
    client = ochredb.CloudClient(api_key="ck-1", **where)
    assert (client.tenant, client.database) == ("t-1", "own")
    assert {seen.headers["x-chroma-token"] for seen in faulty.seen} == {"ck-1"}
    assert client.get_user_identity().user_id == "u"
    client.close()
    monkeypatch.setenv("CHROMA_API_KEY", "ck-2")
    monkeypatch.setenv("CHROMA_DATABASE", "default_database")
    faulty.answers["named"] = {"name": "named"}
    client = ochredb.CloudClient(tenant="named", **where)
    assert client.tenant == "named"
    client.close()


def test_several_databases_want_a_name(faulty: Faulty) -> None:
    """A key that is good for several databases does not choose one."""
    where: dict[str, Any] = {"cloud_host": "127.0.0.1", "cloud_port": faulty.port, "enable_ssl": False}
    for databases in (["one", "two"], ["*"]):
        faulty.answers["identity"] = {"user_id": "u", "tenant": "default_tenant", "databases": databases}
        client = ochredb.CloudClient(api_key="ck-1", **where)
        assert client.database == "default_database"
        client.close()


@pytest.mark.parametrize("fault", [hang_up, say(200, b"<html>")])
def test_a_server_of_something_else(faulty: Faulty, fault: Any) -> None:
    """Where no Chroma answers, the client is not made."""
    faulty.faults = [fault]
    with pytest.raises((ValueError, errors.InternalError)):
        ochredb.HttpClient("127.0.0.1", faulty.port)


def test_refused_at_the_door(faulty: Faulty) -> None:
    """A client that is not let in says why."""
    faulty.faults = [say(403, {"error": "AuthError", "message": "who are you?"})]
    with pytest.raises(errors.ChromaAuthError):
        ochredb.HttpClient("127.0.0.1", faulty.port)


CLOUD = {
    "search": {"ids": [["a"]], "documents": [["x"]], "embeddings": [None], "metadatas": [None], "scores": [[0.5]],
               "select": [["#document", "#score"]]},
    "fork": {**COLLECTION, "id": "00000000-0000-4000-8000-000000000002", "name": "copy"},
    "fork_count": {"count": 3},
    "indexing_status": {"op_indexing_progress": 0.5, "num_unindexed_ops": 1, "num_indexed_ops": 1, "total_ops": 2},
}  # fmt: skip


def test_a_server_that_does_what_the_cloud_does(faulty: Faulty) -> None:
    """Searches, copies and the state of the index are asked of a server, which may know them; texts go as vectors."""
    faulty.answers |= CLOUD
    client = ochredb.HttpClient("127.0.0.1", faulty.port)
    collection = client.get_or_create_collection("made", embedding_function=Letters())
    search = ochredb.Search(where=ochredb.K("n") == 1, rank=ochredb.Knn(query="text"), limit=2)
    assert collection.search(search.select(ochredb.K.DOCUMENT)).rows() == [[{"id": "a", "document": "x", "score": 0.5}]]
    (asked,) = faulty.asked("search")
    assert asked.body["searches"][0]["filter"] == {"n": {"$eq": 1}}
    assert asked.body["searches"][0]["rank"]["$knn"]["query"] == [4.0, 1.0]
    assert collection.fork("copy").name == "copy"
    assert faulty.asked("fork")[0].body == {"new_name": "copy"}
    assert collection.fork_count() == 3
    assert collection.get_indexing_status().op_indexing_progress == 0.5
    with pytest.raises(ValueError, match="the schema has no embedding function for it"):
        collection.search(ochredb.Search(rank=ochredb.Knn(query="text", key="sparse")))
    client.close()


class Letters(ochredb.EmbeddingFunction[Any]):
    """Embeds a text as its length."""

    def __init__(self) -> None:
        pass

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give two numbers a text."""
        return [[len(text), 1.0] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name that a collection remembers."""
        return "tests_http_letters"

    def get_config(self) -> dict[str, Any]:
        """Give nothing."""
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Letters":
        """Make one of nothing."""
        del config
        return Letters()


CONNECT = ["memory:", "file:{folder}", "http://127.0.0.1:{port}", "http://u:p@127.0.0.1:{port}/?timeout=5&retries=0"]


@pytest.mark.parametrize("url", CONNECT)
def test_connect(faulty: Faulty, tmp_path: Any, url: str) -> None:
    """A URL names what is opened."""
    client = ochredb.connect(url.format(folder=tmp_path / "data", port=faulty.port))
    assert client.heartbeat() > 0
    assert (tmp_path / "data").is_dir() == url.startswith("file:")
    assert [seen.headers.get("authorization") for seen in faulty.seen[:1]] in ([], [None], ["Basic dTpw"])
    client.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ftp://host", "expected a URL that begins with one of file:, memory:, http:, https:"),
        ("./folder", "expected a URL that begins with"),
        ("http://host?speed=1", "speed"),
        ("http://u:secret@host?timeout=soon", "timeout"),
    ],
)
def test_urls_that_mean_nothing(url: str, text: str) -> None:
    """A URL that means nothing is refused, without what may be secret in it."""
    with pytest.raises(ValueError, match=text) as refused:
        ochredb.connect(url)
    assert "secret" not in str(refused.value)

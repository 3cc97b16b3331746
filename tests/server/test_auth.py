"""Who is let in, to what, and who is not: asked of a server over the wire."""

import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ochredb.chroma.operations import OPERATIONS, Operation
from ochredb.server.keys import FILE, KeyFile
from tests.server.commands import ochre
from tests.serving import DATABASE, Served, serving

COLLECTIONS = f"{DATABASE}/collections"

KEYS = {
    "reader": ("reader", None, None, None),
    "writer": ("writer", None, None, None),
    "admin": ("admin", None, None, None),
    "guest": ("reader", "default_tenant", "default_database", "docs-*"),
    "author": ("writer", "default_tenant", "default_database", "docs-*"),
    "tenant": ("admin", "default_tenant", None, None),
    "other": ("admin", "elsewhere", None, None),
}
OPEN = {"root", "heartbeat", "healthcheck"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the place of the database."""
    return tmp_path_factory.mktemp("auth") / "store"


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """Make a key of each kind."""
    file = KeyFile(folder / FILE)
    return {name: file.create(name, role, *limits) for name, (role, *limits) in KEYS.items()}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(folder: Path, keys: dict[str, str]) -> Iterator[Served]:
    """Run a server that has keys."""
    assert keys
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def collections(server: Served, keys: dict[str, str]) -> dict[str, str]:
    """Make collections and give their ids."""
    names = ("docs-1", "secret")
    return {name: server.ask("POST", COLLECTIONS, {"name": name}, key=keys["admin"]).json["id"] for name in names}


def path_of(operation: Operation) -> str:
    """Fill a path with names that lead nowhere."""
    return operation.url(
        tenant="nowhere", database="none", collection_id=str(uuid4()), name="none",
        function="none", crn="a:b:c",
    )  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_wants_a_key(operation: Operation, server: Served) -> None:
    """But heartbeat and health none answers without one, or with a wrong one, and the body is not even read."""
    answers = [
        server.ask(operation.method, path_of(operation), None if operation.name in OPEN else b"{broken", key=key)
        for key in (None, "ochre_wrong")
    ]
    if operation.name in OPEN:
        assert [answer.status for answer in answers] == [200, 200]
        return
    for answer in answers:
        assert (answer.status, answer.json["error"]) == (401, "AuthError")
        assert answer.headers["www-authenticate"] == 'Bearer realm="ochre"'


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
def test_a_role_may_do_what_it_says_and_no_more(
    operation: Operation, role: str, server: Served, keys: dict[str, str]
) -> None:
    """Of each operation: a lower role is refused, and the same or a higher one is not."""
    order = ("reader", "writer", "admin")
    if operation.role is None:
        return
    answer = server.ask(operation.method, path_of(operation), b"[]", key=keys[role])
    refused = answer.status == 403 and "takes the role" in answer.json["message"]
    assert refused is (order.index(role) < order.index(operation.role)), answer


@pytest.mark.parametrize("path", ["/metrics", "/stats", "/openapi.json", "/docs", "/none", "/api/v1/heartbeat", "/"])
def test_other_paths_want_a_key_too(path: str, server: Served, keys: dict[str, str]) -> None:
    """Also those that lead nowhere; a path is no operation by being written in another way."""
    assert server.ask("GET", path).status == 401
    assert server.ask("GET", path, key=keys["reader"]).status != 401
    assert server.ask("GET", "/api/v2/%68eartbeat").status == 401
    assert server.ask("GET", "/api/v2/heartbeat/").status == 401


@pytest.mark.parametrize("path", ["/metrics", "/stats", "/openapi.json", "/docs", "/healthz", "/api/v1/heartbeat"])
def test_a_path_with_a_line_break_leads_nowhere(path: str, server: Served, keys: dict[str, str]) -> None:
    """Where patterns end before one, a key to one tenant would be told of all."""
    assert server.ask("GET", f"{path}%0A").status == 401
    assert server.ask("GET", f"{path}%0A", key=keys["guest"]).status == 404


def test_health_wants_none(server: Served) -> None:
    """A load balancer has no key."""
    assert [server.ask("GET", path).status for path in ("/healthz", "/readyz")] == [200, 200]


def test_a_key_comes_in_three_headers(server: Served, keys: dict[str, str]) -> None:
    """As Chroma's clients send it, in either case of the scheme; beside another's header it is found."""
    token = keys["reader"]
    basic = "Basic " + b64encode(f"anybody:{token}".encode()).decode()
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"authorization": f"bearer {token}"},
        {"X-Chroma-Token": token},
        {"Authorization": basic},
        {"Authorization": "Bearer other", "X-Chroma-Token": token},
    ):
        assert server.ask("GET", "/api/v2/version", headers=headers).status == 200, headers


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"nocolon").decode(),
        "Digest x",
        "ü",
        "Bearer ü",
    ],
)
def test_rubbish_in_the_header_is_no_key(value: str, server: Served) -> None:
    """It is refused as no key is, and is no fault of the server."""
    for name in ("Authorization", "X-Chroma-Token"):
        assert server.ask("GET", "/api/v2/version", headers={name: value}).status == 401


def test_a_stranger_is_refused_before_the_body_comes(server: Served) -> None:
    """The answer does not wait for it."""
    head = f"POST {COLLECTIONS} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_of_many_headers_the_first_counts(server: Served, keys: dict[str, str]) -> None:
    """Nobody has a hundred passwords compared by one request."""
    with server.socket() as connection:
        tried = b"".join(b"x-chroma-token: tried\r\n" for _ in range(100))
        good = f"x-chroma-token: {keys['admin']}\r\n".encode()
        connection.sendall(b"GET /api/v2/version HTTP/1.1\r\nhost: localhost\r\n" + tried + good + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_collection_is_known_by_its_name_also_where_the_path_has_its_id(
    server: Served, keys: dict[str, str], collections: dict[str, str]
) -> None:
    """A key for `docs-*` reads and writes these, and no other, by name and by id."""
    mine, other = collections["docs-1"], collections["secret"]
    row = {"ids": ["a"], "embeddings": [[1.0, 2.0]]}
    assert server.ask("POST", f"{COLLECTIONS}/{mine}/add", row, key=keys["author"]).status == 201
    assert server.ask("POST", f"{COLLECTIONS}/{mine}/get", {}, key=keys["guest"]).json["ids"] == ["a"]
    assert server.ask("GET", f"{COLLECTIONS}/docs-1", key=keys["guest"]).status == 200
    for method, path, body in (
        ("POST", f"{other}/add", row),
        ("POST", f"{other}/get", {}),
        ("GET", f"{other}/count", None),
        ("GET", "secret", None),
        ("GET", f"by-id/{other}", None),
        ("DELETE", "secret", None),
        ("PUT", other, {"new_name": "docs-mine"}),
    ):
        answer = server.ask(method, f"{COLLECTIONS}/{path}", body, key=keys["author"])
        assert (answer.status, answer.json["error"]) == (403, "AuthorizationError"), (method, path, answer)
    assert server.ask("GET", f"{COLLECTIONS}/{uuid4()}/count", key=keys["guest"]).status == 404
    assert server.ask("GET", f"{COLLECTIONS}/{other}/count", key=keys["admin"]).json == 0


def test_a_body_cannot_name_what_the_path_could_not(
    server: Served, keys: dict[str, str], collections: dict[str, str]
) -> None:
    """A collection is neither made nor renamed out of what a key is good for."""
    assert server.ask("POST", COLLECTIONS, {"name": "docs-2"}, key=keys["author"]).status == 200
    assert server.ask("POST", COLLECTIONS, {"name": "mine"}, key=keys["author"]).status == 403
    assert server.ask("POST", COLLECTIONS, {"name": "secret", "get_or_create": True}, key=keys["author"]).status == 403
    renamed = server.ask("PUT", f"{COLLECTIONS}/{collections['docs-1']}", {"new_name": "mine"}, key=keys["author"])
    assert renamed.status == 403
    assert server.ask("GET", f"{COLLECTIONS}/docs-1", key=keys["author"]).status == 200


def test_what_is_about_all_collections_is_not_for_a_key_to_some(server: Served, keys: dict[str, str]) -> None:
    """It cannot list or count what it must not see, and learns who it is."""
    for path in (COLLECTIONS, f"{COLLECTIONS}_count", "/metrics", "/stats"):
        assert server.ask("GET", path, key=keys["guest"]).status == 403, path
    for path in (
        "version",
        "pre-flight-checks",
        "tenants/default_tenant",
        "tenants/default_tenant/databases/default_database",
    ):
        assert server.ask("GET", f"/api/v2/{path}", key=keys["guest"]).status == 200, path
    assert server.ask("GET", "/api/v2/auth/identity", key=keys["guest"]).json == {
        "user_id": "", "tenant": "default_tenant", "databases": ["default_database"],
    }  # fmt: skip


def test_a_key_to_one_tenant_is_none_to_another(
    server: Served, keys: dict[str, str], collections: dict[str, str]
) -> None:
    """Neither by a path with its name nor by a path of the own tenant with the id of another's collection."""
    for method, path in (
        ("GET", "/api/v2/tenants/default_tenant"),
        ("GET", "/api/v2/tenants/default_tenant/databases"),
        ("GET", COLLECTIONS),
        ("GET", f"{COLLECTIONS}/{collections['secret']}/count"),
        ("DELETE", "/api/v2/tenants/default_tenant/databases/default_database"),
        ("POST", "/api/v2/reset"),
        ("POST", "/api/v2/tenants"),
        ("GET", "/metrics"),
    ):
        assert server.ask(method, path, b"{}", key=keys["other"]).status == 403, path
    assert server.ask("POST", "/api/v2/tenants", {"name": "elsewhere"}, key=keys["admin"]).status == 200
    own = "/api/v2/tenants/elsewhere/databases"
    assert server.ask("POST", own, {"name": "own"}, key=keys["other"]).status == 200
    stolen = server.ask("GET", f"{own}/own/collections/{collections['secret']}/count", key=keys["other"])
    assert stolen.status == 404
    assert server.ask("GET", "/api/v2/tenants/default_tenant/databases", key=keys["tenant"]).status == 200


def test_keys_come_and_go_while_a_server_runs(server: Served, folder: Path) -> None:
    """What `ochre keys` does holds for the next request, in every server on the folder."""
    with serving(folder) as second:
        made = ochre("keys", "create", "--name", "new", "--role", "reader", "--path", folder).stdout.strip()
        for one in (server, second):
            assert one.ask("GET", "/api/v2/version", key=made).status == 200
        assert ochre("keys", "revoke", "new", "--path", folder).returncode == 0
        for one in (server, second):
            assert one.ask("GET", "/api/v2/version", key=made).status == 401


def test_a_key_ends_when_its_time_is_over(server: Served, folder: Path) -> None:
    """The server says so, to its holder alone."""
    token = KeyFile(folder / FILE).create("short", "reader", expires=timedelta(seconds=1))
    time.sleep(1.1)
    answer = server.ask("GET", "/api/v2/version", key=token)
    assert (answer.status, answer.json["message"]) == (401, "the key 'short' has expired")


def test_a_damaged_file_of_keys_lets_nobody_in(tmp_path: Path) -> None:
    """It is a fault of the server until it is mended, and no traceback or path tells of it."""
    folder = tmp_path / "store"
    token = KeyFile(folder / FILE).create("a", "admin")
    with serving(folder) as server:
        whole = (folder / FILE).read_bytes()
        (folder / FILE).write_bytes(whole[:-5])
        broken = server.ask("GET", "/api/v2/version", key=token)
        (folder / FILE).write_bytes(whole)
        assert server.ask("GET", "/api/v2/version", key=token).status == 200
    assert broken.status == 500
    assert str(tmp_path) not in str(broken)

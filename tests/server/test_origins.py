"""What pages in a browser may ask."""

from pathlib import Path

import pytest

from ochredb.server.keys import FILE, KeyFile
from tests.serving import DATABASE, Served, serving

COLLECTIONS = f"{DATABASE}/collections"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8000", "a.localhost"])
def test_a_server_without_keys_answers_to_its_own_machine(host: str, served: Served) -> None:
    """Under each of its names."""
    assert served.ask("GET", "/api/v2/version", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "localhost.evil.test", "evil.test@localhost", "192.0.2.1", "[", "[::2]", ":"]
)
def test_a_server_without_keys_answers_to_no_other_name(host: str, served: Served) -> None:
    """A page gets in under no name that was made to lead here."""
    assert served.ask("GET", "/api/v2/version", headers={"host": host}).status == 403


@pytest.mark.parametrize(
    ("origin", "status"), [("https://evil.test", 403), ("null", 403), ("http://[", 403), ("own", 200)]
)
def test_a_strange_page_cannot_write(origin: str, status: int, served: Served) -> None:
    """Though a browser sends what it asks for; a page of the server's own may."""
    host = f"localhost:{served.port}"
    headers = {"host": host, "origin": f"http://{host}" if origin == "own" else origin}
    assert served.ask("POST", COLLECTIONS, {"name": "page", "get_or_create": True}, headers).status == status


def test_with_keys_it_answers_to_any_name(tmp_path: Path) -> None:
    """From the first key on, which strangers do not have."""
    folder = tmp_path / "store"
    with serving(folder) as server:
        assert server.ask("GET", "/api/v2/version", headers={"host": "db.example"}).status == 403
        token = KeyFile(folder / FILE).create("first", "reader")
        assert server.ask("GET", "/api/v2/version").status == 401
        assert server.ask("GET", "/api/v2/version", key=token, headers={"host": "db.example"}).status == 200


def test_pages_of_other_origins_are_let_in_by_name(served: Served, tmp_path: Path) -> None:
    """Those that the settings name, with Chroma's variable too; by default no answer says anything about origins."""
    asked = {"origin": "https://app.test", "access-control-request-method": "POST"}
    plain = served.ask("OPTIONS", COLLECTIONS, headers=asked)
    assert (plain.status, [name for name in plain.headers if name.startswith("access-")]) == (403, [])
    with serving(tmp_path / "open", variables={"CHROMA_CORS_ALLOW_ORIGINS": '["https://app.test"]'}) as server:
        allowed = server.ask("OPTIONS", COLLECTIONS, headers=asked)
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "https://app.test")
        missing = server.ask("GET", f"{COLLECTIONS}/none", headers={"origin": "https://app.test"})
        assert (missing.status, missing.headers["access-control-allow-origin"]) == (404, "https://app.test")
        assert server.ask("GET", "/api/v2/version", headers={"origin": "https://evil.test"}).status == 403

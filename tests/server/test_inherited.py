"""Chroma's old variables of authentication: they work, or stop the start."""

import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from ochredb.core.errors import BadValue
from ochredb.server.inherited import inherited
from ochredb.server.keys import FILE, KeyFile
from tests.server.commands import refused
from tests.serving import DATABASE, MAIN, environment, serving

COLLECTIONS = f"{DATABASE}/collections"

HASH = "$2b$04$RkA5aTp6uZ1TeAvw3pBA0uLPZfIYBVYdnX6QyBOxxzTTIGtxSMMHm"


def chroma(kind: str, **given: str) -> dict[str, str]:
    """Give the variables of a server of Chroma 0.5 with a provider of this kind."""
    providers = {
        "token": "chromadb.auth.token_authn.TokenAuthenticationServerProvider",
        "basic": "chromadb.auth.basic_authn.BasicAuthenticationServerProvider",
    }
    return {"CHROMA_SERVER_AUTHN_PROVIDER": providers.get(kind, kind), **given}


def test_the_token_of_chromas_variables_is_a_key(tmp_path: Path) -> None:
    """Beside those of the file; the header that they name is one that is read anyway."""
    folder = tmp_path / "store"
    own = KeyFile(folder / FILE).create("own", "reader")
    variables = chroma(
        "token", CHROMA_SERVER_AUTHN_CREDENTIALS="sk-1", CHROMA_AUTH_TOKEN_TRANSPORT_HEADER="X-Chroma-Token"
    )
    with serving(folder, "--host", "0.0.0.0", variables=variables) as server:
        assert server.ask("GET", "/api/v2/version").status == 401
        assert server.ask("GET", "/api/v2/version", key="sk-2").status == 401
        assert server.ask("GET", "/api/v2/version", headers={"x-chroma-token": "sk-1"}).status == 200
        assert server.ask("POST", "/api/v2/tenants", {"name": "acme"}, key="sk-1").status == 200
        assert server.ask("GET", "/api/v2/version", key=own).status == 200


def test_the_users_of_chromas_token_file(tmp_path: Path) -> None:
    """Each of a user's tokens opens the user's tenant and database."""
    users = tmp_path / "users.yaml"
    users.write_text(
        "users:\n- {id: a, role: admin, tokens: [t1, t2]}\n- {id: b, tenant: acme, databases: [d], tokens: [t3]}\n"
    )
    with serving(
        tmp_path / "store", variables=chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS_FILE=str(users))
    ) as server:
        for token, status in (("t1", 200), ("t2", 200), ("t3", 403), ("t4", 401)):
            assert server.ask("GET", COLLECTIONS, key=token).status == status
        assert server.ask("GET", "/api/v2/auth/identity", key="t3").json["databases"] == ["d"]


def test_the_users_of_an_htpasswd_file(tmp_path: Path) -> None:
    """A password is compared with its bcrypt hash; a second time from memory."""
    bcrypt = pytest.importorskip("bcrypt", reason="passwords are compared by the package bcrypt")
    hashed = bcrypt.hashpw(b"s3cret:x", bcrypt.gensalt(4)).decode()
    file = tmp_path / "server.htpasswd"
    file.write_text(f"admin:{hashed}\n\n")
    with serving(
        tmp_path / "store", variables=chroma("basic", CHROMA_SERVER_AUTHN_CREDENTIALS_FILE=str(file))
    ) as server:
        for user, password, status in (
            ("admin", "s3cret:x", 200), ("admin", "s3cret:x", 200), ("admin", "wrong", 401), ("admin", "", 401),
            ("nobody", "s3cret:x", 401), ("admin", "\0", 401), ("admin", "x" * 100, 401),
        ):  # fmt: skip
            basic = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
            assert server.ask("GET", "/api/v2/version", headers={"authorization": basic}).status == status
        assert server.ask("GET", "/api/v2/version", key="s3cret:x").status == 401


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (chroma("token"), "one of CHROMA_SERVER_AUTHN_CREDENTIALS and CHROMA_SERVER_AUTHN_CREDENTIALS_FILE, got none"),
        (chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS="TOP", CHROMA_SERVER_AUTHN_CREDENTIALS_FILE="x"), "got both"),
        (chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS_FILE="/none"), "cannot read /none"),
        (chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS="users:\n- TOP: x"), "each with an 'id' and 'tokens'"),
        (chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS="a: [\nTOP"), "each with an 'id' and 'tokens'"),
        (
            chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS="users:\n- {id: a, tokens: [TOP], databases: [a, b]}"),
            "user 'a' has 2 databases",
        ),
        (chroma("token", CHROMA_SERVER_AUTHN_CREDENTIALS="  "), "holds no credentials"),
        (chroma("basic", CHROMA_SERVER_AUTHN_CREDENTIALS="a:TOP"), "line 1: expected user:hash with a bcrypt hash"),
        (chroma("basic", CHROMA_SERVER_AUTHN_CREDENTIALS=f"a:{HASH}\na:{HASH}"), "line 2: the user 'a' comes twice"),
        (chroma("my.own.Provider", CHROMA_SERVER_AUTHN_CREDENTIALS="TOP"), "got 'my.own.Provider'"),
        ({"CHROMA_SERVER_AUTHN_CREDENTIALS": "TOP"}, "without CHROMA_SERVER_AUTHN_PROVIDER has no effect"),
        ({"CHROMA_SERVER_AUTHZ_PROVIDER": "x"}, "CHROMA_SERVER_AUTHZ_PROVIDER has no effect"),
        ({"CHROMA_SERVER_AUTHZ_CONFIG_FILE": "x"}, "CHROMA_SERVER_AUTHZ_CONFIG_FILE has no effect"),
        ({"CHROMA_SERVER_AUTH_PROVIDER": "token"}, "CHROMA_SERVER_AUTH_PROVIDER has no effect"),
        ({"CHROMA_SERVER_AUTH_IGNORE_PATHS": "{}"}, "CHROMA_SERVER_AUTH_IGNORE_PATHS has no effect"),
        ({"CHROMA_AUTH_TOKEN_TRANSPORT_HEADER": "X-Own"}, "expected Authorization or X-Chroma-Token, got 'X-Own'"),
    ],
)
def test_what_of_chromas_variables_does_not_work_is_refused(variables: dict[str, str], told: str) -> None:
    """With a line that names the variable and no secret; silence would leave a server open that was to be closed."""
    with pytest.raises(BadValue) as caught:
        inherited(variables)
    assert told in caught.value.message()
    assert "TOP" not in caught.value.message()
    assert HASH not in caught.value.message()


def test_other_variables_are_none_of_them() -> None:
    """Those of clients, of other settings, and empty ones."""
    others = {"CHROMA_CLIENT_AUTH_CREDENTIALS": "x", "CHROMA_SERVER_HOST": "x", "CHROMA_SERVER_AUTHN_PROVIDER": ""}
    assert inherited({**others, "CHROMA_AUTH_TOKEN_TRANSPORT_HEADER": "Authorization"}) is None


def test_they_stop_the_start(tmp_path: Path) -> None:
    """Nothing is made, and nobody is served."""
    assert "CHROMA_SERVER_AUTHZ_PROVIDER has no effect" in refused(tmp_path / "store", CHROMA_SERVER_AUTHZ_PROVIDER="x")


def test_chromas_variables_are_read_from_a_file_too(tmp_path: Path) -> None:
    """As Chroma did, from `.env` in the working directory."""
    (tmp_path / ".env").write_text("CHROMA_SERVER_AUTHZ_PROVIDER=x\n")
    ran = subprocess.run(
        [sys.executable, "-c", MAIN, "run", "--port", "0"],
        cwd=tmp_path, env=environment({}), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, "CHROMA_SERVER_AUTHZ_PROVIDER has no effect" in ran.stderr) == (1, True)

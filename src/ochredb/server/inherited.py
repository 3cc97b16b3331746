"""The variables by which servers of Chroma 0.4 to 0.6 were told who may ask: they work here, or stop the start.

Chroma 1.x lets everybody in and says nothing (contract 5.6); a user who set them meant to be protected.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ochredb.core.errors import BadValue
from ochredb.server.keys import Key, digest
from ochredb.server.passwords import Passwords

_PROVIDER = "CHROMA_SERVER_AUTHN_PROVIDER"
_CREDENTIALS = "CHROMA_SERVER_AUTHN_CREDENTIALS"
_FILE = "CHROMA_SERVER_AUTHN_CREDENTIALS_FILE"
_HEADER = "CHROMA_AUTH_TOKEN_TRANSPORT_HEADER"
_HEADERS = ("authorization", "x-chroma-token")
_PREFIXES = ("CHROMA_SERVER_AUTH_", "CHROMA_SERVER_AUTHN_", "CHROMA_SERVER_AUTHZ_")
_INSTEAD = "take it away, and make keys with 'ochre keys create', which have a role, a tenant and a database"
_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")


class Inherited(Struct, frozen=True):
    """Who may ask, as Chroma's variables say; all of them may do everything, as there."""

    keys: tuple[Key, ...] = ()
    passwords: Passwords | None = None


class _User(Struct):
    """A user in the YAML file of the token provider."""

    id: str
    tokens: list[str]
    role: str | None = None
    tenant: str = "*"
    databases: tuple[str, ...] = ("*",)


class _Users(Struct):
    users: list[_User]


def inherited(variables: Mapping[str, str]) -> Inherited | None:
    """Read Chroma's variables of authentication; None where there are none.

    Args:
        variables: Of the environment, names in capitals; an empty one says nothing.

    Raises:
        BadValue: One that does not work here, or is not understood: the server must not start. No text names a secret.
    """
    given = {name: value for name, value in variables.items() if value and name.startswith(_PREFIXES)}
    transport = variables.get(_HEADER)
    if transport and transport.lower() not in _HEADERS:
        raise BadValue(f"{_HEADER}: expected Authorization or X-Chroma-Token, got {transport!r}")
    if not given:
        return None
    for name in sorted(given.keys() - {_PROVIDER, _CREDENTIALS, _FILE}):
        raise BadValue(f"{name} has no effect in Ochre: {_INSTEAD}")
    provider = given.get(_PROVIDER)
    if provider is None:
        raise BadValue(f"{' and '.join(sorted(given))} without {_PROVIDER} has no effect in Ochre: {_INSTEAD}")
    reader = _READERS.get(provider.replace("ochredb.", "chromadb.", 1))
    if reader is None:
        raise BadValue(f"{_PROVIDER}: expected one of {', '.join(_READERS)}, got {provider!r}; or {_INSTEAD}")
    return reader(*_credentials(given))


def _credentials(given: Mapping[str, str]) -> tuple[list[str], str]:
    """Give the lines of the credentials, and the variable that they are from."""
    text, file = given.get(_CREDENTIALS), given.get(_FILE)
    if (text is None) == (file is None):
        raise BadValue(f"{_PROVIDER} wants one of {_CREDENTIALS} and {_FILE}, got {'both' if text else 'none'}")
    source = _CREDENTIALS if file is None else _FILE
    try:
        lines = (Path(file).read_text(encoding="utf-8") if file else str(text)).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"{source}: cannot read {file}: {error}") from error
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise BadValue(f"{source} holds no credentials")
    return lines, source


def _tokens(lines: list[str], source: str) -> Inherited:
    """Read one token, or YAML with the users and the tokens of each."""
    if len(lines) == 1:
        return Inherited((_key("anonymous", lines[0].strip()),))
    try:
        users = msgspec.yaml.decode("\n".join(lines), type=_Users).users
    except (msgspec.DecodeError, msgspec.ValidationError):  # its text might quote a token
        raise BadValue(f"{source}: expected one token, or YAML with 'users', each with an 'id' and 'tokens'") from None
    return Inherited(tuple(_key(user.id, token, *_scope(user, source)) for user in users for token in user.tokens))


def _scope(user: _User, source: str) -> tuple[str | None, str | None]:
    if len(user.databases) != 1:
        raise BadValue(
            f"{source}: user {user.id!r} has {len(user.databases)} databases, expected one or '*'; or {_INSTEAD}"
        )
    tenant, database = user.tenant, user.databases[0]
    return None if tenant == "*" else tenant, None if database == "*" else database


def _hashes(lines: list[str], source: str) -> Inherited:
    """Read the lines of an htpasswd file: `user:hash`."""
    hashes: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        user, _, hashed = line.strip().partition(":")
        if not user or not _BCRYPT.fullmatch(hashed):
            raise BadValue(
                f"{source}, line {number}: expected user:hash with a bcrypt hash, as 'htpasswd -B' writes it"
            )
        if user in hashes:
            raise BadValue(f"{source}, line {number}: the user {user!r} comes twice")
        hashes[user] = hashed.encode()
    return Inherited(passwords=Passwords(hashes))


def _key(name: str, token: str, tenant: str | None = None, database: str | None = None) -> Key:
    return Key(name=name, role="admin", digest=digest(token), tenant=tenant, database=database)


_READERS: dict[str, Callable[[list[str], str], Inherited]] = {
    "chromadb.auth.token_authn.TokenAuthenticationServerProvider": _tokens,
    "chromadb.auth.basic_authn.BasicAuthenticationServerProvider": _hashes,
}

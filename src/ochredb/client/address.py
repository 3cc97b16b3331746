"""How Chroma's clients are told where a server is -> its address (contract 1.2, 4.9, 5.6)."""

import os
from base64 import b64encode
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ochredb.chroma.settings import Settings
from ochredb.core.errors import BadValue
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT

if TYPE_CHECKING:
    from ochredb.remote.http.address import Address

API = "/api/v2"
TOKEN_HEADERS = ("Authorization", "X-Chroma-Token")


class Wire(Struct, frozen=True, forbid_unknown_fields=True):
    """What our clients let be said beyond Chroma's settings; None is the usual.

    Args:
        timeout: Seconds that connecting, and each wait for data, may take.
        retries: How often a request is made again that failed and may be made again.
        verify: Whether the server's certificate is verified, or a file or folder of certificates to verify it by.
    """

    timeout: float | None = None
    retries: int | None = None
    verify: bool | str | None = None


USUAL = Wire()


def served(settings: Settings | None, host: str, port: int, ssl: bool, headers: dict[str, str] | None) -> Settings:
    """Give settings that say what the arguments of `HttpClient` say; those that were given stay as they are.

    Raises:
        BadValue: Settings and arguments name different servers.
    """
    settled = copy(settings) if settings is not None else Settings()
    for what, said, given in (
        ("host", settled.chroma_server_host, host),
        ("http port", settled.chroma_server_http_port, port),
    ):
        if said and str(said) != str(given):
            raise BadValue(
                f"Chroma server {what} provided in settings[{said}] is different to the one provided in HttpClient: "
                f"[{given}]"
            )
    settled.chroma_api_impl = "chromadb.api.fastapi.FastAPI"
    settled.chroma_server_host, settled.chroma_server_http_port = host, port
    settled.chroma_server_ssl_enabled = ssl
    settled.chroma_server_headers = {**(settled.chroma_server_headers or {}), **(headers or {})} or None
    return settled


def keyed(settings: Settings | None, key: str | None) -> Settings:
    """Give settings with which a key is sent as Chroma's cloud wants it, and the one who has it may be told apart.

    Raises:
        BadValue: No key, neither as argument nor in the environment.
    """
    key = key or os.environ.get("CHROMA_API_KEY")
    if not key:
        raise BadValue("Missing required arguments: api_key. Please provide it or set the CHROMA_API_KEY variable")
    settled = copy(settings) if settings is not None else Settings()
    settled.chroma_client_auth_provider = "chromadb.auth.token_authn.TokenAuthClientProvider"
    settled.chroma_client_auth_credentials = key
    settled.chroma_auth_token_transport_header = "X-Chroma-Token"
    settled.chroma_overwrite_singleton_tenant_database_access_from_auth = True
    return settled


def cloud_scope(tenant: str | None, database: str | None) -> tuple[str, str]:
    """Give the tenant and database that a user of the cloud names, by arguments or in the environment."""
    return (
        tenant or os.environ.get("CHROMA_TENANT") or DEFAULT_TENANT,
        database or os.environ.get("CHROMA_DATABASE") or DEFAULT_DATABASE,
    )


def address(settings: Settings, wire: Wire = USUAL) -> "Address":
    """Read where the server is that settings name, and how it is spoken to.

    Raises:
        BadValue: They name no server, or credentials that cannot be sent.
    """
    from ochredb.remote.http.address import RETRIES, TIMEOUT, Address

    verify = settings.chroma_server_ssl_verify if wire.verify is None else wire.verify
    return Address(
        url=url(settings),
        headers={**(settings.chroma_server_headers or {}), **credentials(settings)},
        verify=True if verify is None else verify,
        timeout=TIMEOUT if wire.timeout is None else wire.timeout,
        retries=RETRIES if wire.retries is None else wire.retries,
        keepalive=settings.chroma_http_keepalive_secs,
        connections=settings.chroma_http_max_connections,
        idle=settings.chroma_http_max_keepalive_connections,
    )


def url(settings: Settings) -> str:
    """Give the URL of the server up to what comes before `/api/v2`.

    A host that is a URL says everything: no port is appended, and a path in it is kept.

    >>> url(Settings(chroma_server_host="https://proxy/chroma/api/v2", chroma_server_http_port=8000))
    'https://proxy/chroma'

    Raises:
        BadValue: The host is a URL of another scheme, or none is set.
    """
    host = settings.require("chroma_server_host")
    if settings.chroma_server_api_default_path != API:
        raise BadValue(
            f"chroma_server_api_default_path: expected {API}, the one version that there is, "
            f"got {settings.chroma_server_api_default_path!r}"
        )
    if "/" not in host:
        scheme = "https" if settings.chroma_server_ssl_enabled else "http"
        port = settings.chroma_server_http_port
        named = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
        return f"{scheme}://{named}" + (f":{port}" if port is not None else "")
    found = urlsplit(host)
    if found.scheme not in ("http", "https"):
        raise BadValue(
            f"Invalid URL. Unrecognized protocol - {found.scheme}. Expected a host, or http:// or https:// and a host, "
            f"got {host!r}"
        )
    return f"{found.scheme}://{found.netloc}{found.path.rstrip('/').removesuffix(API)}"


def credentials(settings: Settings) -> dict[str, str]:
    """Give the header that the settings' credentials are sent in; none without a provider.

    Raises:
        BadValue: A provider that there is not, or one without credentials.
    """
    provider = settings.chroma_client_auth_provider
    if not provider:
        return {}
    made = PROVIDERS.get(provider.rpartition(".")[2])
    if made is None:
        raise BadValue(
            f"chroma_client_auth_provider: expected a class called {' or '.join(PROVIDERS)}, got {provider!r}; "
            "other headers are given as headers={...}"
        )
    if not settings.chroma_client_auth_credentials:
        raise BadValue(f"chroma_client_auth_credentials: {provider} needs them, got none")
    return made(settings)


def read(text: str) -> "Address":
    """Read a URL: `https://user:password@host:8000/path?timeout=5`; the query has the names of `Wire`.

    What it does not say is said by the environment, as `Settings` reads it.

    Raises:
        BadValue: A part of it that means nothing.
    """
    found = urlsplit(text)
    try:
        wire = msgspec.convert(dict(parse_qsl(found.query)), Wire, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(Wire.__struct_fields__)
        raise BadValue(f"URL {_bare(found)!r}: {error}; what follows its ? may say {known}") from error
    said = {} if wire.verify is None else {"chroma_server_ssl_verify": wire.verify}
    told = address(Settings(chroma_server_host=_bare(found), **said), replace(wire, verify=None))
    return replace(told, headers={**told.headers, **_user(found)})


def _token(settings: Settings) -> dict[str, str]:
    header = settings.chroma_auth_token_transport_header or "Authorization"
    token = settings.chroma_client_auth_credentials or ""
    if header.title() not in TOKEN_HEADERS:
        raise BadValue(
            f"chroma_auth_token_transport_header: expected {' or '.join(TOKEN_HEADERS)}, got {header!r}; "
            "other headers are given as headers={...}"
        )
    return {header: f"Bearer {token}" if header.title() == "Authorization" else token}


def _basic(settings: Settings) -> dict[str, str]:
    return _encoded(settings.chroma_client_auth_credentials or "")


PROVIDERS: dict[str, Callable[[Settings], dict[str, str]]] = {
    "TokenAuthClientProvider": _token,
    "BasicAuthClientProvider": _basic,
}
"""Chroma's classes by the last part of their names, which is looked up and never imported."""


def _bare(found: SplitResult) -> str:
    """Give a URL without what is secret in it, and without its query."""
    return found._replace(netloc=found.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _user(found: SplitResult) -> dict[str, str]:
    if found.username is None and found.password is None:
        return {}
    return _encoded(f"{unquote(found.username or '')}:{unquote(found.password or '')}")


def _encoded(pair: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}

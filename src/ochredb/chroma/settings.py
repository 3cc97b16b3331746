"""Chroma's settings: keyword arguments before environment variables before a `.env` file before defaults."""

import json
import os
from collections.abc import Callable
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ochredb.core.errors import BadValue

SECRET = frozenset(("chroma_client_auth_credentials", "chroma_server_authn_credentials", "chroma_server_headers"))


class Settings:
    """What a client is told about where its data is and what it may do.

    A setting is given as a keyword argument, as an environment variable with its name in capitals, or in a `.env` file
    in the working directory. It may be assigned later, and read as an attribute or as `settings["name"]`. Unknown
    keyword arguments are ignored, as in Chroma; an unknown attribute is refused.

    Raises:
        BadValue: A value that is not of the setting's type, or the setting `chroma_db_impl` that Chroma 0.4 removed.
    """

    allow_reset: bool = False
    is_persistent: bool = False
    persist_directory: str = "./chroma"
    anonymized_telemetry: bool = True  # accepted; there is no telemetry
    chroma_api_impl: str = "chromadb.api.rust.RustBindingsAPI"

    chroma_server_host: str | None = None
    chroma_server_http_port: int | None = None
    chroma_server_headers: dict[str, str] | None = None
    chroma_server_ssl_enabled: bool | None = False
    chroma_server_ssl_verify: bool | str | None = None
    chroma_server_api_default_path: str = "/api/v2"
    chroma_http_keepalive_secs: float | None = 40.0
    chroma_http_max_connections: int | None = None
    chroma_http_max_keepalive_connections: int | None = None

    chroma_client_auth_provider: str | None = None
    chroma_client_auth_credentials: str | None = None
    chroma_auth_token_transport_header: str | None = None
    chroma_overwrite_singleton_tenant_database_access_from_auth: bool = False

    # What follows is Chroma's own engine, its old server and its distributed parts: kept as given, without effect here.
    migrations: str = "apply"
    migrations_hash_algorithm: str = "md5"
    environment: Any = None
    tenant_id: Any = None
    topic_namespace: Any = None
    worker_memberlist_name: Any = None
    chroma_memory_limit_bytes: Any = None
    chroma_segment_cache_policy: Any = None
    chroma_server_nofile: Any = None
    chroma_server_thread_pool_size: Any = None
    chroma_server_cors_allow_origins: Any = None
    chroma_server_auth_ignore_paths: Any = None
    chroma_server_authn_provider: Any = None
    chroma_server_authn_credentials: Any = None
    chroma_server_authn_credentials_file: Any = None
    chroma_server_authz_provider: Any = None
    chroma_server_authz_config: Any = None
    chroma_server_authz_config_file: Any = None
    chroma_otel_collection_endpoint: Any = None
    chroma_otel_collection_headers: Any = None
    chroma_otel_service_name: Any = None
    chroma_otel_granularity: Any = None
    chroma_coordinator_host: Any = None
    chroma_logservice_host: Any = None
    chroma_logservice_port: Any = None
    chroma_logservice_request_timeout_seconds: Any = None
    chroma_sysdb_request_timeout_seconds: Any = None
    chroma_query_request_timeout_seconds: Any = None
    chroma_sysdb_impl: Any = None
    chroma_producer_impl: Any = None
    chroma_consumer_impl: Any = None
    chroma_executor_impl: Any = None
    chroma_segment_manager_impl: Any = None
    chroma_telemetry_impl: Any = None
    chroma_product_telemetry_impl: Any = None
    chroma_quota_provider_impl: Any = None
    chroma_quota_enforcer_impl: Any = None
    chroma_rate_limit_executor_impl: Any = None
    chroma_rate_limiting_provider_impl: Any = None
    chroma_async_rate_limit_executor_impl: Any = None
    chroma_collection_assignment_policy_impl: Any = None

    def __init__(self, **given: object) -> None:
        if "chroma_db_impl" in given:
            raise BadValue(
                "You are using a deprecated configuration of Chroma: chroma_db_impl was removed in Chroma 0.4. "
                "Use PersistentClient(path=...) or EphemeralClient() instead"
            )
        told = surroundings()
        for name, kind in _fields().items():
            variable = name.upper()
            if name in given:
                value = _convert(given[name], kind, f"Settings({name}=...)")
            elif variable in told:
                value = _convert(told[variable], kind, f"environment variable {variable}")
            else:
                value = getattr(Settings, name)
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _fields():
            close = get_close_matches(name, _fields(), n=1)
            raise BadValue(
                f'"Settings" object has no field "{name}"' + (f"; did you mean {close[0]!r}?" if close else "")
            )
        super().__setattr__(name, value)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def require(self, key: str) -> Any:
        """Give a setting that must have been made.

        Raises:
            BadValue: It is None.
        """
        value = self[key]
        if value is None:
            raise BadValue(f"Missing required config value '{key}'")
        return value

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Settings) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # it can be changed

    def __repr__(self) -> str:
        made = {name: value for name, value in vars(self).items() if value != getattr(Settings, name)}
        shown = (f"{name}={'...' if name in SECRET else repr(value)}" for name, value in made.items())
        return f"Settings({', '.join(shown)})"


@cache
def _fields() -> dict[str, Any]:
    return get_type_hints(Settings)


def surroundings() -> dict[str, str]:
    """Give what `.env` and the environment say, names in capitals; the environment wins, an empty text says nothing."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    return {name: value for name, value in (_dotenv(Path(".env")) | environment).items() if value}


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    read = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            read[name.strip().upper()] = _unquote(value.strip())
    return read


def _unquote(value: str) -> str:
    for quote in ('"', "'"):
        if value.startswith(quote) and value.find(quote, 1) > 0:
            return value[1 : value.find(quote, 1)]
    return value.partition(" #")[0].rstrip()


def _convert(value: object, kind: object, source: str) -> object:
    """Read a value as a setting's type, a text as one would write it in the environment.

    >>> _convert("on", bool, "X"), _convert("8000", int | None, "X"), _convert("/ca.pem", bool | str | None, "X")
    (True, 8000, '/ca.pem')
    """
    if kind is Any:
        return value
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, Enum):  # Chroma has some, such as TokenTransportHeader, whose members are their texts
        value = value.value
    wanted = [get_origin(choice) or choice for choice in _choices(kind)]
    for choice in wanted:
        if type(value) is choice:
            return value
        try:
            return READERS[type(value), choice](value)
        except (KeyError, ValueError):
            continue  # not of this type; perhaps of the next
    names = " or ".join("None" if choice is NoneType else choice.__name__ for choice in wanted)
    raise BadValue(f"{source}: expected {names}, got {value!r}")


def _choices(kind: object) -> tuple[Any, ...]:
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _json_object(text: str) -> dict[str, str]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(text)
    return {str(key): str(value) for key, value in found.items()}


TRUE, FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")
BOOLS = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
READERS: dict[tuple[type, type], Callable[[Any], Any]] = {
    (str, bool): lambda text: BOOLS[text.strip().lower()],
    (str, int): int,
    (str, float): float,
    (str, dict): _json_object,
    (int, float): float,
    (int, bool): {0: False, 1: True}.__getitem__,
}
"""How a value of one type is read as another; what is not here is refused."""

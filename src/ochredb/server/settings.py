"""How a server is set up: flags before environment variables before a file before defaults (contract 5.1, 5.2)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ochredb.core.errors import BadValue
from ochredb.server.keys import FILE
from ochredb.server.limits import Limits, read_limits

_Seconds = Annotated[float, Meta(gt=0)]
_VARIABLES = ("CHROMA_", "OCHRE_")
_OLD = {
    "PERSIST_DIRECTORY": "persist_path",
    "ALLOW_RESET": "allow_reset",
    "CHROMA_SERVER_HOST": "listen_address",
    "CHROMA_SERVER_HTTP_PORT": "port",
    "CHROMA_SERVER_CORS_ALLOW_ORIGINS": "cors_allow_origins",
}
"""What images of Chroma 0.x were set up by."""


class Settings(Struct, frozen=True, kw_only=True):
    """What a server is told; the names are those of Chroma's configuration file, as far as it has them.

    Args:
        persist_path: The folder of the database.
        engine: What to serve instead, as a URL.
        listen_address: A name or number of this machine.
        port: 0 is any that is free.
        allow_reset: Let an admin remove everything.
        allow_anonymous: Let everybody in where there is no key, also from other machines.
        keys: The file of keys; beside the data if not given.
        cors_allow_origins: Origins whose pages a browser may let in; `*` is any.
        tls_cert: A file with a certificate and its chain.
        tls_key: The file of its key.
        timeout: Seconds that a body may take to come, and then that an answer may take.
        head_timeout: Seconds that the head of a request may take to come.
        keep_alive: Seconds that a connection may be idle.
        grace: Seconds that requests which are under way have when the server is told to stop.
        workers: Processes that serve, each with its views of the database in memory.
        threads: For reading, and as many for writing, in each process; None is by the number of cores.
        batch: Records that clients are told to write at a time, if the limit of rows is not below it.
        log_path: A file for the log; standard error if not given.
        log_format: One line of text, or of JSON, for each request and each fault.
        access_log: Whether requests are logged at all.
        limits: How much one request may ask for.
    """

    persist_path: str = "./chroma"
    engine: str | None = None
    listen_address: str = "localhost"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    allow_reset: bool = False
    allow_anonymous: bool = False
    keys: str | None = None
    cors_allow_origins: tuple[str, ...] = ()
    tls_cert: str | None = None
    tls_key: str | None = None
    timeout: _Seconds = 60.0
    head_timeout: _Seconds = 10.0
    keep_alive: _Seconds = 75.0
    grace: _Seconds = 30.0
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    threads: Annotated[int, Meta(ge=1)] | None = None
    batch: Annotated[int, Meta(ge=1)] = 5461
    log_path: str | None = None
    log_format: Literal["text", "json"] = "text"
    access_log: bool = True
    limits: Limits = Limits()

    @property
    def key_file(self) -> Path | None:
        """The file of keys; None where there is no folder to keep it in."""
        if self.keys is not None:
            return Path(self.keys)
        return None if self.engine is not None else Path(self.persist_path) / FILE


def read_settings(file: Path | None, variables: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """Give the settings that a file, the environment and the command line come to.

    Args:
        file: In YAML; names that are not known are ignored, as Chroma's file has many that mean nothing here.
        variables: `CHROMA_` or `OCHRE_` and a setting's name in capitals; lists in JSON. An empty one says nothing.
        flags: Settings by name; None is not given.

    Raises:
        BadValue: A value that a setting cannot have, or a file that cannot be read.
    """
    written = {} if file is None else _file(file)
    told = {
        **written,
        **_variables(variables),
        **{name: value for name, value in flags.items() if value is not None},
    }
    limits = _limits(told.get("limits"))
    if "max_payload_size_bytes" in told:  # Chroma's name of it
        limits.setdefault("body_bytes", told["max_payload_size_bytes"])
    told["limits"] = read_limits(limits, variables)
    try:
        return msgspec.convert(told, Settings, strict=False, from_attributes=True)
    except msgspec.ValidationError as error:
        raise BadValue(f"settings of the server: {error}") from error


def _limits(given: object) -> dict[str, Any]:
    if not isinstance(given, dict | None):
        raise BadValue(f"limits: expected names and numbers, got {given!r}")
    return dict(given or {})


def _file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
        found = msgspec.yaml.decode(text)
    except (OSError, msgspec.DecodeError) as error:
        raise BadValue(f"cannot read the settings in {file}: {error}") from error
    if not isinstance(found, dict | None):
        raise BadValue(f"{file}: expected names and values, got {type(found).__name__}")
    return found or {}


def _variables(variables: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: variables[variable] for variable, name in _OLD.items() if variables.get(variable)}
    for name in {*Settings.__struct_fields__, "max_payload_size_bytes"} - {
        "limits"
    }:  # those have variables of their own
        for prefix in _VARIABLES:
            if value := variables.get(prefix + name.upper()):
                told[name] = value
    origins = told.get("cors_allow_origins")
    if origins is not None:
        told["cors_allow_origins"] = _listed(origins)
    return told


def _listed(text: str) -> list[str]:
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else text.split(",")
    except ValueError as error:
        raise BadValue(f"cors_allow_origins: expected a list in JSON, got {text[:200]!r}") from error
    return [one.strip() for one in found]

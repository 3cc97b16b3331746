"""Chroma's home for the schemas of configurations; each is made from what the function's constructor takes."""

from typing import Any

import msgspec

from ochredb.core.errors import BadValue
from ochredb.embed.base import Configured, schema
from ochredb.embed.registry import know_built_in, known_embedding_functions, sparse_known_embedding_functions

__all__ = [
    "get_available_schemas",
    "get_embedding_function_names",
    "get_schema_info",
    "get_schema_version",
    "load_schema",
    "validate_config_schema",
]

VERSION = "1.0.0"


def validate_config_schema(config: dict[str, Any], schema_name: str) -> None:
    """Refuse a configuration that the function of this name could not be built from.

    Raises:
        BadValue: There is no such function, or the configuration has unknown or missing keys or values of another type.
    """
    _function(schema_name).validate_config(config)


def load_schema(schema_name: str) -> dict[str, Any]:
    """Give the JSON schema of the configuration of the function of this name."""
    function = _function(schema_name)
    (form,), shared = msgspec.json.schema_components([schema(function)], ref_template="#/$defs/{name}")
    whole = shared.pop(form["$ref"].rpartition("/")[2])
    return {"version": VERSION, **whole, "title": function.__name__, "$defs": shared}


def get_schema_version(schema_name: str) -> str:
    """Give the version of a schema."""
    version: str = load_schema(schema_name)["version"]
    return version


def get_available_schemas() -> list[str]:
    """Give the names under which functions with a schema are stored."""
    return sorted(_functions())


def get_embedding_function_names() -> set[str]:
    """Give the same names as a set."""
    return set(get_available_schemas())


def get_schema_info() -> dict[str, dict[str, str]]:
    """Give by name the version, the class and its first sentence."""
    return {
        name: {
            "version": VERSION,
            "title": _function(name).__name__,
            "description": (_function(name).__doc__ or "").partition("\n")[0],
        }
        for name in get_available_schemas()
    }


def _function(name: str) -> type[Configured]:
    functions = _functions()
    if name not in functions:
        raise BadValue(f"no schema {name!r}: there are {', '.join(sorted(functions))}")
    return functions[name]


def _functions() -> dict[str, type[Configured]]:
    know_built_in()
    known: dict[str, Any] = {**known_embedding_functions, **sparse_known_embedding_functions}
    return {name: function for name, function in known.items() if issubclass(function, Configured)}

"""Write what a program can import from Chroma and how it is called: `python chroma_surface.py > chroma_surface.json`.

To be run by a Python that has chromadb installed. The file holds names, parameters and defaults, and nothing else.
"""

import inspect
import json
import typing
from enum import Enum
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

WHOLE = (
    "", "api", "api.types", "api.collection_configuration", "api.functions", "auth", "base_types", "config", "errors",
    "execution", "execution.expression", "execution.expression.operator", "execution.expression.plan", "types",
    "utils", "utils.embedding_functions",
)  # fmt: skip
"""Modules that callers take any name from."""

PARTS = (
    "api.async_api", "api.async_client", "api.client", "api.configuration", "api.models.AsyncCollection",
    "api.models.AttachedFunction", "api.models.Collection", "api.shared_system_client", "auth.basic_authn",
    "auth.token_authn", "telemetry", "telemetry.product", "utils.batch_utils", "utils.data_loaders",
    "utils.distance_functions", "utils.sparse_embedding_utils",
)  # fmt: skip
"""Modules that callers take only from what they define."""


def main() -> None:
    """Print the surface as JSON, a line a module and a line a function or class."""
    modules = {name: names(name) for name in sorted(WHOLE + PARTS)}
    things = {home(value): described(value) for found in modules.values() for value in found.values() if home(value)}
    lines = [json.dumps(key) + ": " + json.dumps(value) for key, value in sorted(things.items())]
    homes = {name: {key: home(found[key]) for key in sorted(found)} for name, found in modules.items()}
    listed = [json.dumps(name) + ": " + json.dumps(found) for name, found in homes.items()]
    print(f'{{"chromadb": "{version("chromadb")}",\n"modules": {{\n', ",\n".join(listed), "},", sep="")
    print('"things": {\n', ",\n".join(lines), "\n}}", sep="")


def names(module: str) -> dict[str, Any]:
    """Give the public names of a module that are Chroma's own, with what they name."""
    path = f"chromadb.{module}".rstrip(".")
    found = vars(import_module(path)).items()
    return {key: value for key, value in found if not key.startswith("_") and own(key, value, path, module in WHOLE)}


def own(key: str, value: Any, path: str, whole: bool) -> bool:
    """Tell whether a name is there for users, and not an import from the standard library or from elsewhere."""
    if isinstance(value, ModuleType):
        return value.__name__ == f"{path}.{key}"
    module = str(getattr(value, "__module__", ""))
    if home(value):
        return module.startswith("chromadb") and (whole or module == path)
    if isinstance(value, typing.TypeVar) or value is getattr(typing, key, None) or key in ("NDArray", "TypedDict"):
        return False
    return whole and not inspect.isroutine(value) and module not in ("logging", "__future__")


def home(value: Any) -> str:
    """Give where a class or function is defined, "" for any other value."""
    if (inspect.isclass(value) and value.__module__ != "builtins") or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    return ""


def described(value: Any) -> dict[str, Any]:
    """Give the parameters of a function, the methods of a class, or the members of an enumeration."""
    if inspect.isclass(value) and issubclass(value, Enum):
        return {"members": {member.name: member.value for member in value if not member.name.startswith("_")}}
    if inspect.isclass(value):
        return {"methods": methods(value)}
    return {"parameters": parameters(value)}


def methods(cls: type) -> dict[str, list[str] | None]:
    """Give the parameters of the methods that a class or one of its bases of the same house has; None of a property."""
    house = cls.__module__.partition(".")[0]
    written = {name for base in cls.__mro__ if base.__module__.startswith(house) for name in vars(base)}
    found: dict[str, list[str] | None] = {}
    for name in sorted(written):
        attribute = inspect.getattr_static(cls, name)
        if name.startswith("_"):
            continue
        if isinstance(attribute, property):
            found[name] = None
        elif inspect.isroutine(attribute) or isinstance(attribute, staticmethod | classmethod):
            found[name] = parameters(getattr(cls, name))
    return {"__init__": parameters(cls), **found}


def parameters(function: Any) -> list[str]:
    """Give the parameters as they are written, `*` before those that go by name only."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, or a dictionary
        return []
    read: list[str] = []
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in read:
            read.append("*")
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        read.append(f"{star}{one.name}" + ("" if one.default is one.empty else f"={shown(one.default)}"))
    return read


def shown(value: Any) -> str:
    """Give a default as text; of an object its class, as its text may differ from run to run."""
    if isinstance(value, Enum):
        return repr(value.value)
    return repr(value) if isinstance(value, str | int | float | bool | list | None) else type(value).__name__


if __name__ == "__main__":
    main()

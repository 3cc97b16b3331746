"""Embedding functions by name: how a collection remembers its function, and how it gets it back.

Law: what is stored never decides what code is loaded. A name is looked up among the classes that this process
registered and in the table of our own; it is never imported, and a configuration never names a class or a module.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, overload

import msgspec

from ochredb.core.errors import BadValue
from ochredb.embed.protocol import EmbeddingFunction

AnyFunction = EmbeddingFunction[Any]
C = TypeVar("C", bound=type[AnyFunction])

BUILT_IN = {
    "default": ("ochredb.embed.minilm", "DefaultEmbeddingFunction"),
    "onnx_mini_lm_l6_v2": ("ochredb.embed.minilm", "ONNXMiniLM_L6_V2"),
}
"""Where our own classes are, by the name that they are stored under; imported when one is first asked for."""

known_embedding_functions: dict[str, type[AnyFunction]] = {}
"""The classes that this process can rebuild; those of `BUILT_IN` join it when first used."""


@overload
def register_embedding_function(ef_class: C) -> C: ...
@overload
def register_embedding_function(ef_class: None = None) -> Callable[[C], C]: ...
def register_embedding_function(ef_class: C | None = None) -> C | Callable[[C], C]:
    """File a class under its `name()`: as a decorator, with or without parentheses, or as a plain call.

    Raises:
        BadValue: The class has no name of its own.
    """
    return _register if ef_class is None else _register(ef_class)


def config_to_embedding_function(config: dict[str, Any]) -> AnyFunction:
    """Build a function from `{"name": ..., "config": {...}}`.

    Raises:
        BadValue: Nobody registered the name, or the class refuses the configuration.
    """
    found = _find(config.get("name"))
    if found is None:
        raise BadValue(f"Unsupported embedding function: {config.get('name')}")
    return _build(found, config.get("config"))


def persisted_form(function: object) -> dict[str, Any] | None:
    """Give what a collection stores of its function, and register the class so that this process can rebuild it.

    Args:
        function: An `EmbeddingFunction`, anything else with its `__call__`, or None.

    Raises:
        BadValue: Its `get_config()` is not a dictionary of JSON.
    """
    if function is None:
        return None
    if not isinstance(function, EmbeddingFunction) or function.is_legacy():
        warnings.warn(
            f"{type(function).__name__} is an embedding function without name, get_config and build_from_config: "
            "the collection cannot remember it, so pass it again whenever you open the collection",
            DeprecationWarning,
            stacklevel=2,
        )
        return {"type": "legacy"}
    known_embedding_functions[function.name()] = type(function)
    return {"type": "known", "name": function.name(), "config": _json(function)}


def rebuild(form: dict[str, Any] | None) -> AnyFunction | None:
    """Give the function that a collection remembers; None if it remembers none that could be rebuilt.

    Args:
        form: What `persisted_form` gave, in this process or in another one.

    Raises:
        BadValue: Nobody registered the name here, the class refuses the configuration, or it is no such form.
    """
    match form:
        case None | {"type": "legacy" | "unknown"}:
            return None
        case {"type": "known", "name": str(name)}:
            found = _find(name)
            if found is None:
                raise BadValue(
                    f"Embedding function {name} not found. "
                    "Add @register_embedding_function decorator to the class definition."
                )
            return _build(found, form.get("config"))
        case _:
            raise BadValue(f"embedding_function: expected a stored form with a 'type', got {form!r}")


def _register(ef_class: C) -> C:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a class without a name is refused below, not warned of
        name = ef_class.name()
    if not isinstance(name, str):
        raise BadValue(f"{ef_class.__name__} cannot be registered: its static method name() must give a str")
    known_embedding_functions[name] = ef_class
    return ef_class


def _find(name: object) -> type[AnyFunction] | None:
    if not isinstance(name, str):
        return None
    if name in BUILT_IN and name not in known_embedding_functions:
        module, attribute = BUILT_IN[name]
        known_embedding_functions[name] = getattr(import_module(module), attribute)
    return known_embedding_functions.get(name)


def _build(ef_class: type[AnyFunction], config: dict[str, Any] | None) -> AnyFunction:
    ef_class.validate_config(config or {})
    return ef_class.build_from_config(config or {})


def _json(function: AnyFunction) -> dict[str, Any]:
    config = function.get_config()
    try:
        # The copy is what will be read back: later changes to the function's own dictionary do not reach it.
        return msgspec.json.decode(msgspec.json.encode(config), type=dict[str, Any])
    except (TypeError, ValueError) as error:
        raise BadValue(f"get_config() of embedding function {function.name()} must give JSON: {error}") from error

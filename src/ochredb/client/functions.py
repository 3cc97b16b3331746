"""Which embedding function a collection uses: the one given, the one that it remembers, or the default."""

import sys
import warnings
from typing import Any

from ochredb.chroma import config
from ochredb.core.errors import BadValue
from ochredb.core.model import Space
from ochredb.embed.minilm import DefaultEmbeddingFunction
from ochredb.embed.protocol import EmbeddingFunction
from ochredb.embed.registry import rebuild

DEFAULT = DefaultEmbeddingFunction()


def configured(function: Any, configuration: object) -> Any:
    """Choose between the argument and the configuration's embedding function.

    Raises:
        BadValue: Both are given, and their names differ.
    """
    other = configuration.get("embedding_function") if isinstance(configuration, dict) else None
    if other is None:
        return function
    if _chosen(function) is not None and _name(function) != _name(other):
        raise BadValue(
            "Multiple embedding functions provided. Please provide only one. "
            f"Embedding function conflict: {_name(function) or 'legacy'} vs {_name(other) or 'legacy'}"
        )
    return other


def space_of(function: Any) -> Space | None:
    """Give the space that a function is made for; None without a function."""
    if function is None:
        return None
    return function.default_space() if isinstance(function, EmbeddingFunction) else "l2"


def warn_of_space(function: Any, space: Space) -> None:
    """Warn of a space in which a function's vectors are not meant to be compared."""
    if _name(function) is not None and space not in function.supported_spaces():
        text = f"space {space} is not supported by {_name(function)}. Supported spaces: {function.supported_spaces()}"
        warnings.warn(text, stacklevel=_outside())


def refuse_conflict(function: Any, stored: dict[str, Any] | None) -> None:
    """Refuse a function of another name than the one a collection remembers; the default never conflicts."""
    config.refuse_conflict(_name(_chosen(function)), stored)


def effective(function: Any, stored: dict[str, Any] | None) -> Any:
    """Give the function to embed with."""
    return _chosen(function) or rebuild(stored) or DEFAULT


def _chosen(function: Any) -> Any:
    return None if isinstance(function, DefaultEmbeddingFunction) else function


def _name(function: Any) -> str | None:
    return function.name() if isinstance(function, EmbeddingFunction) and not function.is_legacy() else None


def _outside() -> int:
    """Give the stack level, seen from its caller, of the nearest frame that is not ours: whom a warning is for."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("ochredb."):
        frame, level = frame.f_back, level + 1
    return level

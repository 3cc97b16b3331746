"""Metadata as callers give it, of records and of collections -> plain values, with errors that begin as Chroma's."""

import math
from typing import Any

import numpy as np

from ochredb.chroma.text import short, utf8
from ochredb.core.errors import BadType, BadValue, InvalidArgumentError
from ochredb.core.model import Metadata, SparseVector

_GOOD_KEYS: set[str] = set()
"""Metadata keys that were found good, as the same few come with every record."""
_MANY_KEYS = 10_000


def record_metadatas(value: list[Any] | None) -> tuple[list[Metadata | None] | None, dict[int, str]]:
    """Read the metadata of records: dicts and None.

    Returns:
        Them, without the keys that begin with `chroma:`, and by row the URIs that `chroma:uri` set.
    """
    if value is None:
        return None, {}
    found: list[Metadata | None] = []
    set_uris: dict[int, str] = {}
    for row, metadata in enumerate(value):
        if metadata is None:
            found.append(None)
            continue
        if type(metadata) is dict and metadata and _is_plain(metadata):
            found.append(metadata)
            continue
        read, uri = _metadata(metadata, row)
        found.append(read or None)
        if uri is not None:
            set_uris[row] = uri
    return found, set_uris


def collection_metadata(value: object, *, changing: bool = False) -> Metadata | None:
    """Read a collection's own metadata: str keys; str, int, float or bool values.

    Args:
        value: The metadata; None is none.
        changing: Whether it is for `modify`, where None as a value drops its key.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        if changing:
            raise BadValue(f"Expected metadata to be a dict or None, got {type(value).__name__} as metadata")
        raise BadType(f"argument 'metadata': expected a dict or None, got {short(value)}")
    if not value:
        if changing:
            raise BadValue("Expected metadata to be a non-empty dict, got 0 metadata attributes")
        raise InvalidArgumentError("Validation error: metadata: Metadata cannot be empty")
    argument = "new_metadata" if changing else "metadata"
    found = {}
    for key, item in value.items():
        if not isinstance(key, str):
            where = "" if changing else "argument 'metadata': "
            raise BadType(f"{where}Expected metadata key to be a str, got {key} which is a {type(key).__name__}")
        if not key or key[0] in "#$":
            reason = "Metadata key cannot be empty" if not key else f"Metadata key cannot start with '#' or '$': {key}"
            raise InvalidArgumentError(f"Validation error: {argument}: {reason}")
        utf8(key, f"metadata[{key!r}]")
        if item is None and changing:
            continue
        found[key] = _collection_value(key, item, changing)
    return found


def _is_plain(metadata: dict[Any, Any]) -> bool:
    """Tell quickly of most metadata that there is nothing to refuse or to change in it."""
    for key, value in metadata.items():
        if key not in _GOOD_KEYS:
            return False
        kind = type(value)
        if kind is str:
            if not value.isascii():
                return False
        elif kind is int:
            if not -(2**63) <= value < 2**63:
                return False
        elif kind is float:
            if not math.isfinite(value):
                return False
        elif kind is not bool:
            return False
    return True


def _metadata(metadata: dict[Any, Any], row: int) -> tuple[Metadata, str | None]:
    if not metadata:
        raise BadValue(f"Expected metadata to be a non-empty dict, got 0 metadata attributes at metadatas[{row}]")
    found: Metadata = {}
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise BadType(f"Expected metadata key to be a str, got {key} which is a {type(key).__name__}")
        if key == "chroma:document":
            raise BadValue("Expected metadata to not contain the reserved key chroma:document")
        if not key or key[0] in "#$" or "\0" in key:
            raise InvalidArgumentError(
                f"Validation error: metadatas: Invalid metadata at index {row}: key {key!r} is empty, holds a NUL, "
                "or begins with '#' or '$'"
            )
        found[key] = value if value is None else metadata_value(key, value, f"metadatas[{row}][{key!r}]")
        utf8(key, f"metadatas[{row}]")
        if len(_GOOD_KEYS) < _MANY_KEYS and not key.startswith("chroma:"):
            _GOOD_KEYS.add(key)
    reserved = [key for key in found if key.startswith("chroma:")]  # kept for Chroma's own use: never seen again
    taken = {key: found.pop(key) for key in reserved}
    uri = taken.get("chroma:uri")
    return found, uri if isinstance(uri, str) else None


def metadata_value(key: str, value: object, path: str) -> Any:
    """Read a value of metadata; `key` and `path` are for the text of a refusal."""
    match value:
        case bool():
            return value
        case str():
            if not value.isascii():
                utf8(value, path)
            return str(value)
        case int():
            return int(value) if -(2**63) <= value < 2**63 else _large(value, path)
        case float():
            return _float(float(value), path)
        case list():
            return _list(key, value, path)
        case SparseVector():
            return _sparse(value, path)
        case _:
            raise BadValue(
                "Expected metadata value to be a str, int, float, bool, SparseVector, list, or None, "
                f"got {short(value)} which is a {type(value).__name__} at {path}"
            )


def _collection_value(key: str, value: object, changing: bool) -> Any:
    """Read a value of a collection's metadata; Chroma takes NumPy's when it makes one, and not when it changes one."""
    here = f"metadata[{key!r}]"
    plain = value.item() if isinstance(value, np.generic) and not changing else value
    if isinstance(plain, str | int | float):
        return metadata_value(key, plain, here)
    if changing:
        raise BadValue(
            "Expected metadata value to be a str, int, float, bool, SparseVector, list, or None, "
            f"got {short(value)} which is a {type(value).__name__} at {here}; only the first four here"
        )
    raise BadType(f"argument 'metadata': expected a str, int, float or bool, got {short(value)} at {here}")


def _list(key: str, value: list[Any], path: str) -> list[Any]:
    if not value:
        raise BadValue(f"Expected metadata list value for key '{key}' to be non-empty at {path}")
    kind = type(value[0])
    if kind not in (str, int, float, bool) or any(type(item) is not kind for item in value):
        raise BadValue(
            f"Expected metadata list value for key '{key}' to contain only str, int, float, or bool and all elements "
            f"must be the same type, got {short(value)} at {path}"
        )
    items = [metadata_value(key, item, f"{path}[{row}]") for row, item in enumerate(value)]
    return [float(item) for item in items] if any(type(item) is not kind for item in items) else items


def _sparse(value: SparseVector, path: str) -> SparseVector:
    """Copy a vector, whose lists its owner may change, with the plain types that its numbers are kinds of."""
    for row, label in enumerate(value.labels or []):
        utf8(label, f"{path}.labels[{row}]")
    labels = None if value.labels is None else list(map(str, value.labels))
    return SparseVector(list(map(int, value.indices)), list(map(float, value.values)), labels)


def _large(value: int, path: str) -> float:
    """Give an int beyond 64 bits as a float, as Chroma does."""
    try:
        return float(value)
    except OverflowError as error:
        raise BadValue(f"Expected metadata value to be within the range of a float at {path}") from error


def _float(value: float, path: str) -> float:
    if not math.isfinite(value):
        raise BadValue(f"Expected metadata value to be a finite float, got {value} at {path}")
    return value

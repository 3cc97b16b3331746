"""A collection's configuration: Chroma's arguments to what we keep, and back (contract 2.1 to 2.4, 7.3, 7.4).

The HNSW settings are kept and returned. `space` is what it says; `ef_search` is read as how hard to search; the others
have no meaning for our index. SPANN becomes HNSW of the same space, as in Chroma's own local engine.
"""

import sys
from typing import Any, NamedTuple, get_args

import msgspec

from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.core.model import CollectionInfo, Metadata, Space

HNSW: dict[str, Any] = {
    "space": "l2",
    "ef_construction": 100,
    "ef_search": 100,
    "max_neighbors": 16,
    "resize_factor": 1.2,
    "sync_threshold": 1000,
}
"""The settings that are kept, with their defaults."""

DEFAULT_FUNCTION: dict[str, Any] = {"type": "known", "name": "default", "config": {}}
"""How a collection remembers the embedding function that it uses where none is given."""

_FIELDS = (
    "space", "ef_construction", "ef_search", "max_neighbors", "num_threads", "resize_factor", "sync_threshold",
    "batch_size",
)  # fmt: skip
_SPANN = (
    "search_nprobe", "write_nprobe", "space", "ef_construction", "ef_search", "max_neighbors",
    "reassign_neighbor_count", "split_threshold", "merge_threshold",
)  # fmt: skip
_BLOCKS = ("hnsw", "spann", "embedding_function")
CHANGEABLE = ("ef_search", "max_neighbors", "num_threads", "resize_factor", "sync_threshold", "batch_size")
_LEGACY = {
    "hnsw:space": "space",
    "hnsw:construction_ef": "ef_construction",
    "hnsw:search_ef": "ef_search",
    "hnsw:M": "max_neighbors",
    "hnsw:num_threads": "num_threads",
    "hnsw:batch_size": "batch_size",
    "hnsw:sync_threshold": "sync_threshold",
    "hnsw:resize_factor": "resize_factor",
}


class Settled(NamedTuple):
    """What a collection's configuration comes to.

    Args:
        space: For the engine.
        effort: For the engine: `ef_search`.
        json: What is stored and returned as `configuration_json`.
    """

    space: Space
    effort: int
    json: dict[str, Any]


def settle(
    configuration: object, metadata: Metadata | None, function: dict[str, Any] | None, space: Space | None
) -> Settled:
    """Make one configuration of the argument, the legacy keys in the metadata and the embedding function.

    Args:
        configuration: As the user gave it. Settings in it that are not the usual ones outweigh the legacy keys, all of
            them; blocks that are not known here are kept.
        metadata: The collection's own.
        function: The form in which the embedding function is stored.
        space: The one that the function is made for, which counts where nothing else is said.

    Raises:
        InvalidArgumentError: An unknown field, or a value of the wrong kind.
        BadValue: Both hnsw and spann.
    """
    given = _dictionary(configuration)
    legacy, said = _legacy(metadata), _said(given)
    if any(value != HNSW.get(key, value) for key, value in said.items()):
        legacy = {}
    usual = {} if space is None else {"space": space}
    if function is None and given:
        function = {"type": "legacy"}
    return _settled({**HNSW, **usual, **said, **legacy}, function, _unknown(given))


def settle_schema(vector: dict[str, Any], settled: Settled, function: dict[str, Any] | None) -> Settled:
    """Take the configuration from a schema that says something; then nothing else may.

    Args:
        vector: The schema's configuration of the vector index.
        settled: What the other arguments come to.
        function: The form of the embedding function that was given beside the schema.

    Raises:
        InvalidArgumentError: Another argument says something too, or the schema says what cannot be.
    """
    if settled.json["hnsw"] != HNSW or function not in (None, DEFAULT_FUNCTION):
        raise InvalidArgumentError(
            "Failed to reconcile schema: Cannot set both collection config and schema simultaneously: put space, hnsw "
            "and embedding_function into the schema, with create_index(VectorIndexConfig(...))"
        )
    if vector.get("hnsw") is not None and vector.get("spann") is not None:
        raise InvalidArgumentError(
            "Validation error: schema: Both spann and hnsw config cannot be present at the same time."
        )
    said = _checked(vector.get("hnsw") or {}, _FIELDS, "schema: VectorIndexConfig.hnsw")
    space = _checked({"space": vector.get("space")}, _FIELDS, "schema: VectorIndexConfig")
    return _settled({**HNSW, **said, **space}, vector["embedding_function"], _unknown(settled.json))


def shown(info: CollectionInfo) -> dict[str, Any]:
    """Give a collection's configuration with every setting, as Chroma's clients look for them.

    Engines keep any JSON, and programs that speak to an engine itself may have stored less, or something else.
    """
    stored = info.configuration.get("hnsw")
    hnsw = {**HNSW, **(stored if isinstance(stored, dict) else {}), "space": info.space, "ef_search": info.effort}
    function = info.configuration.get("embedding_function")
    known = function if isinstance(function, dict) else None
    return {**info.configuration, "hnsw": hnsw, "spann": None, "embedding_function": known}


def change(stored: dict[str, Any], configuration: object, function: dict[str, Any] | None) -> Settled:
    """Apply what `modify` changes; `function` is the stored form of a new embedding function, None if there is none.

    Raises:
        InvalidArgumentError: A field that is fixed, a value of the wrong kind, or both hnsw and spann.
        BadValue: SPANN settings, or an embedding function of another name.
    """
    given = _dictionary(configuration)
    if given.get("spann") is not None:
        if given.get("hnsw") is not None:
            raise InvalidArgumentError("Multiple vector index configurations provided: give hnsw alone")
        raise BadValue("Trying to update SPANN config but schema has HNSW")
    hnsw = {**stored["hnsw"], **_checked(given.get("hnsw") or {}, CHANGEABLE)}
    old = stored.get("embedding_function")
    if function is not None and _name(old) and _name(old) != _name(function):
        raise BadValue(
            "Cannot update embedding function: "
            f"incompatible types ({_name(old)} vs {_name(function) or function['type']})"
        )
    return _settled(hnsw, function or old, _unknown({**stored, **given}))


def refuse_conflict(name: str | None, stored: dict[str, Any] | None) -> None:
    """Refuse an embedding function of another name than the one a collection remembers; without a name it is none.

    Raises:
        BadValue: Their names differ.
    """
    if name and _name(stored) and name != _name(stored):
        raise BadValue(
            "An embedding function already exists in the collection configuration, and a new one is provided. If this "
            "is intentional, please embed documents separately. "
            f"Embedding function conflict: new: {name} vs persisted: {_name(stored)}"
        )


def _name(form: dict[str, Any] | None) -> str | None:
    return form.get("name") if form is not None and form.get("type") == "known" else None


def _settled(hnsw: dict[str, Any], function: dict[str, Any] | None, unknown: dict[str, Any]) -> Settled:
    kept: dict[str, Any] = {key: float(hnsw[key]) if key == "resize_factor" else hnsw[key] for key in HNSW}
    json = {"hnsw": kept, "spann": None, "embedding_function": function, **unknown}
    return Settled(kept["space"], kept["ef_search"], json)


def _dictionary(configuration: object) -> dict[str, Any]:
    if configuration is None:
        return {}
    if not isinstance(configuration, dict):
        raise BadValue(f"configuration: expected a dict with 'hnsw' or 'embedding_function', got {configuration!r}")
    for key in ("hnsw", "spann"):
        if not isinstance(configuration.get(key), dict | None):
            raise InvalidArgumentError(
                f"invalid type: {configuration[key]!r}, expected a dict at configuration[{key!r}]"
            )
    return configuration


def _said(given: dict[str, Any]) -> dict[str, Any]:
    hnsw, spann = given.get("hnsw"), given.get("spann")
    if hnsw is not None and spann is not None:
        raise BadValue("hnsw and spann cannot both be provided")
    if spann is None:
        return _checked(hnsw or {}, _FIELDS)
    checked = _checked(spann, _SPANN, "configuration['spann']")
    return {key: value for key, value in checked.items() if key == "space"}


def _unknown(given: dict[str, Any]) -> dict[str, Any]:
    """Give the blocks that a later Chroma, or another program, will know what to do with."""
    found = {key: value for key, value in given.items() if key not in _BLOCKS}
    try:
        return msgspec.json.decode(msgspec.json.encode(found), type=dict[str, Any])
    except (TypeError, ValueError) as error:
        raise BadValue(f"configuration: expected JSON in {', '.join(map(repr, found))}: {error}") from error


def _checked(settings: dict[str, Any], allowed: tuple[str, ...], path: str = "configuration['hnsw']") -> dict[str, Any]:
    for key, value in settings.items():
        if key not in allowed:
            names = ", ".join(f"`{name}`" for name in allowed)
            raise InvalidArgumentError(f"unknown field `{key}`, expected one of {names} at {path}")
        if value is not None:
            _check(key, value, f"at {path}[{key!r}]")
    return {key: value for key, value in settings.items() if value is not None}


def _check(key: str, value: object, here: str) -> None:
    if key == "space":
        if value not in get_args(Space):
            raise InvalidArgumentError(f"unknown variant `{value}`, expected one of `l2`, `cosine`, `ip` {here}")
    elif key == "resize_factor":
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
            raise InvalidArgumentError(f"invalid type: {value!r}, expected f64 {here}")
    elif not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgumentError(f"invalid type: {value!r}, expected usize {here}")
    elif not 0 <= value < 2**63:
        raise InvalidArgumentError(f"invalid value: {value}, expected usize {here}")


def _legacy(metadata: Metadata | None) -> dict[str, Any]:
    found = {}
    for key, value in (metadata or {}).items():
        if not key.startswith("hnsw:"):
            continue
        try:
            _check(_LEGACY[key], value, f"at metadata[{key!r}]")
        except (KeyError, InvalidArgumentError) as error:
            raise InvalidArgumentError(
                f"Failed to parse hnsw parameters from segment metadata: metadata[{key!r}] is {value!r}"
            ) from error
        found[_LEGACY[key]] = value
    return found

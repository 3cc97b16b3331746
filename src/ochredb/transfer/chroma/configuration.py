"""What the releases of Chroma keep of a collection's configuration, and what it comes to.

Each line of releases has its own place for it, and an older place may say what is no longer, or never was, true.
"""

import re
from copy import deepcopy
from typing import Any, get_args

import msgspec

from ochredb.chroma import config, schema
from ochredb.chroma.config import Settled
from ochredb.core.errors import OchreError
from ochredb.core.model import Metadata, NewCollection, Space
from ochredb.transfer.chroma.findings import Findings

_LEGACY = {
    "hnsw:space": "space",
    "hnsw:construction_ef": "ef_construction",
    "hnsw:search_ef": "ef_search",
    "hnsw:M": "max_neighbors",
    "hnsw:sync_threshold": "sync_threshold",
    "hnsw:resize_factor": "resize_factor",
}
"""Keys in the metadata of a collection, and of its segment."""

_SPACE = re.compile(r'"space"\s*:\s*"(l2|cosine|ip)"')
_VECTOR = ("float_list", "vector_index", "config")
_IN_CONFIGURATION = ("space", "hnsw", "spann", "embedding_function")


def described(
    name: str,
    metadata: Metadata | None,
    segment: Metadata | None,
    configuration: str | None,
    schema_text: str | None,
    findings: Findings,
) -> NewCollection:
    """Make a collection's description of all that Chroma keeps about it.

    Args:
        name: Of the collection.
        metadata: Of the collection.
        segment: Of its vector segment; 0.4 to 0.6 write it.
        configuration: `config_json_str`: since 0.5.5, of another shape since 1.0.
        schema_text: `schema_str`: since 1.3.
        findings: Is told what cannot be read, and is left out.
    """
    place = f"collection {name!r}"
    stored = _json(schema_text, f"{place}, schema_str", findings)
    known = _json(configuration, f"{place}, config_json_str", findings)
    vector = _below(stored, "keys", schema.EMBEDDING, *_VECTOR)
    # Later outweighs earlier. The segment's metadata is what its embeddings were indexed with; Chroma 1.x may write
    # another space into the configuration of such a collection. Of 0.5 and 0.6 the space is all that can be believed.
    said = {
        "space": _below(known, "hnsw_configuration").get("space") or _legible_space(schema_text or configuration),
        **_legacy(metadata),
        **_settings(_below(known, "vector_index", "hnsw")),
        **_legacy(segment),
        **_settings({**_below(vector, "hnsw"), "space": vector.get("space")}),
    }
    function = (vector or known).get("embedding_function")
    settled = _settled(said, place, findings)
    return NewCollection(
        name=name,
        space=settled.space,
        effort=settled.effort,
        metadata=metadata,
        configuration={**settled.json, "embedding_function": function if isinstance(function, dict) else None},
        schema=_schema(stored, f"{place}, schema_str", findings) if stored else None,
    )


def _json(text: str | None, place: str, findings: Findings) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError) as error:
        findings.tell(place, f"is damaged: {error}")
        return {}


def _legible_space(text: str | None) -> str | None:
    """Give the space that a text names that may be damaged; a collection whose space is lost is lost as a whole."""
    named = set(_SPACE.findall(text or ""))
    return named.pop() if len(named) == 1 else None


def _below(tree: dict[str, Any], *path: str) -> dict[str, Any]:
    found: Any = tree
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _settings(hnsw: dict[str, Any]) -> dict[str, Any]:
    return {key: hnsw[key] for key in config.HNSW if hnsw.get(key) is not None}


def _legacy(metadata: Metadata | None) -> dict[str, Any]:
    return {_LEGACY[key]: value for key, value in (metadata or {}).items() if key in _LEGACY}


def _settled(said: dict[str, Any], place: str, findings: Findings) -> Settled:
    try:
        return config.settle({"hnsw": said}, None, None, None)
    except OchreError as error:
        findings.tell(place, f"the settings of its index are damaged, and the usual ones are taken: {error.message()}")
    space = said["space"] if said["space"] in get_args(Space) else None
    return config.settle(None, None, None, space)


def _schema(stored: dict[str, Any], place: str, findings: Findings) -> dict[str, Any] | None:
    """Give what the schema says beyond the configuration; None if it says nothing unusual."""
    try:
        found = deepcopy(stored)
        for vector in (_below(found, "defaults", *_VECTOR), _below(found, "keys", schema.EMBEDDING, *_VECTOR)):
            for name in _IN_CONFIGURATION:
                vector.pop(name, None)
        # Chroma adds every key that it meets.
        found["keys"] = {key: types for key, types in found["keys"].items() if not _is_usual(key, types, found)}
        return schema.stored(found)
    except (OchreError, LookupError, TypeError, AttributeError) as error:
        findings.tell(place, f"is not one that can be kept, and is left out: {error}")
        return None


def _is_usual(key: str, types: dict[str, Any], stored: dict[str, Any]) -> bool:
    """Tell whether the indexes of a key are those of any key."""
    defaults = stored["defaults"]
    return not key.startswith("#") and all(
        index == defaults[kind][name] for kind, indexes in types.items() for name, index in indexes.items()
    )

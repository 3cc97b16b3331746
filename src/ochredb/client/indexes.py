"""Chroma's classes for the settings of each kind of index in a `Schema` (contract 2.4)."""

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import fields, force_setattr

from ochredb.chroma.condition import Key
from ochredb.chroma.schema import DOCUMENT
from ochredb.client.functions import DEFAULT
from ochredb.core.errors import BadValue
from ochredb.core.model import Space
from ochredb.embed.protocol import check_signature
from ochredb.embed.registry import persisted_form, rebuild, rebuild_sparse


class _Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings by name; None is one of which nothing is said."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            try:
                force_setattr(self, field.name, msgspec.convert(value, field.type))
            except msgspec.ValidationError as error:
                raise BadValue(f"{type(self).__name__}.{field.name}: {error}, got {value!r}") from error

    def to_json(self) -> dict[str, Any]:
        """Give the form that is stored."""
        return {
            field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name) is not None
        }


class HnswIndexConfig(_Settings, frozen=True, kw_only=True):
    """Chroma's settings of a graph of neighbours; `ef_search` says how hard to search, the others are kept."""

    ef_construction: int | None = None
    max_neighbors: int | None = None
    ef_search: int | None = None
    num_threads: int | None = None
    batch_size: int | None = None
    sync_threshold: int | None = None
    resize_factor: float | None = None


class SpannIndexConfig(_Settings, frozen=True, kw_only=True):
    """The settings of a distributed Chroma's index; here they become the usual ones of HNSW."""

    search_nprobe: int | None = None
    write_nprobe: int | None = None
    ef_construction: int | None = None
    ef_search: int | None = None
    max_neighbors: int | None = None
    reassign_neighbor_count: int | None = None
    split_threshold: int | None = None
    merge_threshold: int | None = None


class VectorIndexConfig(_Settings, frozen=True, kw_only=True):
    """How embeddings are made and compared.

    Args:
        space: "l2" (squared), "cosine" or "ip"; the function's own if not given.
        embedding_function: all-MiniLM-L6-v2 if not given; None for none.
        source_key: What is embedded; a collection's own embeddings are always made of its documents.
        hnsw: Settings, in place of `spann`.
        spann: Settings, in place of `hnsw`.
    """

    space: Space | None = None
    embedding_function: Any = DEFAULT
    source_key: str | None = None
    hnsw: HnswIndexConfig | None = None
    spann: SpannIndexConfig | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "source_key", _source(self.source_key))
        force_setattr(self, "embedding_function", _function(self.embedding_function, rebuild, "callable"))
        super().__post_init__()

    def to_json(self) -> dict[str, Any]:
        """Give the form that is stored; the space is the function's own if none is said."""
        said = super().to_json() | {"embedding_function": {"type": "legacy"}}
        if self.embedding_function is not None:
            said["embedding_function"] = form = persisted_form(self.embedding_function) or {}
            if self.space is None and form["type"] == "known":
                said["space"] = self.embedding_function.default_space()
        return said | {name: said[name].to_json() for name in ("hnsw", "spann") if name in said}


class SparseVectorIndexConfig(_Settings, frozen=True, kw_only=True):
    """How sparse vectors of a metadata key are made and found.

    Args:
        embedding_function: A `SparseEmbeddingFunction`; None for none.
        source_key: The metadata key, or "#document", that it embeds.
        bm25: Whether a query's weights are multiplied by how rare its words are.
    """

    embedding_function: Any = None
    source_key: str | None = None
    bm25: bool | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "source_key", _source(self.source_key))
        force_setattr(
            self,
            "embedding_function",
            _function(self.embedding_function, rebuild_sparse, "a callable SparseEmbeddingFunction"),
        )
        super().__post_init__()

    def to_json(self) -> dict[str, Any]:
        """Give the form that is stored."""
        form = persisted_form(self.embedding_function) or {"type": "unknown"}
        return super().to_json() | {"embedding_function": form}


class FtsIndexConfig(_Settings, frozen=True, kw_only=True):
    """The index that `where_document` uses; it has no settings."""


class StringInvertedIndexConfig(_Settings, frozen=True, kw_only=True):
    """The index that filters on texts use; it has no settings."""


class IntInvertedIndexConfig(_Settings, frozen=True, kw_only=True):
    """The index that filters on whole numbers use; it has no settings."""


class FloatInvertedIndexConfig(_Settings, frozen=True, kw_only=True):
    """The index that filters on floats use; it has no settings."""


class BoolInvertedIndexConfig(_Settings, frozen=True, kw_only=True):
    """The index that filters on truth values use; it has no settings."""


IndexConfig: TypeAlias = (
    FtsIndexConfig
    | VectorIndexConfig
    | SparseVectorIndexConfig
    | StringInvertedIndexConfig
    | IntInvertedIndexConfig
    | FloatInvertedIndexConfig
    | BoolInvertedIndexConfig
)


def _source(key: Any) -> str | None:
    name = key.name if isinstance(key, Key) else key
    if not isinstance(name, str | None):
        raise BadValue(f"source_key must be str or Key, got {type(key).__name__}")
    if name is not None and name.startswith("#") and name != DOCUMENT:
        raise BadValue(
            "source_key cannot begin with '#'. "
            f"The only valid key starting with '#' is Key.DOCUMENT or '{DOCUMENT}', got {name!r}"
        )
    return name


def _function(value: Any, build: Callable[[dict[str, Any]], Any], wanted: str) -> Any:
    """Give a function; from the form in which one is stored, the one that it is built to, or None with a warning."""
    if value is None:
        return None
    if not isinstance(value, dict):
        if not callable(value):
            raise BadValue(f"embedding_function must be {wanted} or None, got {value!r}")
        check_signature(value)
        return value
    try:
        return build(value)
    except Exception as error:  # whatever a class finds wrong with its configuration: the rest can be read all the same
        name = value.get("name", "unknown")
        warnings.warn(f"Could not reconstruct embedding function {name}: {error}. Setting to None.", stacklevel=2)
        return None

"""Chroma's `Schema`: which indexes a collection is to have, and how its embeddings are made (contract 2.4)."""

import re
from copy import deepcopy
from enum import StrEnum
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from ochredb.chroma.condition import Key
from ochredb.chroma.schema import DOCUMENT, EMBEDDING, usual
from ochredb.client.indexes import (
    BoolInvertedIndexConfig,
    FloatInvertedIndexConfig,
    FtsIndexConfig,
    IndexConfig,
    IntInvertedIndexConfig,
    SparseVectorIndexConfig,
    StringInvertedIndexConfig,
    VectorIndexConfig,
)
from ochredb.client.value_types import ValueTypes
from ochredb.core.errors import BadType, BadValue

_PLACES: dict[type, tuple[str, str]] = {
    FtsIndexConfig: ("string", "fts_index"),
    StringInvertedIndexConfig: ("string", "string_inverted_index"),
    VectorIndexConfig: ("float_list", "vector_index"),
    SparseVectorIndexConfig: ("sparse_vector", "sparse_vector_index"),
    IntInvertedIndexConfig: ("int", "int_inverted_index"),
    FloatInvertedIndexConfig: ("float", "float_inverted_index"),
    BoolInvertedIndexConfig: ("bool", "bool_inverted_index"),
}
"""Where the settings of an index stand in a schema's JSON: under the type of value, and the name of the index."""


class CmekProvider(StrEnum):
    """Who keeps a customer's own key."""

    GCP = "gcp"


class Cmek(Struct, frozen=True):
    """A customer's own key to encrypt a collection with, which only a cloud does: `create_collection` refuses it."""

    provider: CmekProvider
    resource: str

    @classmethod
    def gcp(cls, resource: str) -> "Cmek":
        """Name a key: `projects/{p}/locations/{l}/keyRings/{r}/cryptoKeys/{k}`."""
        return cls(CmekProvider.GCP, resource)

    def validate_pattern(self) -> bool:
        """Tell whether the name has the form of one."""
        return re.match("projects/.+/locations/.+/keyRings/.+/cryptoKeys/.+$", self.resource) is not None

    def to_dict(self) -> dict[str, str]:
        """Give `{"gcp": resource}`."""
        return {self.provider.value: self.resource}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Cmek":
        """Read what `to_dict` gave; raise BadValue for anything else."""
        if "gcp" not in data:
            raise BadValue(f"Unsupported or missing CMEK provider in data: {data}")
        if not isinstance(data["gcp"], str):
            raise BadValue(f"CMEK gcp resource must be a string, got: {type(data['gcp'])}")
        return cls.gcp(data["gcp"])


class Schema:
    """The indexes of a collection; `create_index` and `delete_index` change it and give it back.

    What it holds is its JSON, so that blocks that this version does not know stay in it. `defaults`, `keys` and `cmek`
    show it as values.

    >>> schema = Schema().create_index(VectorIndexConfig(space="cosine"))
    >>> schema.keys["#embedding"].float_list.vector_index.config.space
    'cosine'
    """

    def __init__(self) -> None:
        self._json = usual()
        self._function: Any = None

    @property
    def defaults(self) -> ValueTypes:
        """The indexes of keys for which nothing else is said."""
        return _value_types(self._json["defaults"])

    @property
    def keys(self) -> dict[str, ValueTypes]:
        """The indexes of some keys; "#document" and "#embedding" are the records' own."""
        return {key: _value_types(types) for key, types in self._json["keys"].items()}

    @property
    def cmek(self) -> Cmek | None:
        """The key to encrypt with."""
        return None if self._json.get("cmek") is None else Cmek.from_dict(self._json["cmek"])

    @property
    def embedding_function(self) -> Any:
        """The very function that was last given in a `VectorIndexConfig`; None if none was."""
        return self._function

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._json == other._json

    __hash__ = None  # type: ignore[assignment] # what changes has no hash

    def __repr__(self) -> str:
        return f"Schema(defaults={self.defaults}, keys={self.keys}, cmek={self.cmek})"

    def create_index(self, config: IndexConfig | None = None, key: str | Key | None = None) -> "Schema":
        """Switch an index on: for a key, or for all keys for which nothing else is said.

        Args:
            config: Which one, and its settings.
            key: A metadata key; "#document" for an `FtsIndexConfig`; none for a `VectorIndexConfig`.

        Raises:
            BadValue: There is no such index on such a key; the text is Chroma's.
        """
        name = _checked(config, key)
        if config is None and name is None:
            raise BadValue("Cannot enable all index types globally. Must specify either config or key.")
        if name == EMBEDDING:
            raise BadValue(
                f"Cannot create index on special key '{name}'. This key is managed automatically by the system. Invoke "
                "create_index(VectorIndexConfig(...)) without specifying a key to configure the vector index globally."
            )
        _refuse_special(name, config, "create")
        match config:
            case None:
                _refuse_all("enable", name)
            case VectorIndexConfig():
                self._set_vector(config, name)
            case FtsIndexConfig() if name != DOCUMENT:
                raise BadValue(
                    "FTS index can only be enabled on #document key. "
                    "Use create_index(config=FtsIndexConfig(), key='#document')"
                )
            case SparseVectorIndexConfig():
                self._set_sparse(config, name)
            case _:
                self._set(config, name, enabled=True)
        return self

    def delete_index(self, config: IndexConfig | None = None, key: str | Key | None = None) -> "Schema":
        """Switch an index off: for a key, or for all keys for which nothing else is said.

        Args:
            config: Which one.
            key: A metadata key; "#document" for an `FtsIndexConfig`.

        Raises:
            BadValue: It cannot be switched off; the text is Chroma's.
        """
        name = _checked(config, key)
        if config is None and name is None:
            raise BadValue("Cannot disable all indexes. Must specify either config or key.")
        if name == EMBEDDING:
            raise BadValue("Cannot modify #embedding. Currently not supported")
        _refuse_special(name, config, "delete")
        match config:
            case None:
                _refuse_all("disable", name)
            case VectorIndexConfig():
                raise BadValue("Deleting vector index is not currently supported.")
            case SparseVectorIndexConfig():
                raise BadValue("Deleting sparse vector index is not currently supported.")
            case FtsIndexConfig() if name != DOCUMENT:
                raise BadValue("Deleting FTS index is only supported on #document key.")
            case _:
                self._set(config, name, enabled=False)
        return self

    def set_cmek(self, cmek: Cmek | None) -> "Schema":
        """Set the key to encrypt with; None for none."""
        self._json.pop("cmek", None)
        if cmek is not None:
            self._json["cmek"] = cmek.to_dict()
        return self

    def serialize_to_json(self) -> dict[str, Any]:
        """Give the form that is stored and sent."""
        return deepcopy(self._json)

    @classmethod
    def deserialize_from_json(cls, json_data: dict[str, Any]) -> "Schema":
        """Read what `serialize_to_json` gave, here or in Chroma, with all that is in it.

        Raises:
            BadValue: A block of another shape; the text names the path.
        """
        found = cls()
        found._json = {"defaults": {}, "keys": {}, **deepcopy(json_data)}
        _refuse_misshapen(found._json)
        return found

    def _set(self, config: IndexConfig, key: str | None, enabled: bool) -> None:
        types, index = _PLACES[type(config)]
        place = self._json["defaults"] if key is None else self._json["keys"].setdefault(key, {})
        place.setdefault(types, {})[index] = {"enabled": enabled, "config": config.to_json()}

    def _set_vector(self, config: VectorIndexConfig, key: str | None) -> None:
        if key is not None:
            raise BadValue(
                "Vector index cannot be enabled on specific keys. Use create_index(config=VectorIndexConfig(...)) "
                "without specifying a key to configure the vector index globally."
            )
        self._function = config.embedding_function
        self._set(config, None, enabled=False)
        self._set(config, EMBEDDING, enabled=True)
        # The records' own embeddings are made of their documents, whatever was said.
        self._json["keys"][EMBEDDING]["float_list"]["vector_index"]["config"]["source_key"] = DOCUMENT

    def _set_sparse(self, config: SparseVectorIndexConfig, key: str | None) -> None:
        if key is None:
            raise BadValue(
                "Sparse vector index must be created on a specific key. "
                "Please specify a key using: create_index(config=SparseVectorIndexConfig(...), key='your_key')"
            )
        for other, types in self.keys.items():
            index = None if types.sparse_vector is None else types.sparse_vector.sparse_vector_index
            if other != key and index is not None and index.enabled:
                raise BadValue(
                    f"Cannot enable sparse vector index on key '{key}'. A sparse vector index is already enabled on "
                    f"key '{other}'. Only one sparse vector index is allowed per collection."
                )
        if config.source_key is not None and config.embedding_function is None:
            raise BadValue(
                "If source_key is provided then embedding_function must also be provided since there is no default "
                f"embedding function. Config: {config}"
            )
        self._set(config, key, enabled=True)


class _Shape(Struct):
    defaults: dict[str, Any]
    keys: dict[str, dict[str, Any]]
    cmek: dict[str, Any] | None = None


class _Index(Struct):
    enabled: bool = True
    config: dict[str, Any] = {}


def _refuse_misshapen(json: dict[str, Any]) -> None:
    shape = _converted(json, _Shape, "schema")
    keys = {f"schema['keys'][{key!r}]": types for key, types in shape.keys.items()}
    for path, types in ({"schema['defaults']": shape.defaults} | keys).items():
        for kind, (name, index) in _PLACES.items():
            here = f"{path}[{name!r}][{index!r}]"
            found = _converted(types.get(name, {}), dict[str, Any], here).get(index, {})
            config = _converted(found, _Index, here).config
            _converted(config.get("embedding_function"), dict[str, Any] | None, here)
            # Without the function: reading a schema makes none.
            _converted({**config, "embedding_function": None}, kind, here)


def _converted(value: Any, kind: Any, path: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadValue(f"{path}: {error}") from error


def _value_types(json: dict[str, Any]) -> ValueTypes:
    return msgspec.convert(json, ValueTypes)


def _checked(config: object, key: object) -> str | None:
    if config is not None and type(config) not in _PLACES:
        names = ", ".join(kind.__name__ for kind in _PLACES)
        raise BadType(f"config: expected one of {names}, got {config!r}")
    name = key.name if isinstance(key, Key) else key
    if not isinstance(name, str | None):
        raise BadType(f"key: expected a str or a Key, got {key!r}")
    return name


def _refuse_special(key: str | None, config: IndexConfig | None, verb: str) -> None:
    if key == DOCUMENT and not isinstance(config, FtsIndexConfig):
        raise BadValue(
            f"Cannot {verb} index on special key '{key}' with this config. "
            "Only FtsIndexConfig is allowed for #document."
        )
    if key is not None and key.startswith("#") and key != DOCUMENT:
        raise BadValue("key cannot begin with '#'. Keys starting with '#' are reserved for system use.")


def _refuse_all(verb: str, key: str | None) -> NoReturn:
    raise BadValue(f"Cannot {verb} all index types for key '{key}'. Please specify a specific index configuration.")

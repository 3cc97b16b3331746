"""What a `Schema` shows: for each type of value the indexes that it can be in (contract 2.4)."""

from msgspec import Struct

from ochredb.client.indexes import (
    BoolInvertedIndexConfig,
    FloatInvertedIndexConfig,
    FtsIndexConfig,
    IntInvertedIndexConfig,
    SparseVectorIndexConfig,
    StringInvertedIndexConfig,
    VectorIndexConfig,
)


class FtsIndexType(Struct, frozen=True):
    """The index of the documents' words."""

    enabled: bool = True
    config: FtsIndexConfig = FtsIndexConfig()


class StringInvertedIndexType(Struct, frozen=True):
    """The index of texts."""

    enabled: bool = True
    config: StringInvertedIndexConfig = StringInvertedIndexConfig()


class VectorIndexType(Struct, frozen=True):
    """The index of embeddings."""

    enabled: bool = True
    config: VectorIndexConfig = VectorIndexConfig()


class SparseVectorIndexType(Struct, frozen=True):
    """The index of sparse vectors."""

    enabled: bool = True
    config: SparseVectorIndexConfig = SparseVectorIndexConfig()


class IntInvertedIndexType(Struct, frozen=True):
    """The index of whole numbers."""

    enabled: bool = True
    config: IntInvertedIndexConfig = IntInvertedIndexConfig()


class FloatInvertedIndexType(Struct, frozen=True):
    """The index of floats."""

    enabled: bool = True
    config: FloatInvertedIndexConfig = FloatInvertedIndexConfig()


class BoolInvertedIndexType(Struct, frozen=True):
    """The index of truth values."""

    enabled: bool = True
    config: BoolInvertedIndexConfig = BoolInvertedIndexConfig()


class StringValueType(Struct, frozen=True):
    """The indexes that a text can be in."""

    fts_index: FtsIndexType | None = None
    string_inverted_index: StringInvertedIndexType | None = None


class FloatListValueType(Struct, frozen=True):
    """The index that an embedding can be in."""

    vector_index: VectorIndexType | None = None


class SparseVectorValueType(Struct, frozen=True):
    """The index that a sparse vector can be in."""

    sparse_vector_index: SparseVectorIndexType | None = None


class IntValueType(Struct, frozen=True):
    """The index that a whole number can be in."""

    int_inverted_index: IntInvertedIndexType | None = None


class FloatValueType(Struct, frozen=True):
    """The index that a float can be in."""

    float_inverted_index: FloatInvertedIndexType | None = None


class BoolValueType(Struct, frozen=True):
    """The index that a truth value can be in."""

    bool_inverted_index: BoolInvertedIndexType | None = None


class ValueTypes(Struct, frozen=True, rename={"int_value": "int", "float_value": "float", "boolean": "bool"}):
    """The indexes of one key, or of all keys, by the type of the value."""

    string: StringValueType | None = None
    float_list: FloatListValueType | None = None
    sparse_vector: SparseVectorValueType | None = None
    int_value: IntValueType | None = None
    float_value: FloatValueType | None = None
    boolean: BoolValueType | None = None

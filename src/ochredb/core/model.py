"""The values that travel between the edges and the engines: frozen, columnar, float32."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ochredb.core.errors import BadType, BadValue, InvalidArgumentError
from ochredb.core.where import Where

Floats: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

Scalar: TypeAlias = str | int | float | bool
Metadata: TypeAlias = dict[str, Any]
"""A record's metadata: str keys; str, int (64 bits), float (finite), bool, a non-empty list of one of these, or a
`SparseVector`.

In an `update` or `upsert` a value of None removes its key.
"""

_LARGEST_INDEX = 2**32 - 1
_LARGEST_VALUE = float(np.finfo(np.float32).max)


class SparseVector(
    Struct, frozen=True, omit_defaults=True, tag_field="#type", tag="sparse_vector", rename={"labels": "tokens"}
):
    """A vector that names the dimensions in which it is not zero.

    As JSON it is `{"#type": "sparse_vector", "indices": [...], "values": [...], "tokens": [...]}`, which no other
    metadata value can be taken for: none of them is an object.

    Args:
        indices: The dimensions, ascending, each once: 0 to 2**32 - 1.
        values: As many numbers, finite as float32.
        labels: What each dimension stands for, if that is known; `tokens` in JSON.

    Raises:
        BadValue: They are not that; the text begins as Chroma's.
    """

    indices: list[int]
    values: list[float]
    labels: list[str] | None = None

    def __post_init__(self) -> None:
        for name, column in (("indices", self.indices), ("values", self.values), ("labels", self.labels)):
            if not isinstance(column, list) and not (name == "labels" and column is None):
                raise BadValue(f"Expected SparseVector {name} to be a list, got {type(column).__name__}")
        if len(self.indices) != len(self.values):
            raise BadValue(
                "SparseVector indices and values must have the same length, "
                f"got {len(self.indices)} indices and {len(self.values)} values"
            )
        if self.labels is not None and len(self.labels) != len(self.indices):
            raise BadValue(
                "SparseVector labels must have the same length as indices and values, "
                f"got {len(self.labels)} labels, {len(self.indices)} indices"
            )
        self._check_indices()
        self._check_values()
        for row, label in enumerate(self.labels or []):
            if not isinstance(label, str):
                raise BadValue(f"SparseVector labels must be texts, got {type(label).__name__} at position {row}")

    def to_dict(self) -> dict[str, Any]:
        """Give what it is as JSON."""
        told = {"#type": "sparse_vector", "indices": self.indices, "values": self.values}
        return told if self.labels is None else {**told, "tokens": self.labels}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "SparseVector":
        """Read what `to_dict` gave; raise BadValue for anything else."""
        if d.get("#type") != "sparse_vector":
            raise BadValue(f"Expected #type='sparse_vector', got {d.get('#type')}")
        return cls(d["indices"], d["values"], d.get("tokens"))

    def _check_indices(self) -> None:
        before = -1
        for row, index in enumerate(self.indices):
            if not isinstance(index, int):
                raise BadValue(f"SparseVector indices must be integers, got {type(index).__name__} at position {row}")
            if index < 0:
                raise BadValue(f"SparseVector indices must be non-negative, got {index} at position {row}")
            if index <= before:
                raise BadValue(
                    "SparseVector indices must be sorted in strictly ascending order, "
                    f"found indices[{row}]={index} <= indices[{row - 1}]={before}"
                )
            if index > _LARGEST_INDEX:
                raise BadValue(f"SparseVector indices must fit 32 bits, got {index} at position {row}")
            before = index

    def _check_values(self) -> None:
        for row, value in enumerate(self.values):
            if not isinstance(value, int | float):
                raise BadValue(f"SparseVector values must be numbers, got {type(value).__name__} at position {row}")
            if not -_LARGEST_VALUE <= value <= _LARGEST_VALUE:  # NaN is not either
                raise BadValue(f"SparseVector values must be finite as float32, got {value} at position {row}")


MetadataValue: TypeAlias = str | int | float | bool | list[Scalar] | SparseVector | None
"""What a decoder of JSON makes of a metadata value."""

Space: TypeAlias = Literal["l2", "cosine", "ip"]
"""How far two vectors are from each other; smaller is nearer: l2 = sum (x - y)^2, cosine = 1 - cos, ip = 1 - dot."""

Mode: TypeAlias = Literal["add", "upsert", "update"]
"""What a write does with an id: `add` ignores known ids, `update` ignores unknown ones, `upsert` takes both."""

Field: TypeAlias = Literal["documents", "metadatas", "embeddings", "uris"]
Fields: TypeAlias = frozenset[Field]

ALL_FIELDS: Fields = frozenset(("documents", "metadatas", "embeddings", "uris"))
NO_FIELDS: Fields = frozenset()

DEFAULT_TENANT = "default_tenant"
DEFAULT_DATABASE = "default_database"


def refuse_infinite(embeddings: Floats, path: str = "embeddings") -> None:
    """Refuse embeddings (n, dimension) that hold NaN or infinity, which have no distance to anything.

    Raises:
        InvalidArgumentError: The text names the first of them.
    """
    good = np.isfinite(embeddings)
    if not good.all():
        row, column = np.argwhere(~good)[0].tolist()
        raise InvalidArgumentError(
            "Validation error: embeddings: Embeddings must not contain NaN or Infinity values: "
            f"{path}[{row}][{column}] is {embeddings[row, column]} as float32"
        )


def refuse_removals(metadatas: Sequence[Metadata | None] | None) -> None:
    """Refuse None as a value of metadata to be added; in an update or upsert it removes a key.

    Raises:
        BadType: The text names the first of them.
    """
    for row, metadata in enumerate(metadatas or ()):
        if metadata and None in metadata.values():
            raise BadType(
                "argument 'metadatas': Cannot convert Python object to MetadataValue: expected no None in an add, "
                f"where no key can be removed, got {str(metadata)[:200]} at metadatas[{row}]"
            )


class Scope(Struct, frozen=True):
    """The tenant and the database that a collection's name belongs to."""

    tenant: str = DEFAULT_TENANT
    database: str = DEFAULT_DATABASE


class Database(Struct, frozen=True):
    """A database of a tenant; `id` is a UUID."""

    id: str
    name: str
    tenant: str


class NewCollection(Struct, frozen=True):
    """What a collection is to be.

    Args:
        name: Unique within its scope.
        space: Fixed for good.
        effort: How hard a search tries, as Chroma's `ef_search`; 100 is the usual.
        metadata: The user's own.
        configuration: JSON that the engine keeps and returns and never reads.
        schema: Likewise.
    """

    name: str
    space: Space = "l2"
    effort: int = 100
    metadata: Metadata | None = None
    configuration: dict[str, Any] = {}
    schema: dict[str, Any] | None = None


class CollectionInfo(NewCollection, frozen=True, kw_only=True):
    """A collection as the catalog knows it; `id` is a UUID and `dimension` None before the first write."""

    id: str
    scope: Scope
    dimension: int | None = None


class Change(Struct, frozen=True):
    """What `modify` changes of a collection; a field of None stays as it is.

    `metadata` replaces the old one as a whole; an empty one removes it.
    """

    name: str | None = None
    metadata: Metadata | None = None
    configuration: dict[str, Any] | None = None
    effort: int | None = None


class Records(Struct, frozen=True):
    """Records by column; every given column is as long as `ids`.

    Args:
        ids: The users' strings.
        embeddings: float32 (n, dimension), C order.
        documents: None where a record has none.
        metadatas: None where a record has none.
        uris: None where a record has none.
    """

    ids: list[str]
    embeddings: Floats | None = None
    documents: list[str | None] | None = None
    metadatas: list[Metadata | None] | None = None
    uris: list[str | None] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int]) -> "Records":
        """Give the records at these positions, in this order."""
        return Records(
            [self.ids[row] for row in rows],
            None if self.embeddings is None else self.embeddings[list(rows)],
            None if self.documents is None else [self.documents[row] for row in rows],
            None if self.metadatas is None else [self.metadatas[row] for row in rows],
            None if self.uris is None else [self.uris[row] for row in rows],
        )

    def split(self, sizes: Iterable[int]) -> Iterator["Records"]:
        """Give the records in parts of these sizes, in their order."""
        start = 0
        for size in sizes:
            part = slice(start, start + size)
            yield Records(
                self.ids[part],
                None if self.embeddings is None else self.embeddings[part],
                None if self.documents is None else self.documents[part],
                None if self.metadatas is None else self.metadatas[part],
                None if self.uris is None else self.uris[part],
            )
            start += size


class Write(Struct, frozen=True):
    """One call of add, upsert or update: all of it is committed or none.

    An id that comes twice is applied in the order given. A column of None, or None within a column, leaves what is
    stored.
    """

    mode: Mode
    records: Records


class Get(Struct, frozen=True):
    """Records by id and filter, in the order of their insertion; unknown ids drop out."""

    ids: list[str] | None = None
    where: Where | None = None
    limit: int | None = None
    offset: int = 0
    fields: Fields = frozenset(("documents", "metadatas"))


class Query(Struct, frozen=True):
    """The `k` nearest records of each row of `embeddings` (q, dimension), among `ids` and `where` if given."""

    embeddings: Floats
    k: int = 10
    ids: list[str] | None = None
    where: Where | None = None
    fields: Fields = frozenset(("documents", "metadatas"))


class Hits(Struct, frozen=True):
    """What a query found: for each of its rows the records, nearest first, and their distances in the collection's
    space.
    """

    records: list[Records]
    distances: list[list[float]]


class Delete(Struct, frozen=True):
    """The records to remove: those with one of `ids` (if given) that match `where` (if given), the first `limit` of
    them.
    """

    ids: list[str] | None = None
    where: Where | None = None
    limit: int | None = None

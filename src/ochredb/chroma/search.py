"""Chroma's `Search`: a condition, an expression that scores, groups, a part of the list, and fields (contract 2.5)."""

from collections.abc import Iterable
from typing import Any, ClassVar, TypedDict

from msgspec import Struct

from ochredb.chroma.condition import Key, Where
from ochredb.chroma.rank import Rank
from ochredb.core.errors import BadType, BadValue


class Limit(Struct, frozen=True):
    """So many results after passing over so many; without `limit` all of them."""

    offset: int = 0
    limit: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire."""
        return {"offset": self.offset} if self.limit is None else {"offset": self.offset, "limit": self.limit}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Limit":
        """Read a dictionary with `offset` and `limit`, both optional; BadType or BadValue for another."""
        _known("Limit", data, ("offset", "limit"))
        offset, limit = data.get("offset", 0), data.get("limit")
        if not isinstance(offset, int):
            raise BadType(f"Limit offset must be an integer, got {type(offset).__name__}")
        if offset < 0:
            raise BadValue(f"Limit offset must be non-negative, got {offset}")
        if not isinstance(limit, int | None):
            raise BadType(f"Limit limit must be an integer, got {type(limit).__name__}")
        if limit is not None and limit <= 0:
            raise BadValue(f"Limit limit must be positive, got {limit}")
        return Limit(offset, limit)


class Select(Struct, frozen=True):
    """The fields to give with each result; ids always come."""

    keys: set[Key | str] = set()

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire, names in order."""
        return {"keys": sorted(map(_name, self.keys))}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Select":
        """Read a dictionary with `keys`; BadType or BadValue for another."""
        _known("Select", data, ("keys",))
        keys = data.get("keys", [])
        if not isinstance(keys, list | tuple | set):
            raise BadType(f"Select keys must be a list/tuple/set, got {type(keys).__name__}")
        for key in keys:
            if not isinstance(key, str | Key):
                raise BadType(f"Select key must be a string, got {type(key).__name__}")
        return Select({Key(key) if isinstance(key, str) else key for key in keys})


class Aggregate(Struct, frozen=True):
    """Which records of a group to keep."""

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire."""
        # Callers may make this class and derive from it, as from Chroma's, so that it cannot be abstract.
        raise NotImplementedError("Subclasses must implement to_dict()")

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Aggregate":
        """Read `{"$min_k": {"keys": [...], "k": ...}}` or `$max_k`; BadType or BadValue for another."""
        if not isinstance(data, dict):
            raise BadType(f"Expected dict for Aggregate, got {type(data).__name__}")
        if not data:
            raise BadValue("Aggregate dict cannot be empty")
        if len(data) != 1:
            raise BadValue(f"Aggregate dict must contain exactly one operator, got {len(data)}")
        ((operator, told),) = data.items()
        if operator not in AGGREGATES:
            raise BadValue(f"Unknown aggregate operator: {operator}; it is one of {', '.join(AGGREGATES)}")
        return _first_k(AGGREGATES[operator], told)


class _FirstK(Aggregate, frozen=True):
    operator: ClassVar[str]
    keys: Key | str | list[Key | str]
    k: int

    def to_dict(self) -> dict[str, Any]:
        return {self.operator: {"keys": _names(self.keys), "k": self.k}}


class MinK(_FirstK, frozen=True):
    """The `k` records of a group whose values at `keys` are least."""

    operator = "$min_k"


class MaxK(_FirstK, frozen=True):
    """The `k` records of a group whose values at `keys` are greatest."""

    operator = "$max_k"


AGGREGATES: dict[str, type[_FirstK]] = {kind.operator: kind for kind in (MinK, MaxK)}


class GroupBy(Struct, frozen=True):
    """Keep only some records of each group, a group being those with equal values at `keys`."""

    keys: Key | str | list[Key | str] = []
    aggregate: Aggregate | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire; {} if it does not group."""
        if self.aggregate is None or not _names(self.keys):
            return {}
        return {"keys": _names(self.keys), "aggregate": self.aggregate.to_dict()}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "GroupBy":
        """Read a dictionary with `keys` and `aggregate`, or an empty one; BadType or BadValue for another."""
        if not isinstance(data, dict):
            raise BadType(f"Expected dict for GroupBy, got {type(data).__name__}")
        if not data:
            return GroupBy()
        for field in ("keys", "aggregate"):
            if field not in data:
                raise BadValue(f"GroupBy requires '{field}' field")
        if not isinstance(data["aggregate"], dict):
            raise BadType(f"GroupBy aggregate must be a dict, got {type(data['aggregate']).__name__}")
        return GroupBy(_read_keys("GroupBy", data["keys"]), Aggregate.from_dict(data["aggregate"]))


class Search:
    """One search; each method gives a new one, so that searches share their beginnings.

    >>> from ochredb.chroma.rank import Knn
    >>> Search().rank(Knn(query=[1.0, 0.0])).limit(5).select(Key.DOCUMENT, "year").to_dict()["limit"]
    {'offset': 0, 'limit': 5}

    Args:
        where: A condition, or the dictionary of one.
        rank: What to score by, smallest first; without it records come in the order of their insertion.
        group_by: Groups, or the dictionary of them.
        limit: How many results, or a `Limit`, or the dictionary of one.
        select: Names of fields, a `Select`, or the dictionary of one.

    Raises:
        BadType: An argument of another type.
        BadValue: An argument that means nothing.
    """

    def __init__(
        self,
        where: Where | dict[str, Any] | None = None,
        rank: Rank | dict[str, Any] | None = None,
        group_by: GroupBy | dict[str, Any] | None = None,
        limit: Limit | dict[str, Any] | int | None = None,
        select: Select | dict[str, Any] | list[str] | set[str] | None = None,
    ) -> None:
        self._where: Where | None = _read("where", where, Where)
        self._rank: Rank | None = _read("rank", rank, Rank)
        self._group_by: GroupBy = _read("group_by", group_by, GroupBy) or GroupBy()
        self._limit = _read_limit(limit)
        self._select = _read_select(select)

    def __repr__(self) -> str:
        return f"Search({self.to_dict()})"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire."""
        return {
            "filter": None if self._where is None else self._where.to_dict(),
            "rank": None if self._rank is None else self._rank.to_dict(),
            "group_by": self._group_by.to_dict(),
            "limit": self._limit.to_dict(),
            "select": self._select.to_dict(),
        }

    def where(self, where: Where | dict[str, Any] | None) -> "Search":
        """Search among the records that match."""
        return Search(where, self._rank, self._group_by, self._limit, self._select)

    def rank(self, rank_expr: Rank | dict[str, Any] | None) -> "Search":
        """Score by this expression."""
        return Search(self._where, rank_expr, self._group_by, self._limit, self._select)

    def group_by(self, group_by: GroupBy | dict[str, Any] | None) -> "Search":
        """Keep only some records of each group."""
        return Search(self._where, self._rank, group_by, self._limit, self._select)

    def limit(self, limit: int, offset: int = 0) -> "Search":
        """Give so many results after passing over so many."""
        part = Limit.from_dict({"offset": offset, "limit": limit})
        return Search(self._where, self._rank, self._group_by, part, self._select)

    def select(self, *keys: Key | str) -> "Search":
        """Give these fields with each result."""
        return Search(self._where, self._rank, self._group_by, self._limit, Select.from_dict({"keys": keys}))

    def select_all(self) -> "Search":
        """Give documents, metadata, embeddings and scores."""
        return self.select(Key.DOCUMENT, Key.METADATA, Key.EMBEDDING, Key.SCORE)


class SearchResultRow(TypedDict, total=False):
    """One result; what was not selected, or is not there, has no key."""

    id: str
    document: str | None
    embedding: list[float] | None
    metadata: dict[str, Any] | None
    score: float | None


class SearchResult(dict[str, Any]):
    """What `search` returns: ids, documents, embeddings, metadatas, scores, select, each with one entry a search."""

    def rows(self) -> list[list[SearchResultRow]]:
        """Give the results of each search as one dictionary each."""
        return [self._rows(search, ids) for search, ids in enumerate(self["ids"])]

    def _rows(self, search: int, ids: list[str]) -> list[SearchResultRow]:
        rows: list[SearchResultRow] = [{"id": id_} for id_ in ids]
        for field, column in ROW_FIELDS.items():
            values = (self.get(column) or [None] * (search + 1))[search]
            for row, value in zip(rows, values or [None] * len(ids), strict=True):
                if value is not None:
                    row[field] = value  # type: ignore[literal-required] # the table has no other fields
        return rows


ROW_FIELDS = {"document": "documents", "embedding": "embeddings", "metadata": "metadatas", "score": "scores"}


def _name(key: Key | str) -> str:
    return key.name if isinstance(key, Key) else key


def _names(keys: Key | str | list[Key | str]) -> list[str]:
    return [_name(key) for key in keys] if isinstance(keys, list) else [_name(keys)]


def _known(what: str, data: object, fields: Iterable[str]) -> None:
    if not isinstance(data, dict):
        raise BadType(f"Expected dict for {what}, got {type(data).__name__}")
    unknown = set(data).difference(fields)
    if unknown:
        raise BadValue(f"Unexpected keys in {what} dict: {unknown}")


def _read_keys(what: str, keys: object) -> list[Key | str]:
    if not isinstance(keys, list | tuple):
        raise BadType(f"{what} keys must be a list, got {type(keys).__name__}")
    if not keys:
        raise BadValue(f"{what} keys cannot be empty")
    for key in keys:
        if not isinstance(key, str | Key):
            raise BadType(f"{what} key must be a string, got {type(key).__name__}")
    return [Key(key) if isinstance(key, str) else key for key in keys]


def _first_k(kind: type[_FirstK], told: object) -> Aggregate:
    if not isinstance(told, dict):
        raise BadType(f"{kind.operator} requires a dict, got {type(told).__name__}")
    for field in ("keys", "k"):
        if field not in told:
            raise BadValue(f"{kind.operator} requires '{field}' field")
    keys, k = _read_keys(kind.operator, told["keys"]), told["k"]
    if not isinstance(k, int):
        raise BadType(f"{kind.operator} k must be an integer, got {type(k).__name__}")
    if k <= 0:
        raise BadValue(f"{kind.operator} k must be positive, got {k}")
    return kind(keys, k)


def _read(name: str, value: object, kind: Any) -> Any:
    if value is None or isinstance(value, kind):
        return value
    if isinstance(value, dict):
        return kind.from_dict(value)
    raise BadType(f"{name} must be a {kind.__name__} object, dict, or None, got {type(value).__name__}")


def _read_limit(value: object) -> Limit:
    match value:
        case None:
            return Limit()
        case Limit():
            return value
        case int():
            return Limit.from_dict({"limit": value})
        case dict():
            return Limit.from_dict(value)
    raise BadType(f"limit must be a Limit object, dict, int, or None, got {type(value).__name__}")


def _read_select(value: object) -> Select:
    match value:
        case None:
            return Select()
        case Select():
            return value
        case list() | set():
            return Select.from_dict({"keys": value})
        case dict():
            return Select.from_dict(value)
    raise BadType(f"select must be a Select object, dict, list, set, or None, got {type(value).__name__}")

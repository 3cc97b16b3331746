"""Chroma's expressions that score records, smaller first: `Knn(query=[...]) * 0.7 + Val(1)` (contract 2.5)."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ochredb.chroma.condition import Key
from ochredb.core.errors import BadType, BadValue
from ochredb.core.model import SparseVector

Term: TypeAlias = "Rank | float | int"


class Rank(Struct, frozen=True):
    """An expression; numbers and other expressions combine with it by `+ - * /`, `max` and `min`."""

    def to_dict(self) -> dict[str, Any]:
        """Give the form that goes over the wire."""
        # Callers may make this class and derive from it, as from Chroma's, so that it cannot be abstract.
        raise NotImplementedError("Subclasses must implement to_dict()")

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Rank":
        """Read what `to_dict` gave.

        >>> Rank.from_dict({"$sum": [{"$val": 1}, {"$val": 2}]})
        Sum(ranks=[Val(value=1), Val(value=2)])

        Raises:
            BadType: Something that is no dictionary, or an operand of a wrong type.
            BadValue: No operator or several, one that there is not, or an operand that is missing.
        """
        if not isinstance(data, dict):
            raise BadType(f"Expected dict for Rank, got {type(data).__name__}")
        if not data:
            raise BadValue("Rank dict cannot be empty")
        if len(data) != 1:
            raise BadValue(f"Rank dict must contain exactly one operator, got {len(data)}")
        ((operator, operand),) = data.items()
        if operator not in READERS:
            raise BadValue(f"Unknown rank operator: {operator}; it is one of {', '.join(READERS)}")
        return READERS[operator](operand)

    def __add__(self, other: Term) -> "Sum":
        return _many(Sum, self, other)

    def __radd__(self, other: Term) -> "Sum":
        return _many(Sum, other, self)

    def __mul__(self, other: Term) -> "Mul":
        return _many(Mul, self, other)

    def __rmul__(self, other: Term) -> "Mul":
        return _many(Mul, other, self)

    def __sub__(self, other: Term) -> "Sub":
        return Sub(self, _rank(other))

    def __rsub__(self, other: Term) -> "Sub":
        return Sub(_rank(other), self)

    def __truediv__(self, other: Term) -> "Div":
        return Div(self, _rank(other))

    def __rtruediv__(self, other: Term) -> "Div":
        return Div(_rank(other), self)

    def __neg__(self) -> "Mul":
        return Mul([Val(-1), self])

    def __abs__(self) -> "Abs":
        return Abs(self)

    def abs(self) -> "Abs":
        """Give its absolute value."""
        return Abs(self)

    def exp(self) -> "Exp":
        """Give e to its power."""
        return Exp(self)

    def log(self) -> "Log":
        """Give its natural logarithm."""
        return Log(self)

    def max(self, other: Term) -> "Max":
        """Give the greater of both."""
        return _many(Max, self, other)

    def min(self, other: Term) -> "Min":
        """Give the less of both."""
        return _many(Min, self, other)


class Val(Rank, frozen=True):
    """A number."""

    value: float

    def to_dict(self) -> dict[str, Any]:
        """Give `{"$val": value}`."""
        return {"$val": self.value}


class Knn(Rank, frozen=True):
    """The distance to a query of its `limit` nearest records; others have `default`, or drop out without one.

    Args:
        query: A vector, a sparse vector, or a text that is embedded by the collection's function for the key.
        key: The field that is compared: `K.EMBEDDING`, or a metadata key with sparse vectors.
        limit: How many records are scored.
        default: The score of all others.
        return_rank: Score by position, 0 for the nearest, as `Rrf` wants it.
    """

    query: str | list[float] | SparseVector | npt.NDArray[np.float32] | npt.NDArray[np.float64] | npt.NDArray[np.int32]
    key: Key | str = Key.EMBEDDING
    limit: int = 16
    default: float | None = None
    return_rank: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give `{"$knn": {...}}`; `default` and `return_rank` are in it only if they say something."""
        key = self.key.name if isinstance(self.key, Key) else self.key
        told: dict[str, Any] = {"query": _told(self.query), "key": key, "limit": self.limit}
        if self.default is not None:
            told["default"] = self.default
        if self.return_rank:
            told["return_rank"] = True
        return {"$knn": told}


class _Many(Rank, frozen=True):
    operator: ClassVar[str]
    ranks: list[Rank]

    def to_dict(self) -> dict[str, Any]:
        return {self.operator: [rank.to_dict() for rank in self.ranks]}


class Sum(_Many, frozen=True):
    """All of them added."""

    operator = "$sum"


class Mul(_Many, frozen=True):
    """All of them multiplied."""

    operator = "$mul"


class Max(_Many, frozen=True):
    """The greatest of them."""

    operator = "$max"


class Min(_Many, frozen=True):
    """The least of them."""

    operator = "$min"


class _Pair(Rank, frozen=True):
    operator: ClassVar[str]
    left: Rank
    right: Rank

    def to_dict(self) -> dict[str, Any]:
        return {self.operator: {"left": self.left.to_dict(), "right": self.right.to_dict()}}


class Sub(_Pair, frozen=True):
    """The left one less the right one."""

    operator = "$sub"


class Div(_Pair, frozen=True):
    """The left one divided by the right one."""

    operator = "$div"


class _Single(Rank, frozen=True):
    operator: ClassVar[str]
    rank: Rank

    def to_dict(self) -> dict[str, Any]:
        return {self.operator: self.rank.to_dict()}


class Abs(_Single, frozen=True):
    """The absolute value."""

    operator = "$abs"


class Exp(_Single, frozen=True):
    """The power of e to it."""

    operator = "$exp"


class Log(_Single, frozen=True):
    """The natural logarithm."""

    operator = "$log"


class Rrf(Rank, frozen=True):
    """Reciprocal rank fusion: - sum of weight / (k + rank), over ranks that are `Knn(..., return_rank=True)`.

    Args:
        ranks: At least one.
        k: Greater than 0; the greater, the less the first places count.
        weights: One a rank, none negative; 1 each if not given.
        normalize: Divide the weights by their sum.
    """

    ranks: list[Rank]
    k: int = 60
    weights: list[float] | None = None
    normalize: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give it in terms of the other expressions.

        Raises:
            BadValue: Arguments that are not as said.
        """
        if not self.ranks:
            raise BadValue("RRF requires at least one rank")
        if self.k <= 0:
            raise BadValue(f"k must be positive, got {self.k}")
        weighed = zip(self._shares(), self.ranks, strict=True)
        terms: list[Rank] = [Div(Val(share), Val(self.k) + rank) for share, rank in weighed]
        return (-(terms[0] if len(terms) == 1 else Sum(terms))).to_dict()

    def _shares(self) -> list[float]:
        weights = [1.0] * len(self.ranks) if self.weights is None else self.weights
        if len(weights) != len(self.ranks):
            raise BadValue(f"Number of weights ({len(weights)}) must match number of ranks ({len(self.ranks)})")
        if any(weight < 0 for weight in weights):
            raise BadValue(f"All weights must be non-negative, got {weights}")
        if not self.normalize:
            return weights
        whole = sum(weights)
        if whole <= 0:
            raise BadValue("Sum of weights must be positive when normalize=True")
        return [weight / whole for weight in weights]


M = TypeVar("M", bound=_Many)


def _rank(term: object) -> Rank:
    if isinstance(term, Rank):
        return term
    if isinstance(term, int | float):
        return Val(term)
    raise BadType(f"Expected a Rank or a number, got {type(term).__name__}")


def _many(kind: type[M], left: object, right: object) -> M:
    """Join two terms; what is already joined in the same way becomes one list."""
    sides = (_rank(left), _rank(right))
    return kind([rank for side in sides for rank in (side.ranks if isinstance(side, kind) else [side])])


def _told(query: object) -> Any:
    if isinstance(query, SparseVector):
        return query.to_dict()
    return query.tolist() if isinstance(query, np.ndarray) else query


def _read_val(operand: object) -> Rank:
    if not isinstance(operand, int | float):
        raise BadType(f"$val requires a number, got {type(operand).__name__}")
    return Val(operand)


KNN_FIELDS = {"key": (str, "a string"), "limit": (int, "an integer"), "return_rank": (bool, "a boolean")}


def _read_knn(operand: object) -> Rank:
    if not isinstance(operand, dict):
        raise BadType(f"$knn requires a dict, got {type(operand).__name__}")
    if "query" not in operand:
        raise BadValue("$knn requires 'query' field")
    for field, (kind, name) in KNN_FIELDS.items():
        if field in operand and not isinstance(operand[field], kind):
            raise BadType(f"$knn {field} must be {name}, got {type(operand[field]).__name__}")
    default = operand.get("default")
    if not isinstance(default, int | float | None):
        raise BadType(f"$knn default must be a number, got {type(default).__name__}")
    limit = operand.get("limit", 16)
    if limit <= 0:
        raise BadValue(f"$knn limit must be positive, got {limit}")
    key = operand.get("key", Key.EMBEDDING)
    return Knn(_read_query(operand["query"]), key, limit, default, operand.get("return_rank", False))


def _read_query(query: object) -> Any:
    if isinstance(query, dict):
        return SparseVector.from_dict(query)
    if isinstance(query, list):
        if not query or not all(isinstance(number, int | float) for number in query):
            raise BadValue(f"$knn query must be a non-empty list of floats or ints, got {query!r}")
        return query
    if isinstance(query, np.ndarray):
        return query
    raise BadType(f"$knn query must be a list, numpy array, or SparseVector dict, got {type(query).__name__}")


def _read_many(kind: type[_Many]) -> Callable[[Any], Rank]:
    def read(operand: Any) -> Rank:
        if not isinstance(operand, list):
            raise BadType(f"{kind.operator} requires a list, got {type(operand).__name__}")
        if len(operand) < 2:
            raise BadValue(f"{kind.operator} requires at least 2 ranks, got {len(operand)}")
        return kind([Rank.from_dict(part) for part in operand])

    return read


def _read_pair(kind: type[_Pair]) -> Callable[[Any], Rank]:
    def read(operand: Any) -> Rank:
        if not isinstance(operand, dict):
            raise BadType(f"{kind.operator} requires a dict with 'left' and 'right', got {type(operand).__name__}")
        if "left" not in operand or "right" not in operand:
            raise BadValue(f"{kind.operator} requires 'left' and 'right' fields")
        return kind(Rank.from_dict(operand["left"]), Rank.from_dict(operand["right"]))

    return read


def _read_single(kind: type[_Single]) -> Callable[[Any], Rank]:
    def read(operand: Any) -> Rank:
        if not isinstance(operand, dict):
            raise BadType(f"{kind.operator} requires a rank dict, got {type(operand).__name__}")
        return kind(Rank.from_dict(operand))

    return read


READERS: dict[str, Callable[[Any], Rank]] = {
    "$val": _read_val,
    "$knn": _read_knn,
    **{kind.operator: _read_many(kind) for kind in (Sum, Mul, Max, Min)},
    **{kind.operator: _read_pair(kind) for kind in (Sub, Div)},
    **{kind.operator: _read_single(kind) for kind in (Abs, Exp, Log)},
}

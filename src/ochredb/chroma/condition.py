"""Chroma's conditions on records as objects: `(K("year") >= 2015) & K("tags").contains("new")` (contract 2.5).

They are another way to write the dictionaries that `where` takes; what these mean is said in `core.where`.
"""

from typing import Any, ClassVar, NoReturn, TypeAlias, overload

from msgspec import Struct

from ochredb.core.errors import BadType, BadValue

Literal: TypeAlias = str | int | float | bool


class Where(Struct, frozen=True):
    """A condition; `&` joins conditions that must all hold, `|` those of which one must."""

    def to_dict(self) -> dict[str, Any]:
        """Give the dictionary that means the same."""
        # Callers may make this class and derive from it, as from Chroma's, so that it cannot be abstract.
        raise NotImplementedError("Subclasses must implement to_dict()")

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "Where":
        """Read a dictionary with one field, or with `$and` or `$or`.

        >>> Where.from_dict({"year": {"$gte": 2015}})
        Gte(key='year', value=2015)

        Raises:
            BadType: Something that is no dictionary, or an operand of a wrong type.
            BadValue: No field or several, or an operator that there is not.
        """
        if not isinstance(data, dict):
            raise BadType(f"Expected dict for Where, got {type(data).__name__}")
        if not data:
            raise BadValue("Where dict cannot be empty")
        for operator, joining in JOINING.items():
            if operator in data:
                return _joined(joining, data)
        if len(data) != 1:
            raise BadValue(f"Where dict must contain exactly one field, got {len(data)}")
        ((key, told),) = data.items()
        if not isinstance(key, str):
            raise BadType(f"Field name must be a string, got {type(key).__name__}")
        return _comparison(key, told) if isinstance(told, dict) else Eq(key, told)

    def __and__(self, other: "Where") -> "And":
        return And(_conditions(self, And) + _conditions(other, And)) if isinstance(other, Where) else NotImplemented

    def __or__(self, other: "Where") -> "Or":
        return Or(_conditions(self, Or) + _conditions(other, Or)) if isinstance(other, Where) else NotImplemented


class _Joined(Where, frozen=True):
    operator: ClassVar[str]
    conditions: list[Where]

    def to_dict(self) -> dict[str, Any]:
        return {self.operator: [condition.to_dict() for condition in self.conditions]}


class And(_Joined, frozen=True):
    """All conditions hold."""

    operator = "$and"


class Or(_Joined, frozen=True):
    """One of the conditions holds."""

    operator = "$or"


class _OfValue(Where, frozen=True):
    operator: ClassVar[str]
    key: str
    value: Any

    def to_dict(self) -> dict[str, Any]:
        return {self.key: {self.operator: self.value}}


class Eq(_OfValue, frozen=True):
    """The value at the key is this one."""

    operator = "$eq"


class Ne(_OfValue, frozen=True):
    """The value at the key is not this one, or there is none."""

    operator = "$ne"


class Gt(_OfValue, frozen=True):
    """The number at the key is greater."""

    operator = "$gt"


class Gte(_OfValue, frozen=True):
    """The number at the key is greater or equal."""

    operator = "$gte"


class Lt(_OfValue, frozen=True):
    """The number at the key is less."""

    operator = "$lt"


class Lte(_OfValue, frozen=True):
    """The number at the key is less or equal."""

    operator = "$lte"


class Contains(_OfValue, frozen=True):
    """The array at the key has this element; the document, `K.DOCUMENT`, this substring."""

    operator = "$contains"


class NotContains(_OfValue, frozen=True):
    """What `Contains` says does not hold."""

    operator = "$not_contains"


class _OfValues(Where, frozen=True):
    operator: ClassVar[str]
    key: str
    values: list[Any]

    def to_dict(self) -> dict[str, Any]:
        return {self.key: {self.operator: self.values}}


class In(_OfValues, frozen=True):
    """The value at the key is one of these."""

    operator = "$in"


class Nin(_OfValues, frozen=True):
    """The value at the key is none of these, or there is none."""

    operator = "$nin"


class _OfPattern(Where, frozen=True):
    operator: ClassVar[str]
    key: str
    pattern: str

    def to_dict(self) -> dict[str, Any]:
        return {self.key: {self.operator: self.pattern}}


class Regex(_OfPattern, frozen=True):
    """The text at the key has a match of the pattern."""

    operator = "$regex"


class NotRegex(_OfPattern, frozen=True):
    """What `Regex` says does not hold."""

    operator = "$not_regex"


class Key:
    """A field of a record: a metadata key, or one of the constants; comparing it makes a condition.

    >>> (Key("year") >= 2015) & Key("tags").contains("new")
    And(conditions=[Gte(key='year', value=2015), Contains(key='tags', value='new')])
    """

    ID: ClassVar["Key"]
    DOCUMENT: ClassVar["Key"]
    EMBEDDING: ClassVar["Key"]
    METADATA: ClassVar["Key"]
    SCORE: ClassVar["Key"]

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Key({self.name!r})"

    def __hash__(self) -> int:
        return hash(self.name)

    # Two keys are compared as values, which sets and dictionaries need; no engine compares one field with another.
    @overload  # type: ignore[override] # an operator of this little language
    def __eq__(self, value: "Key") -> bool: ...
    @overload
    def __eq__(self, value: Any) -> Eq: ...
    def __eq__(self, value: Any) -> bool | Eq:
        return self.name == value.name if isinstance(value, Key) else Eq(self.name, value)

    @overload  # type: ignore[override] # as above
    def __ne__(self, value: "Key") -> bool: ...
    @overload
    def __ne__(self, value: Any) -> Ne: ...
    def __ne__(self, value: Any) -> bool | Ne:
        return self.name != value.name if isinstance(value, Key) else Ne(self.name, value)

    def __gt__(self, value: Any) -> Gt:
        return Gt(self.name, value)

    def __ge__(self, value: Any) -> Gte:
        return Gte(self.name, value)

    def __lt__(self, value: Any) -> Lt:
        return Lt(self.name, value)

    def __le__(self, value: Any) -> Lte:
        return Lte(self.name, value)

    def is_in(self, values: list[Any]) -> In:
        """Ask for one of these values."""
        return In(self.name, values)

    def not_in(self, values: list[Any]) -> Nin:
        """Ask for none of these values."""
        return Nin(self.name, values)

    def regex(self, pattern: str) -> Regex:
        """Ask for a match of a regular expression."""
        return Regex(self.name, pattern)

    def not_regex(self, pattern: str) -> NotRegex:
        """Ask for no match of a regular expression."""
        return NotRegex(self.name, pattern)

    def contains(self, value: Literal) -> Contains:
        """Ask for an element of an array, or for a substring of the document."""
        return Contains(self.name, value)

    def not_contains(self, value: Literal) -> NotContains:
        """Ask for what `contains` does not find."""
        return NotContains(self.name, value)


Key.ID, Key.DOCUMENT, Key.EMBEDDING = Key("#id"), Key("#document"), Key("#embedding")
Key.METADATA, Key.SCORE = Key("#metadata"), Key("#score")
K = Key

JOINING: dict[str, type[And] | type[Or]] = {joining.operator: joining for joining in (And, Or)}
OF_VALUE: dict[str, type[_OfValue]] = {
    kind.operator: kind for kind in (Eq, Ne, Gt, Gte, Lt, Lte, Contains, NotContains)
}
OF_VALUES: dict[str, type[_OfValues]] = {kind.operator: kind for kind in (In, Nin)}
OF_PATTERN: dict[str, type[_OfPattern]] = {kind.operator: kind for kind in (Regex, NotRegex)}


def _conditions(where: Where, joining: type[_Joined]) -> list[Where]:
    return where.conditions if isinstance(where, joining) else [where]


def _joined(joining: type[And] | type[Or], data: dict[str, Any]) -> Where:
    operator, parts = joining.operator, data[joining.operator]
    if len(data) > 1:
        raise BadValue(f"{operator} cannot be combined with other fields in the same dict")
    if not isinstance(parts, list):
        raise BadType(f"{operator} must be a list, got {type(parts).__name__}")
    if not parts:
        raise BadValue(f"{operator} requires at least one condition")
    conditions = [Where.from_dict(part) for part in parts]
    return conditions[0] if len(conditions) == 1 else joining(conditions)


def _comparison(key: str, told: dict[str, Any]) -> Where:
    if not told:
        raise BadValue(f"Operator dict for field '{key}' cannot be empty")
    if len(told) > 1:
        raise BadValue(f"Operator dict for field '{key}' must contain exactly one operator")
    ((operator, operand),) = told.items()
    if operator in OF_VALUES:
        if not isinstance(operand, list):
            _refuse(operator, "a list", operand)
        return OF_VALUES[operator](key, operand)
    if operator in OF_PATTERN:
        if not isinstance(operand, str):
            _refuse(operator, "a string pattern", operand)
        return OF_PATTERN[operator](key, operand)
    if operator not in OF_VALUE:
        raise BadValue(f"Unknown operator: {operator} at where[{key!r}]")
    if operator in (Contains.operator, NotContains.operator) and not isinstance(operand, Literal):
        _refuse(operator, "a str, int, float, or bool", operand)
    return OF_VALUE[operator](key, operand)


def _refuse(operator: str, wanted: str, found: object) -> NoReturn:
    raise BadType(f"{operator} requires {wanted}, got {type(found).__name__}")

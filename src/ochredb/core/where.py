"""Filter trees: parse, unparse, and `matches`, the meaning that every interpreter must agree with.

A negative operator is the complement of its positive one over all records, so that the tree has one `Not`, and `$ne`,
`$nin`, `$not_contains` and `$not_regex` are ways to write it. int and float are one domain of numbers wherever scalars
are compared; an element of an array is compared with its exact type; bool is never a number (Chroma 1.5.9, contract
1.15 and 1.16).
"""

from collections.abc import Callable
from difflib import get_close_matches
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any, Literal, TypeAlias, assert_never

from msgspec import Struct

from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.core.pattern import compile_pattern

Scalar: TypeAlias = str | int | float | bool
OrderOp: TypeAlias = Literal["$gt", "$gte", "$lt", "$lte"]


class Equal(Struct, frozen=True, tag=True):
    """The scalar at `key` is `value`; an array is equal to nothing."""

    key: str
    value: Scalar


class Order(Struct, frozen=True, tag=True):
    """The number at `key` stands in this order to `value`."""

    key: str
    op: OrderOp
    value: int | float


class Among(Struct, frozen=True, tag=True):
    """The scalar at `key` is one of `values`."""

    key: str
    values: tuple[Scalar, ...]


class Holds(Struct, frozen=True, tag=True):
    """The array at `key` has the element `value`, type and all."""

    key: str
    value: Scalar


class Contains(Struct, frozen=True, tag=True):
    """The document has this substring, code point by code point."""

    text: str


class Regex(Struct, frozen=True, tag=True):
    """The document has a match of this pattern anywhere."""

    pattern: str


class Not(Struct, frozen=True, tag=True):
    """Every record that `node` does not match, those without the key or the document included."""

    node: "Where"


class And(Struct, frozen=True, tag=True):
    """Every node matches; no node at all matches everything."""

    nodes: tuple["Where", ...]


class Or(Struct, frozen=True, tag=True):
    """Some node matches; no node at all matches nothing."""

    nodes: tuple["Where", ...]


Where: TypeAlias = Equal | Order | Among | Holds | Contains | Regex | Not | And | Or

ORDER: dict[OrderOp, Callable[[Any, Any], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
NEGATIVE = {"$ne": "$eq", "$nin": "$in", "$not_contains": "$contains", "$not_regex": "$regex"}
POSITIVE = {positive: negative for negative, positive in NEGATIVE.items()}
OPERATORS = ("$gt", "$gte", "$lt", "$lte", "$ne", "$eq", "$in", "$nin", "$contains", "$not_contains")
DOCUMENT_OPERATORS = ("$contains", "$not_contains", "$regex", "$not_regex", "$and", "$or")
LOGICAL: dict[str, type[And] | type[Or]] = {"$and": And, "$or": Or}
DOCUMENT = "#document"
DEEPEST = 63
INT64 = range(-(2**63), 2**63)


def matches(where: Where, metadata: dict[str, Any] | None, document: str | None) -> bool:
    """Tell whether a record is what the filter asks for.

    >>> matches(parse({"year": {"$gte": 2015}}), {"year": 2015.0}, None)
    True
    """
    match where:
        case Equal(key, value):
            return same((metadata or {}).get(key), value)
        case Order(key, op, value):
            found = (metadata or {}).get(key)
            return is_number(found) and ORDER[op](found, value)
        case Among(key, values):
            return any(same((metadata or {}).get(key), value) for value in values)
        case Holds(key, value):
            found = (metadata or {}).get(key)
            return isinstance(found, list) and any(type(item) is type(value) and item == value for item in found)
        case Contains(text):
            return document is not None and text in document
        case Regex(pattern):
            return document is not None and compile_pattern(pattern).search(document) is not None
        case Not(node):
            return not matches(node, metadata, document)
        case And(nodes):
            return all(matches(node, metadata, document) for node in nodes)
        case Or(nodes):
            return any(matches(node, metadata, document) for node in nodes)
        case _:
            assert_never(where)


def is_number(value: object) -> bool:
    """Tell whether a value belongs to the one domain of int and float, which bool does not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(found: object, value: Scalar) -> bool:
    """Tell whether two scalars are equal: numbers by value, everything else by type and value."""
    if is_number(found):
        return is_number(value) and found == value
    return type(found) is type(value) and found == value


def both(*wheres: Where | None) -> Where | None:
    """Join filters that must all match; None is no filter."""
    given = tuple(where for where in wheres if where is not None)
    return given[0] if len(given) == 1 else And(given) if given else None


def unparse(where: Where) -> dict[str, Any]:
    """Write a tree as the dictionary it came from, document conditions under `#document`."""
    match where:
        case Equal(key, value):
            return {key: {"$eq": value}}
        case Order(key, op, value):
            return {key: {op: value}}
        case Among(key, values):
            return {key: {"$in": list(values)}}
        case Holds(key, value):
            return {key: {"$contains": value}}
        case Contains(text):
            return {DOCUMENT: {"$contains": text}}
        case Regex(pattern):
            return {DOCUMENT: {"$regex": pattern}}
        case Not(And() | Or() | Not()):
            raise BadValue("only a single condition can be negated in Chroma's dialect")
        case Not(node):
            ((key, condition),) = unparse(node).items()
            ((op, operand),) = condition.items()
            if op not in POSITIVE:
                raise BadValue(f"operator {op} has no negative in Chroma's dialect")
            return {key: {POSITIVE[op]: operand}}
        case And(nodes):
            return {"$and": [unparse(node) for node in nodes]}
        case Or(nodes):
            return {"$or": [unparse(node) for node in nodes]}
        case _:
            assert_never(where)


def parse(where: object, path: str = "where", *, wire: bool = False) -> Where:
    """Read a `where` dictionary.

    Args:
        where: Chroma's grammar (contract 1.15): one key, a scalar or one operator.
        path: Where it stands, for errors.
        wire: Read what Chroma's server takes beyond its Python client: `$and` and `$or` of fewer than two conditions,
            and `$regex` under `#document`; all that `unparse` writes.

    Raises:
        BadValue: Anything outside the grammar; the text begins as Chroma's does, then names the path.
        InvalidArgumentError: An int beyond 64 bits, an ordered comparison with a bool, or more than `DEEPEST` levels.
    """
    return _parse(where, path, wire, 0)


def _parse(where: object, path: str, wire: bool, depth: int) -> Where:
    key, value = _single(where, path, "where")
    if key in LOGICAL:
        items = _items(value, path, key, wire, "where value for $and or $or", "where expressions")
        _refuse_deep(path, depth)
        nodes = (_parse(item, f"{path}[{key!r}][{n}]", wire, depth + 1) for n, item in enumerate(items))
        return LOGICAL[key](tuple(nodes))
    if not isinstance(key, str):
        raise _bad(f"Expected where key to be a str, got {key}", path)
    if key.startswith("$"):
        if isinstance(value, dict):
            _condition(key, value, f"{path}[{key!r}]")  # of two faults Chroma names the inner one
        raise _bad(f"Expected where key to be a metadata field name or a logical operator ($and, $or), got {key}", path)
    _encodable(key, path)
    key = str(key)
    here = f"{path}[{key!r}]"
    if isinstance(value, dict):
        return (
            _parse_document(value, here, wire, depth) if _is_regex(key, value, wire) else _condition(key, value, here)
        )
    if not isinstance(value, str | int | float):
        raise _bad(f"Expected where value to be a str, int, float, or operator expression, got {value}", here)
    if key == DOCUMENT:
        raise _unindexed_document(here)
    return Equal(key, _scalar(value, here))


def parse_document(where: object, path: str = "where_document", *, wire: bool = False) -> Where:
    """Read a `where_document` dictionary (contract 1.16); `wire` as in `parse`.

    Raises:
        BadValue: Anything outside the grammar; the text begins as Chroma's does, then names the path.
        InvalidArgumentError: A pattern that is no regular expression, or more than `DEEPEST` levels.
    """
    return _parse_document(where, path, wire, 0)


def _parse_document(where: object, path: str, wire: bool, depth: int) -> Where:
    op, operand = _single(where, path, "where document")
    if op not in DOCUMENT_OPERATORS:
        raise _bad(
            f"Expected where document operator to be one of {', '.join(DOCUMENT_OPERATORS)}, got {op}",
            path,
            _hint(op, DOCUMENT_OPERATORS),
        )
    if op in LOGICAL:
        items = _items(operand, path, op, wire, "document value for $and or $or", "where document expressions")
        _refuse_deep(path, depth)
        nodes = (_parse_document(item, f"{path}[{op!r}][{n}]", wire, depth + 1) for n, item in enumerate(items))
        return LOGICAL[op](tuple(nodes))
    if not isinstance(operand, str):
        raise _bad(f"Expected where document operand value for operator {op} to be a str, got {operand}", path)
    if not operand and not wire:  # on the wire "" stands for: has a document
        raise _bad(f"Expected where document operand value for operator {op} to be a non-empty str", path)
    _encodable(operand, f"{path}[{op!r}]")
    positive = NEGATIVE.get(op, op)
    if positive == "$regex":
        compile_pattern(operand)
    text = str(operand)
    node: Where = Contains(text) if positive == "$contains" else Regex(text)
    return Not(node) if op in NEGATIVE else node


def _is_regex(key: str, expression: dict[Any, Any], wire: bool) -> bool:
    return wire and key == DOCUMENT and expression.keys() <= {"$regex", "$not_regex"} and len(expression) == 1


def _refuse_deep(path: str, depth: int) -> None:
    if depth >= DEEPEST:
        raise InvalidArgumentError(f"Invalid where clause: nested more than {DEEPEST} levels deep, at {path[:80]}...")


def _condition(key: str, expression: dict[Any, Any], path: str) -> Where:
    if len(expression) != 1:
        raise _bad(f"Expected operator expression to have exactly one operator, got {expression}", path)
    ((op, operand),) = expression.items()
    if op not in OPERATORS:
        raise _bad(f"Expected where operator to be one of {', '.join(OPERATORS)}, got {op}", path, _hint(op, OPERATORS))
    path = f"{path}[{op!r}]"
    positive = NEGATIVE.get(op, op)
    if key == DOCUMENT and positive != "$contains":
        raise _unindexed_document(path)
    node = _READERS.get(positive, _order)(key, op, operand, path)
    return Not(node) if op in NEGATIVE else node


def _equal(key: str, op: str, operand: object, path: str) -> Where:
    if isinstance(operand, list):
        raise InvalidArgumentError(f"Invalid where clause: {path} is {operand!r}, {op} takes one value; see $in")
    if not isinstance(operand, str | int | float):
        raise _bad(
            f"Expected where operand value to be a str, int, float, bool, or list of those type, got {operand}", path
        )
    return Equal(key, _scalar(operand, path))


def _order(key: str, op: Any, operand: object, path: str) -> Where:
    if not isinstance(operand, int | float):
        raise _bad(f"Expected operand value to be an int or a float for operator {op}, got {operand}", path)
    if isinstance(operand, bool):
        raise InvalidArgumentError(f"Invalid where clause: {path} is {operand!r}, {op} takes an int or a float")
    number = _scalar(operand, path)
    assert isinstance(number, int | float)
    return Order(key, op, number)


def _among(key: str, op: str, operand: object, path: str) -> Where:
    if not isinstance(operand, list):
        raise _bad(f"Expected operand value to be an list for operator {op}, got {operand}", path)
    first = type(operand[0]) if operand else object
    if not operand or not all(isinstance(item, first) for item in operand):
        raise _bad(
            f"Expected where operand value to be a non-empty list, and all values to be of the same type got {operand}",
            path,
        )
    if not issubclass(first, str | int | float) or any(type(item) is not first for item in operand):
        raise InvalidArgumentError(f"Invalid where clause: {path} is {operand!r}, {op} takes scalars of one type")
    return Among(key, tuple(_scalar(item, f"{path}[{n}]") for n, item in enumerate(operand)))


def _holds(key: str, op: str, operand: object, path: str) -> Where:
    if key == DOCUMENT:
        if not isinstance(operand, str):
            raise _bad(f"Expected operand value to be a str for operator {op} on #document, got {operand}", path)
        _encodable(operand, path)
        return Contains(str(operand))
    if not isinstance(operand, str | int | float):
        raise _bad(f"Expected operand value to be a str, int, float, or bool for operator {op}, got {operand}", path)
    return Holds(key, _scalar(operand, path))


_READERS: dict[str, Callable[[str, Any, object, str], Where]] = {
    "$eq": _equal,
    "$in": _among,
    "$contains": _holds,
}


def _single(where: object, path: str, what: str) -> tuple[Any, Any]:
    if not isinstance(where, dict):
        kind = "dict" if what == "where" else "dictionary"  # Chroma has a word for each
        raise _bad(f"Expected {what} to be a {kind}, got {where}", path)
    if len(where) != 1:
        raise _bad(f"Expected {what} to have exactly one operator, got {where}", path)
    ((key, value),) = where.items()
    return key, value


def _items(value: object, path: str, op: str, wire: bool, what: str, of: str) -> list[object]:
    if not isinstance(value, list):
        raise _bad(f"Expected {what} to be a list of {of}, got {value}", f"{path}[{op!r}]")
    if len(value) < 2 and not wire:
        raise _bad(f"Expected {what} to be a list with at least two {of}, got {value}", f"{path}[{op!r}]")
    return value


def _scalar(value: Scalar, path: str) -> Scalar:
    """Give a scalar as the plain type that it is a kind of: NumPy's floats and strings are kinds of Python's."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        _encodable(value, path)
        return str(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise InvalidArgumentError(f"Invalid where clause: {path} is {value}, which no stored number can be")
        return float(value)
    if value not in INT64:
        raise InvalidArgumentError(f"Invalid where clause: {path} is {value}, which is beyond 64 bits")
    return int(value)


def _encodable(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _bad(f"Expected text that can be encoded as UTF-8, got {text[:80]!r}", path) from error


def _unindexed_document(path: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"Cannot filter using metadata key '{DOCUMENT}' with type 'Str' because indexing is disabled, at {path}; "
        "documents are filtered with $contains, or with where_document"
    )


def _hint(op: object, known: tuple[str, ...]) -> str:
    close = get_close_matches(str(op), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _bad(text: str, path: str, hint: str = "") -> BadValue:
    return BadValue(f"{text} at {path}{hint}")

"""Metadata as a payload, and where -> the filters that look at it.

`terms` is a list of every code behind the name of its field; `numbers` has those codes again that an order can be asked
of, as numbers. So a few payload indexes serve every filter, whatever keys the users' metadata have.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from qdrant_client import models

from ochredb.core.errors import NotSupported
from ochredb.core.where import Among, And, Contains, Equal, Holds, Not, Or, Order, OrderOp, Regex, Where
from ochredb.remote.tables.terms import BELOW_NUMBERS, Terms, array, code, element, halves, scalar

INDEXES = {
    "seq": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=False, range=True),
    "terms": models.PayloadSchemaType.KEYWORD,
    "numbers[].field": models.PayloadSchemaType.KEYWORD,
    "numbers[].below": models.PayloadSchemaType.FLOAT,
}
"""What a server keeps indexes of."""
DENSE = 2**53
"""Below it no int lies between two float64s."""
NOTHING = models.HasIdCondition(has_id=[])


def payload(terms: Terms) -> dict[str, Any]:
    """Give what of a payload filters look at."""
    numbers = [
        _number(field, found)
        for field, found in terms.items()
        if isinstance(found, str) and found.startswith(BELOW_NUMBERS)
    ]
    codes = ((field, [found] if isinstance(found, str) else found) for field, found in terms.items())
    return {"terms": [_term(field, one) for field, found in codes for one in found], "numbers": numbers}


def chosen(where: Where | None, keys: Sequence[str] | None) -> Any:
    """Write the filter for the rows of those keys that match; None is no condition."""
    among = [] if keys is None else [models.HasIdCondition(has_id=list(keys))]
    matching = [] if where is None else [condition(where)]
    return models.Filter(must=among + matching)


def condition(where: Where) -> Any:
    """Write a native filter as one of Qdrant's conditions."""
    match where:
        case Equal(key, value):
            return _has(scalar(key), [code(value)])
        case Among(key, values):
            return _has(scalar(key), [code(value) for value in values])
        case Order(key, op, value):
            return _ordered(scalar(key), op, code(value))
        case Holds(key, value):
            return _has(array(key), [element(value)])
        case Contains(text):
            return models.FieldCondition(key="document", match=models.MatchSubstring(substring=text))
        case Not(node):
            return models.Filter(must_not=[condition(node)])
        case And(nodes):
            return models.Filter(must=[condition(node) for node in nodes])
        case Or(nodes):  # Qdrant takes an empty `should` for none
            return models.Filter(should=[condition(node) for node in nodes]) if nodes else NOTHING
        case Regex():
            raise NotSupported("qdrant has no patterns: `native` says so")
        case _:
            assert_never(where)


def _term(field: str, one: str) -> str:
    return f"{field}:{one}"


def _number(field: str, number: str) -> dict[str, Any]:
    below, beyond = halves(number)
    return {"field": field, "below": below, "beyond": beyond}


def _has(field: str, codes: list[str]) -> Any:
    return models.FieldCondition(key="terms", match=models.MatchAny(any=[_term(field, one) for one in codes]))


def _ordered(field: str, op: OrderOp, number: str) -> Any:
    """Compare with a number: by the float64 below it and, where ints are denser, by what is beyond that."""
    below, beyond = halves(number)
    named = models.FieldCondition(key="field", match=models.MatchValue(value=field))
    if abs(below) < DENSE:
        return _nested([named, _range("below", op, below)])
    strictly: OrderOp = "$gt" if op in ("$gt", "$gte") else "$lt"
    here = [_range("below", "$gte", below), _range("below", "$lte", below), _range("beyond", op, beyond)]
    return _nested([named, models.Filter(should=[_range("below", strictly, below), models.Filter(must=here)])])


def _nested(conditions: list[Any]) -> Any:
    return models.NestedCondition(nested=models.Nested(key="numbers", filter=models.Filter(must=conditions)))


def _range(key: str, op: OrderOp, number: float) -> Any:
    return models.FieldCondition(key=key, range=models.Range(**{op.removeprefix("$"): number}))

"""Chroma's filters, as far as the questions use them, as plain terms: what the adapters of other peers translate."""

from typing import Any, NamedTuple

OPERATORS = {"$eq": "=", "$ne": "!=", "$gte": ">=", "$lt": "<"}


class Term(NamedTuple):
    """A condition on one field; `operator` as SQL writes it."""

    field: str
    operator: str
    value: str | int


def terms(where: dict[str, Any] | None) -> list[Term]:
    """Give the terms of a filter, all of which have to hold."""
    if not where:
        return []
    if "$and" in where:
        return [term for part in where["$and"] for term in terms(part)]
    ((field, wanted),) = where.items()
    operator, value = next(iter(wanted.items())) if isinstance(wanted, dict) else ("$eq", wanted)
    return [Term(field, OPERATORS[operator], value)]


def sql(where: dict[str, Any] | None, equal: str = "=", conjunction: str = " AND ") -> str:
    """Write a filter as SQL, or as something much like it."""
    return conjunction.join(
        f"{field} {equal if operator == '=' else operator} {value!r}" for field, operator, value in terms(where)
    )

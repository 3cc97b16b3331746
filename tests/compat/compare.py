"""When an answer of Ochre's is that of the real package."""

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.compat.session import decode

Answer = list[Any]
"""As `Session.answer` gives it."""

NEAR = 1e-5
"""How far off a distance may be: both compute in float32, in different orders."""

OURS = {"ChromaError": "OchreError"}
"""Names of classes that are other ones here."""

COLUMNS = ("documents", "metadatas", "uris", "embeddings")

# What follows in a text is what came, which each side may show in its own way; the verb; or a place in a JSON text.
CAME = re.compile(r"[,.:]*\s+[gG]ot:?\s.*| in \w+\.$| at line \d.*", re.DOTALL)

# Beginnings of texts that go on with what only Rust's libraries know, or with a set in no order.
LIBRARIES = re.compile(
    r"(argument '|invalid (type|value)|Regex syntax errror|Validation error: name: Validation|Exactly one of)"
)


UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def differ(call: dict[str, Any], theirs: Answer, ours: Answer) -> str | None:
    """Tell in what an answer differs from that of the real package; None if in nothing that counts.

    An error's class may be a kind of theirs, and its text must begin with what theirs says was wanted. Floats are equal
    as far as float32 is. The hits of a query may change places where their distances tie.
    """
    if theirs[0] != ours[0]:
        return f"{told(ours)} instead of {told(theirs)}"
    if theirs[0] == "error":
        return _errors_differ(theirs, ours)
    if call["verb"] == "query":
        return _hits_differ(decode(theirs[1]), decode(ours[1]))
    if call["verb"] == "list_collections":  # theirs are in the order of their UUIDs, and so are their pages
        if decode(call["args"]):
            return _values_differ(len(theirs[1][1]), len(ours[1][1]), "len(list_collections())")
        return _values_differ(_by_name(theirs[1]), _by_name(ours[1]), "list_collections()")
    return _values_differ(theirs[1], ours[1], f"{call['verb']}()")


def told(answer: Answer) -> str:
    """Give an answer in short: `InternalError: ...` or `answer: ...`."""
    return f"{answer[1][0]}: {answer[2]}" if answer[0] == "error" else f"answer: {decode(answer[1])!r}"


def wanted(text: str) -> str:
    """Give the part of an error's text that says what was wanted."""
    found = LIBRARIES.match(text)
    return found[0] if found else CAME.sub("", UUID.sub("UUID", text)).rstrip(".")


def _errors_differ(theirs: Answer, ours: Answer) -> str | None:
    kind = OURS.get(theirs[1][0], theirs[1][0])
    if kind not in ours[1]:
        return f"{told(ours)}, which is no {kind}: {theirs[2]}"
    beginning = wanted(theirs[2])
    same = UUID.sub("UUID", ours[2]).startswith(beginning)
    return None if same else f"{told(ours)}, which does not begin with {beginning!r}"


def _by_name(collections: Any) -> Any:
    return ["list", sorted(collections[1], key=lambda collection: collection[1]["name"])]


def _values_differ(theirs: Any, ours: Any, path: str) -> str | None:
    match theirs, ours:
        case ["dict", wanted_items], ["dict", found_items]:
            wanted, found = dict(wanted_items), dict(found_items)
            if wanted.keys() != found.keys():
                return f"{path} has the keys {list(found)} instead of {list(wanted)}"
            return _first(_values_differ(wanted[key], found[key], f"{path}[{key!r}]") for key in wanted)
        case ["list", wanted_items], ["list", found_items] if len(wanted_items) == len(found_items):
            pairs = enumerate(zip(wanted_items, found_items, strict=True))
            return _first(_values_differ(one, other, f"{path}[{row}]") for row, (one, other) in pairs)
        case ["ndarray", *_], ["ndarray", *_]:
            return (
                None if _near(decode(theirs), decode(ours)) else f"{path} is {decode(ours)} instead of {decode(theirs)}"
            )
        case ["collection", one], ["collection", other]:
            return _first(_values_differ(one[name], _known(name, one, other), f"{path}.{name}") for name in one)
        case float(), float():  # the real package reads the numbers of arrays with an error in the last place
            same = math.isclose(theirs, ours, rel_tol=1e-15)
            return None if same else f"{path} is {ours} instead of {theirs}"
        case _:
            same = type(theirs) is type(ours) and theirs == ours
            return None if same else f"{path} is {decode(ours)!r} instead of {decode(theirs)!r}"


def _known(name: str, theirs: Any, ours: Any) -> Any:
    """Give what ours says of a collection; of its configuration, what the real package has not dropped."""
    if name != "configuration_json":
        return ours[name]
    blocks = dict(theirs[name][1])
    return ["dict", [[key, value] for key, value in ours[name][1] if key in blocks]]


def _near(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and np.allclose(one, other, NEAR, NEAR)


def _first(found: Iterable[str | None]) -> str | None:
    return next((one for one in found if one), None)


def _hits_differ(theirs: dict[str, Any], ours: dict[str, Any]) -> str | None:
    if list(theirs) != list(ours) or theirs["included"] != ours["included"]:
        return f"query() has the keys {list(ours)} instead of {list(theirs)}"
    for key, column in theirs.items():
        shape = None if column is None else [len(row) for row in column]
        found = None if ours[key] is None else [len(row) for row in ours[key]]
        if shape != found:
            return f"query()[{key!r}] is {ours[key]!r} instead of {column!r}"
    return _first(_row_differs(_row(theirs, row), _row(ours, row)) for row in range(len(theirs["ids"])))


def _row(result: dict[str, Any], row: int) -> dict[str, Any]:
    return {key: result[key][row] for key in ("ids", "distances", *COLUMNS) if result[key] is not None}


def _row_differs(theirs: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Compare the hits of one query: distances by place, records by id.

    An id that only one side has must tie with the last distance; without distances, only common ids can be compared.
    """
    if "distances" in theirs and not np.allclose(theirs["distances"], ours["distances"], NEAR, NEAR):
        return f"query() gives {ours} instead of {theirs}"
    places = {name: place for place, name in enumerate(ours["ids"])}
    for place, name in enumerate(theirs["ids"]):
        if name not in places:
            if "distances" in theirs and not _ties(theirs["distances"], place):
                return f"query() does not give {name!r} of {theirs}"
            continue
        for key in COLUMNS:
            if key in theirs and not _same(theirs[key][place], ours[key][places[name]]):
                return f"query()[{key!r}] of {name!r} is {ours[key][places[name]]!r} instead of {theirs[key][place]!r}"
    return None


def _ties(distances: list[float], place: int) -> bool:
    return bool(np.isclose(distances[place], distances[-1], NEAR, NEAR))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return _near(one, other)
    return _plain(one) == _plain(other)


def _plain(value: Any) -> Any:
    """Give a value that is equal only to one of the same types, whatever the order of its keys."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else (type(value), value)

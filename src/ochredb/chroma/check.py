"""One-or-many keyword arguments to values, once, with errors that name the path.

The texts begin as Chroma's do, because its callers match on them (contract 1.6 to 1.13); where the place is not in
them, it follows.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address
from operator import index
from typing import Any

import numpy as np

from ochredb.chroma import matrix
from ochredb.chroma.column import is_column, values, vectors
from ochredb.chroma.text import short, utf8
from ochredb.core.errors import BadType, BadValue, DuplicateIDError, InvalidArgumentError
from ochredb.core.model import Fields
from ochredb.core.where import Where, both, parse, parse_document

LONGEST_ID = 65_536
"""Bytes of UTF-8; Chroma's local engine has no limit, and a longer id is a mistake in every case that was seen."""

INCLUDABLE = ("documents", "embeddings", "metadatas", "distances", "uris", "data")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]")


@contextmanager
def saying(verb: str) -> Iterator[None]:
    """Add the verb to the text of a refusal, as Chroma does (`... in add.`)."""
    try:
        yield
    except (BadValue, BadType, DuplicateIDError) as error:
        raise type(error)(f"{error} in {verb}.") from error.__cause__


def record_ids(value: object, *, unique: bool = True) -> list[str]:
    """Read the ids of records; a bare str is one of them.

    Raises:
        BadValue: No list, an empty one, not of str, or an id that cannot be stored.
        DuplicateIDError: An id comes twice.
    """
    if value is None:
        raise BadValue("Expected IDs to be a list, got NoneType as IDs")
    ids: list[Any] = value if isinstance(value, list) else [value]
    if not ids:
        raise BadValue("Expected IDs to be a non-empty list, got 0 IDs")
    for row, id_ in enumerate(ids):
        if not isinstance(id_, str):
            raise BadValue(f"Expected ID to be a str, got {short(id_)} at ids[{row}]")
    _storable(ids)
    if unique and len(set(ids)) < len(ids):
        raise DuplicateIDError(f"Expected IDs to be unique, found duplicates of: {', '.join(_twice(ids))}")
    return list(map(str, ids))  # NumPy's strings are str too, and become plain ones


def refuse_empty_ids(ids: list[str]) -> None:
    """Refuse an id without a character, which nothing can be stored under."""
    if "" in ids:
        raise InvalidArgumentError(f"Empty ID, ID must have at least one character: ids[{ids.index('')}]")


def columns(given: dict[str, object], path: str = "embeddings") -> dict[str, Any]:
    """Read what is given of records, or of queries, as columns of one length; what is no list is a column of one.

    Only their shape is looked at. This comes before what they hold, as in Chroma, so that the same one of several
    faults is named.

    Args:
        given: The arguments by name, in Chroma's order; None is not given.
        path: The caller's name for the embeddings.

    Raises:
        BadValue: Embeddings that are no vectors, metadata that is no dict, an empty column, lengths that differ, or
            nothing at all.
    """
    found = {name: _column(name, value, path) for name, value in given.items()}
    lengths = {name: len(column) for name, column in found.items() if column is not None}
    if not lengths:
        raise BadValue(f"At least one of one of {', '.join(given)} must be provided")
    empty = [name for name, length in lengths.items() if not length]
    if empty:
        raise BadValue(f"Non-empty lists are required for {empty}")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise BadValue(f"Unequal lengths for fields: {told}")
    return found


def documents(value: list[Any] | None, *, optional: bool) -> list[str | None] | None:
    """Read documents; None is one of them if `optional`: it needs an embedding beside it."""
    if value is None:
        return None
    for row, text in enumerate(value):
        if not isinstance(text, str) and (text is not None or not optional):
            raise BadValue(f"Expected document to be a str, got {short(text)} at documents[{row}]")
    return _texts(value, "documents")


def uris(value: list[Any] | None) -> list[str | None] | None:
    """Read URIs; None is one of them."""
    if value is None:
        return None
    for row, uri in enumerate(value):
        if not isinstance(uri, str | None):
            raise BadType(f"argument 'uris': expected a str or None, got {short(uri)} at uris[{row}]")
    return _texts(value, "uris")


def collection_name(value: object, path: str = "name") -> str:
    """Read the name of a collection (contract 1.13).

    Raises:
        BadType: Not a str.
        InvalidArgumentError: Too short or long, with other characters than [a-zA-Z0-9._-], or like an IP address.
    """
    name = _str(value, path)
    if name.count("+") > 1:
        raise InvalidArgumentError(
            f"Validation error: {path}: Expected a name to contain at most one topology: got {_clip(name)}"
        )
    left, plus, right = name.partition("+")  # one "+" separates a topology from the name
    for part in (left, right) if plus else (left,):
        if not _NAME.fullmatch(part):
            raise InvalidArgumentError(
                f"Validation error: {path}: Expected a name containing 3-512 characters from [a-zA-Z0-9._-], "
                f"starting and ending with a character in [a-zA-Z0-9]. Got: {_clip(name)}"
            )
        if ".." in part:
            raise InvalidArgumentError(
                f"Validation error: {path}: Expected a name that does not contains two consecutive periods (..). "
                f"Got {_clip(name)}"
            )
        if _is_ip(part):
            raise InvalidArgumentError(
                f"Validation error: {path}: Expected a name that is not a valid ip address. Got {name}"
            )
    return name


def scope_name(value: object, what: str) -> str:
    """Read the name of a new tenant or database, `what`: a str of at least 3 characters that can be stored."""
    name = _str(value, "name")
    if len(name) < 3:
        where = "" if what == "database" else "Validation error: name: Validation error: length: "
        raise InvalidArgumentError(f"{where}{what} name must be at least 3 characters, got {name!r}")
    _storable([name], what)
    return name


def known_name(value: object, what: str) -> str:
    """Read the name of something that is to be found, which may be any text; `what` is the argument."""
    name = _str(value, what)
    utf8(name, what)
    return name


def flag(value: object, what: str) -> bool:
    """Read True or False, and nothing that is merely like one of them."""
    if not isinstance(value, bool):
        raise BadType(f"argument '{what}': expected True or False, got {short(value)}")
    return value


def images(value: list[Any] | None) -> list[Any] | None:
    """Read images: arrays of at least two dimensions."""
    for row, image in enumerate(value or ()):
        if not isinstance(image, np.ndarray) or image.ndim < 2:
            raise BadValue(f"Expected image to be a numpy array, got {short(image)} at images[{row}]")
    return value


def filters(where: object, where_document: object) -> Where | None:
    """Read both filters as one tree; None is no filter."""
    return both(
        None if where is None else parse(where),
        None if where_document is None else parse_document(where_document),
    )


def include(value: object, *, distances: bool) -> list[str]:
    """Read what a result is to hold; `distances` only where they are known."""
    if not isinstance(value, list):
        raise BadValue(f"Expected include to be a list, got {short(value)}")
    for item in value:
        if not isinstance(item, str):
            raise BadValue(f"Expected include item to be a str, got {short(item)}")
        if item not in INCLUDABLE:
            raise BadValue(f"Expected include item to be one of {', '.join(INCLUDABLE)}, got {item}")
        if item == "distances" and not distances:
            raise BadValue("Include item cannot be one of distances, got distances")
    return value


def fields(included: Sequence[str]) -> Fields:
    """Give the fields to fetch for what is included; URIs come along with metadata, whose emptiness they decide."""
    wanted = {"uris" if item == "data" else item for item in included if item != "distances"}
    if "metadatas" in wanted:
        wanted.add("uris")
    return frozenset(wanted)  # type: ignore[arg-type] # `include` let nothing else through


def count_wanted(value: object) -> int:
    """Read how many neighbours are wanted."""
    if not isinstance(value, int):
        raise BadValue(f"Expected requested number of results to be a int, got {short(value)}")
    if value <= 0:
        raise BadType(f"Number of requested results {value}, cannot be negative, or zero.")
    return min(int(value), 2**63 - 1)


def bound(value: object, what: str) -> int | None:
    """Read a limit or an offset: a whole number of at least 0, or None."""
    if value is None:
        return None
    try:
        number = index(value)  # type: ignore[arg-type] # that it may be no number is why it is asked
    except TypeError as error:
        raise BadType(
            f"argument '{what}': '{type(value).__name__}' object cannot be interpreted as an integer: "
            f"expected a whole number or None, got {short(value)}"
        ) from error
    if number < 0:
        raise BadValue(f"argument '{what}': expected at least 0, got {number}")
    return min(number, 2**63 - 1)


def _column(name: str, value: object, path: str) -> Any:
    if value is None:
        return None
    if name == "embeddings":
        return matrix.vectors(vectors(value, path) if is_column(value) else value, path)
    column: list[Any] = value if isinstance(value, list) else values(value) if is_column(value) else [value]
    for row, metadata in enumerate(column if name == "metadatas" else ()):
        if not isinstance(metadata, dict | None):
            raise BadValue(
                f"Expected metadata to be a dict or None, got {short(metadata)} which is a "
                f"{type(metadata).__name__} at metadatas[{row}]"
            )
    return column


def _str(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise BadType(f"argument '{path}': expected a str, got {short(value)} which is a {type(value).__name__}")
    return value


def _storable(texts: list[str], path: str = "ids") -> None:
    joined = "".join(texts)
    if joined.isascii() and "\0" not in joined and len(joined) <= LONGEST_ID:
        return
    for row, text in enumerate(texts):
        here = f"{path}[{row}]" if path == "ids" else path
        if "\0" in text:
            raise BadValue(f"Expected text without NUL characters, got {short(text)} at {here}")
        if len(utf8(text, here)) > LONGEST_ID:
            raise BadValue(f"Expected at most {LONGEST_ID} bytes, got {len(text.encode())} at {here}: {short(text)}")


def _twice(ids: list[str]) -> list[str]:
    seen: set[str] = set()
    return sorted({id_ for id_ in ids if id_ in seen or seen.add(id_)})[:10]  # type: ignore[func-returns-value] # `add` gives None: that is the trick


def _texts(texts: list[str | None], path: str) -> list[str | None]:
    for row, text in enumerate(texts):
        if text is not None and not text.isascii():
            utf8(text, f"{path}[{row}]")
    return [None if text is None else str(text) for text in texts]


def _is_ip(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _clip(text: str) -> str:
    return text if len(text) <= 600 else f"{text[:600]}..."

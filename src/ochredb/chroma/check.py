"""One-or-many keyword arguments to values, once, with errors that name the path.

The texts begin as Chroma's do, because its callers match on them (contract 1.6 to 1.13); where the place is not in
them, it follows.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address
from operator import index
from typing import Any

import numpy as np

from ochredb.core.errors import BadType, BadValue, DuplicateIDError, InvalidArgumentError
from ochredb.core.model import Fields, Floats, Metadata, SparseVector, refuse_infinite
from ochredb.core.where import Where, both, parse, parse_document

LONGEST_ID = 65_536
"""Bytes of UTF-8; Chroma's local engine has no limit, and a longer id is a mistake in every case that was seen."""

INCLUDABLE = ("documents", "embeddings", "metadatas", "distances", "uris", "data")
_GOOD_KEYS: set[str] = set()
"""Metadata keys that were found good, as the same few come with every record."""
_MANY_KEYS = 10_000
_NUMBERS = frozenset(np.dtype(name) for name in ("float16", "float32", "float64", "int32", "int64"))
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
            raise BadValue(f"Expected ID to be a str, got {_short(id_)} at ids[{row}]")
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


def vectors(value: object, path: str = "embeddings") -> Any:
    """Read one vector, or many, as an array (n, dimension) of any kind of numbers; rows of several lengths as a list.

    Raises:
        BadValue: No list or array of vectors, or none in it.
    """
    if isinstance(value, np.ndarray):
        rows: Any = value if value.ndim == 2 else value[None] if value.ndim == 1 else None
    elif isinstance(value, list) and value:
        rows = value if isinstance(value[0], list | np.ndarray) else [value]
    else:
        rows = [] if isinstance(value, list | tuple | str | dict | set) and not value else None
    if rows is None:
        raise _no_embeddings(value, path)
    if not len(rows):
        raise BadValue(f"Expected Embeddings to be non-empty list or numpy array, got {value} at {path}")
    return rows if isinstance(rows, np.ndarray) else _stacked(rows, path)


def numbers(rows: Any, path: str = "embeddings") -> Any:
    """Pass on vectors of numbers that embeddings are made of: float16, float32, float64, int32 and int64."""
    if isinstance(rows, np.ndarray):
        if not rows.shape[1]:
            raise _no_numbers(rows, path)
        if rows.dtype not in _NUMBERS:
            raise BadValue(
                "Expected each value in the embedding to be a int or float, "
                f"got an embedding with {rows.dtype} - {_short(rows[0].tolist())} at {path}"
            )
    return rows


def floats(rows: Any, path: str = "embeddings") -> Floats:
    """Give vectors as float32 (n, dimension).

    Raises:
        InvalidArgumentError: Rows of several lengths, NaN, infinity, or more than float32 can hold.
    """
    if not isinstance(rows, np.ndarray):
        lengths = sorted({len(row) for row in rows})
        raise InvalidArgumentError(f"Inconsistent dimensions in provided embeddings: {lengths} at {path}")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(rows, np.float32)
    refuse_infinite(found, path)
    return found


def embeddings(value: object, path: str = "embeddings") -> Floats:
    """Read embeddings as float32 (n, dimension): a list of lists, arrays of any float type, or one vector.

    Raises:
        BadValue: Not numbers, or none.
        InvalidArgumentError: Rows of several lengths, NaN, infinity, or more than float32 can hold.
    """
    return floats(numbers(vectors(value, path), path), path)


def documents(value: list[Any] | None, *, optional: bool) -> list[str | None] | None:
    """Read documents; None is one of them if `optional`: it needs an embedding beside it."""
    if value is None:
        return None
    for row, text in enumerate(value):
        if not isinstance(text, str) and (text is not None or not optional):
            raise BadValue(f"Expected document to be a str, got {_short(text)} at documents[{row}]")
    return _texts(value, "documents")


def uris(value: list[Any] | None) -> list[str | None] | None:
    """Read URIs; None is one of them."""
    if value is None:
        return None
    for row, uri in enumerate(value):
        if not isinstance(uri, str | None):
            raise BadType(f"argument 'uris': expected a str or None, got {_short(uri)} at uris[{row}]")
    return _texts(value, "uris")


def record_metadatas(value: list[Any] | None) -> tuple[list[Metadata | None] | None, dict[int, str]]:
    """Read the metadata of records: dicts and None.

    Returns:
        Them, without the keys that begin with `chroma:`, and by row the URIs that `chroma:uri` set.
    """
    if value is None:
        return None, {}
    found: list[Metadata | None] = []
    set_uris: dict[int, str] = {}
    for row, metadata in enumerate(value):
        if metadata is None:
            found.append(None)
            continue
        if type(metadata) is dict and metadata and _is_plain(metadata):
            found.append(metadata)
            continue
        read, uri = _metadata(metadata, row)
        found.append(read or None)
        if uri is not None:
            set_uris[row] = uri
    return found, set_uris


def collection_metadata(value: object, *, changing: bool = False) -> Metadata | None:
    """Read a collection's own metadata: str keys; str, int, float or bool values.

    Args:
        value: The metadata; None is none.
        changing: Whether it is for `modify`, where None as a value drops its key.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        if changing:
            raise BadValue(f"Expected metadata to be a dict or None, got {type(value).__name__} as metadata")
        raise BadType(f"argument 'metadata': expected a dict or None, got {_short(value)}")
    if not value:
        if changing:
            raise BadValue("Expected metadata to be a non-empty dict, got 0 metadata attributes")
        raise InvalidArgumentError("Validation error: metadata: Metadata cannot be empty")
    argument = "new_metadata" if changing else "metadata"
    found = {}
    for key, item in value.items():
        if not isinstance(key, str):
            where = "" if changing else "argument 'metadata': "
            raise BadType(f"{where}Expected metadata key to be a str, got {key} which is a {type(key).__name__}")
        if not key or key[0] in "#$":
            reason = "Metadata key cannot be empty" if not key else f"Metadata key cannot start with '#' or '$': {key}"
            raise InvalidArgumentError(f"Validation error: {argument}: {reason}")
        _utf8(key, f"metadata[{key!r}]")
        if item is None and changing:
            continue
        found[key] = _collection_value(key, item, changing)
    return found


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
    _utf8(name, what)
    return name


def flag(value: object, what: str) -> bool:
    """Read True or False, and nothing that is merely like one of them."""
    if not isinstance(value, bool):
        raise BadType(f"argument '{what}': expected True or False, got {_short(value)}")
    return value


def images(value: list[Any] | None) -> list[Any] | None:
    """Read images: arrays of at least two dimensions."""
    for row, image in enumerate(value or ()):
        if not isinstance(image, np.ndarray) or image.ndim < 2:
            raise BadValue(f"Expected image to be a numpy array, got {_short(image)} at images[{row}]")
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
        raise BadValue(f"Expected include to be a list, got {_short(value)}")
    for item in value:
        if not isinstance(item, str):
            raise BadValue(f"Expected include item to be a str, got {_short(item)}")
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
        raise BadValue(f"Expected requested number of results to be a int, got {_short(value)}")
    if value <= 0:
        raise BadType(f"Number of requested results {value}, cannot be negative, or zero.")
    return int(value)


def bound(value: object, what: str) -> int | None:
    """Read a limit or an offset: a whole number of at least 0, or None."""
    if value is None:
        return None
    try:
        number = index(value)  # type: ignore[arg-type] # that it may be no number is why it is asked
    except TypeError as error:
        raise BadType(
            f"argument '{what}': '{type(value).__name__}' object cannot be interpreted as an integer: "
            f"expected a whole number or None, got {_short(value)}"
        ) from error
    if number < 0:
        raise BadValue(f"argument '{what}': expected at least 0, got {number}")
    return min(number, 2**63 - 1)


def _column(name: str, value: object, path: str) -> Any:
    if value is None:
        return None
    if name == "embeddings":
        return vectors(value, path)
    column: list[Any] = value if isinstance(value, list) else [value]
    for row, metadata in enumerate(column if name == "metadatas" else ()):
        if not isinstance(metadata, dict | None):
            raise BadValue(
                f"Expected metadata to be a dict or None, got {_short(metadata)} which is a "
                f"{type(metadata).__name__} at metadatas[{row}]"
            )
    return column


def _str(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise BadType(f"argument '{path}': expected a str, got {_short(value)} which is a {type(value).__name__}")
    return value


def _storable(texts: list[str], path: str = "ids") -> None:
    joined = "".join(texts)
    if joined.isascii() and "\0" not in joined and len(joined) <= LONGEST_ID:
        return
    for row, text in enumerate(texts):
        here = f"{path}[{row}]" if path == "ids" else path
        if "\0" in text:
            raise BadValue(f"Expected text without NUL characters, got {_short(text)} at {here}")
        if len(_utf8(text, here)) > LONGEST_ID:
            raise BadValue(f"Expected at most {LONGEST_ID} bytes, got {len(text.encode())} at {here}: {_short(text)}")


def _utf8(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadValue(f"Expected text that can be encoded as UTF-8, got {_short(text)} at {path}") from error


def _twice(ids: list[str]) -> list[str]:
    seen: set[str] = set()
    return sorted({id_ for id_ in ids if id_ in seen or seen.add(id_)})[:10]  # type: ignore[func-returns-value] # `add` gives None: that is the trick


def _stacked(rows: list[Any], path: str) -> Any:
    lengths = {len(row) if isinstance(row, list) or np.ndim(row) == 1 else -1 for row in rows}
    if -1 in lengths:
        raise _no_embeddings(rows[0] if len(rows) == 1 else rows, path)
    if lengths == {0}:
        raise _no_numbers(rows, path)
    if len(lengths) > 1:
        return rows
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise _no_embeddings(rows, path) from error
    if array.dtype == object:  # whole numbers beyond 64 bits are an array of objects
        array = _wide(rows, path)
    lists = isinstance(rows[0], list)
    if array.ndim != 2 or array.dtype.kind not in ("iuf" if lists else "biuf"):
        raise _no_embeddings(rows, path)
    return array.astype(np.float64) if lists else array


def _wide(rows: list[Any], path: str) -> Any:
    if not all(isinstance(number, int | float) for row in rows for number in row):
        raise _no_embeddings(rows, path)
    try:
        return np.asarray(rows, np.float64)
    except OverflowError as error:
        raise _no_embeddings(rows, path) from error


def _no_numbers(rows: object, path: str) -> BadValue:
    return BadValue(
        "Expected each embedding in the embeddings to be a 1-dimensional numpy array with at least 1 int/float "
        f"value, got {_short(rows)} at {path}"
    )


def _no_embeddings(value: object, path: str) -> BadValue:
    return BadValue(
        "Expected embeddings to be a list of floats or ints, a list of lists, a numpy array, or a list of numpy "
        f"arrays, got {_short(value)} at {path}"
    )


def _texts(texts: list[str | None], path: str) -> list[str | None]:
    for row, text in enumerate(texts):
        if text is not None and not text.isascii():
            _utf8(text, f"{path}[{row}]")
    return [None if text is None else str(text) for text in texts]


def _is_plain(metadata: dict[Any, Any]) -> bool:
    """Tell quickly of most metadata that there is nothing to refuse or to change in it."""
    for key, value in metadata.items():
        if key not in _GOOD_KEYS:
            return False
        kind = type(value)
        if kind is str:
            if not value.isascii():
                return False
        elif kind is int:
            if not -(2**63) <= value < 2**63:
                return False
        elif kind is float:
            if not math.isfinite(value):
                return False
        elif kind is not bool:
            return False
    return True


def _metadata(metadata: dict[Any, Any], row: int) -> tuple[Metadata, str | None]:
    if not metadata:
        raise BadValue(f"Expected metadata to be a non-empty dict, got 0 metadata attributes at metadatas[{row}]")
    found: Metadata = {}
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise BadType(f"Expected metadata key to be a str, got {key} which is a {type(key).__name__}")
        if key == "chroma:document":
            raise BadValue("Expected metadata to not contain the reserved key chroma:document")
        if not key or key[0] in "#$" or "\0" in key:
            raise InvalidArgumentError(
                f"Validation error: metadatas: Invalid metadata at index {row}: key {key!r} is empty, holds a NUL, "
                "or begins with '#' or '$'"
            )
        found[key] = value if value is None else _value(key, value, f"metadatas[{row}][{key!r}]")
        _utf8(key, f"metadatas[{row}]")
        if len(_GOOD_KEYS) < _MANY_KEYS and not key.startswith("chroma:"):
            _GOOD_KEYS.add(key)
    reserved = [key for key in found if key.startswith("chroma:")]  # kept for Chroma's own use: never seen again
    taken = {key: found.pop(key) for key in reserved}
    uri = taken.get("chroma:uri")
    return found, uri if isinstance(uri, str) else None


def _value(key: str, value: object, path: str) -> Any:
    match value:
        case bool():
            return value
        case str():
            if not value.isascii():
                _utf8(value, path)
            return str(value)
        case int():
            return int(value) if -(2**63) <= value < 2**63 else _large(value, path)
        case float():
            return _float(float(value), path)
        case list():
            return _list(key, value, path)
        case SparseVector():
            return _sparse(value, path)
        case _:
            raise BadValue(
                "Expected metadata value to be a str, int, float, bool, SparseVector, list, or None, "
                f"got {_short(value)} which is a {type(value).__name__} at {path}"
            )


def _collection_value(key: str, value: object, changing: bool) -> Any:
    """Read a value of a collection's metadata; Chroma takes NumPy's when it makes one, and not when it changes one."""
    here = f"metadata[{key!r}]"
    plain = value.item() if isinstance(value, np.generic) and not changing else value
    if isinstance(plain, str | int | float):
        return _value(key, plain, here)
    if changing:
        raise BadValue(
            "Expected metadata value to be a str, int, float, bool, SparseVector, list, or None, "
            f"got {_short(value)} which is a {type(value).__name__} at {here}; only the first four here"
        )
    raise BadType(f"argument 'metadata': expected a str, int, float or bool, got {_short(value)} at {here}")


def _list(key: str, value: list[Any], path: str) -> list[Any]:
    if not value:
        raise BadValue(f"Expected metadata list value for key '{key}' to be non-empty at {path}")
    kind = type(value[0])
    if kind not in (str, int, float, bool) or any(type(item) is not kind for item in value):
        raise BadValue(
            f"Expected metadata list value for key '{key}' to contain only str, int, float, or bool and all elements "
            f"must be the same type, got {_short(value)} at {path}"
        )
    items = [_value(key, item, f"{path}[{row}]") for row, item in enumerate(value)]
    return [float(item) for item in items] if any(type(item) is not kind for item in items) else items


def _sparse(value: SparseVector, path: str) -> SparseVector:
    """Copy a vector, whose lists its owner may change, with the plain types that its numbers are kinds of."""
    for row, label in enumerate(value.labels or []):
        _utf8(label, f"{path}.labels[{row}]")
    labels = None if value.labels is None else list(map(str, value.labels))
    return SparseVector(list(map(int, value.indices)), list(map(float, value.values)), labels)


def _large(value: int, path: str) -> float:
    """Give an int beyond 64 bits as a float, as Chroma does."""
    try:
        return float(value)
    except OverflowError as error:
        raise BadValue(f"Expected metadata value to be within the range of a float at {path}") from error


def _float(value: float, path: str) -> float:
    if not math.isfinite(value):
        raise BadValue(f"Expected metadata value to be a finite float, got {value} at {path}")
    return value


def _is_ip(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _clip(text: str) -> str:
    return text if len(text) <= 600 else f"{text[:600]}..."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."

"""Bytes to bodies and back, and errors to answers and back (contract 4.8, 9.3); no I/O.

What is asked is in `operations`, what travels in `bodies`, what it means in `requests` and `answers`.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from ochredb.chroma.bodies import Failure
from ochredb.chroma.requests import NOT_THE_TYPE
from ochredb.core.errors import (
    BadBody,
    BadMediaType,
    BatchSizeExceededError,
    BusyError,
    ForbiddenError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    NotSupported,
    OchreError,
    OverdueError,
    RateLimitError,
    UniqueConstraintError,
    UnreachableError,
)

JSON = "application/json"
RECORDS = "application/vnd.ochre.records"
"""MessagePack of the same bodies, with embeddings as blocks: what our own client and server agree on."""


def media_type(content_type: str | None) -> str:
    """Give the content type that a request's body is to be read as; without a header it is JSON.

    Raises:
        BadMediaType: It is neither JSON nor ours.
    """
    if content_type is None:
        return JSON
    found = content_type.partition(";")[0].strip().lower()
    if found == JSON or (found.startswith("application/") and found.endswith("+json")):
        return JSON
    if found == RECORDS:
        return RECORDS
    raise BadMediaType(f"Expected request with `Content-Type: {JSON}`, got {content_type[:100]!r}; or use {RECORDS}")


def accepted(accept: str | None) -> str:
    """Give the content type that an answer is to have: ours for who names it, JSON for everybody else."""
    return RECORDS if accept is not None and RECORDS in accept.lower() else JSON


def encode(body: Any, media: str = JSON) -> bytes:
    """Write a body."""
    return _PACK.encode(body) if media == RECORDS else _JSON.encode(body)


def decode(data: bytes, kind: Any, media: str = JSON) -> Any:
    """Read a body.

    Args:
        data: The bytes.
        kind: The struct, or other type, that it is to be.
        media: The content type.

    Raises:
        BadBody: It has another type somewhere; the text names the place.
        InvalidArgumentError: It is not well formed, or nested too deeply.
    """
    try:
        return _decoder(kind, media).decode(data)
    except msgspec.ValidationError as error:
        raise BadBody(f"{NOT_THE_TYPE}{error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = "JSON" if media == JSON else media
        raise InvalidArgumentError(f"Failed to parse the request body as {name}: {error}") from error


def query_string(values: dict[str, str], kind: Any) -> Any:
    """Read a query string's values; unknown ones are passed over.

    Raises:
        InvalidArgumentError: One of them is not of its type.
    """
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidArgumentError(f"Failed to deserialize query string: {error}") from error


def failure(error: OchreError) -> Failure:
    """Write an error; its class knows the status that belongs to it."""
    return Failure(error.wire, error.message())


def raised(status: int, data: bytes, media: str, trace_id: str | None = None) -> OchreError:
    """Read an error: the class is told by its name on the wire, and by the status where Chroma's name is for many.

    Args:
        status: Not 2xx.
        data: The body, which a proxy on the way may have written.
        media: Its content type.
        trace_id: What the header `chroma-trace-id` said.
    """
    try:
        told = decode(data, Failure, media)
    except OchreError:
        told = Failure("", data[:1000].decode(errors="replace") or f"the server answered with status {status}")
    kind = _BY_STATUS.get(status, _BY_NAME.get(told.error, InternalError))
    found = _BY_NAME[told.error] if told.error in _BY_NAME and told.error not in _FOR_MANY else kind
    error = found(told.message)
    error.trace_id = trace_id
    return error


def _tree(kind: type[OchreError]) -> Iterator[type[OchreError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


# The class that gives a name its own line is the one that it stands for; those below it have it by inheritance.
_BY_NAME = {kind.wire: kind for kind in reversed(list(_tree(OchreError))) if "wire" in vars(kind)}
_FOR_MANY = (OchreError.wire, InternalError.wire)
"""Names that say little: the status says more."""
_BY_STATUS: dict[int, type[OchreError]] = {
    400: InvalidArgumentError,
    401: _BY_NAME["AuthorizationError"],
    403: ForbiddenError,
    404: NotFoundError,
    409: UniqueConstraintError,
    413: BatchSizeExceededError,
    415: BadMediaType,
    422: BadBody,
    429: RateLimitError,
    500: InternalError,
    501: NotSupported,
    502: UnreachableError,
    503: BusyError,
    504: OverdueError,
}

_JSON = msgspec.json.Encoder()
_PACK = msgspec.msgpack.Encoder()


@cache
def _decoder(kind: Any, media: str) -> Any:
    return msgspec.msgpack.Decoder(kind) if media == RECORDS else msgspec.json.Decoder(kind)

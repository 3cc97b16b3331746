"""How much one request may ask for. An engine in the caller's own process has no such limits; a server has callers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ochredb.chroma.bodies import AddBody, Block, DeleteBody, GetBody, QueryBody, UpdateBody, UpsertBody
from ochredb.core.errors import BadValue, BatchSizeExceededError, InvalidArgumentError
from ochredb.core.pattern import compile_pattern

_Positive = Annotated[int, Meta(ge=1)]
_VARIABLE = "OCHRE_MAX_"
_INSTRUCTION = 24  # bytes of RE2's budget that an instruction takes: of 16 bytes, of two thirds of the budget
_LOGICAL = ("$and", "$or")
_PATTERNS = ("$regex", "$not_regex")


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    r"""What a request must not exceed; each is also read from `OCHRE_MAX_` and its name in capitals.

    Args:
        body_bytes: Of a body, unpacked if it came compressed.
        header_bytes: Of all headers together, and of the path with the query string.
        requests: Under way at the same time.
        rows: Of a write, and ids in a body.
        dimension: Of an embedding.
        results: Of each query, `n_results`.
        hits: Of all queries of a call together: their number times `n_results`.
        filter_depth: Levels of `$and` and `$or`.
        filter_conditions: In one filter, each `$and` and `$or` counted too.
        filter_values: In all its lists together.
        regex_size: Instructions that the patterns of a filter compile to; `\w` takes 1,400, a letter one.
    """

    body_bytes: _Positive = 40 << 20
    header_bytes: _Positive = 16 << 10
    requests: _Positive = 128
    rows: _Positive = 100_000
    dimension: _Positive = 32_768
    results: _Positive = 16_384
    hits: _Positive = 1_000_000
    filter_depth: _Positive = 32
    filter_conditions: _Positive = 1_000
    filter_values: _Positive = 100_000
    regex_size: _Positive = 20_000


def read_limits(given: Mapping[str, object], variables: Mapping[str, str]) -> Limits:
    """Give the limits that a configuration and the environment ask for, which goes before it.

    Raises:
        BadValue: An unknown name, or no positive whole number.
    """
    told = {
        name.removeprefix(_VARIABLE).lower(): value
        for name, value in variables.items()
        if name.startswith(_VARIABLE) and value
    }
    try:
        return msgspec.convert({**given, **told}, Limits, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(Limits.__struct_fields__)
        raise BadValue(f"limits: {error}; a limit is a positive whole number, and its name one of {known}") from error


def check(limits: Limits, request: object) -> None:
    """Refuse a decoded body that asks for too much.

    Raises:
        BatchSizeExceededError: Too many records, or ids.
        InvalidArgumentError: Too much of anything else; the text names the limit.
    """
    match request:
        case AddBody() | UpdateBody() | UpsertBody():
            _rows(limits, len(request.ids), "records")
            _dimension(limits, request.embeddings, "embeddings")
        case QueryBody():
            _rows(limits, len(request.ids or ()), "ids")
            _dimension(limits, request.query_embeddings, "query_embeddings")
            _hits(limits, request)
            _filters(limits, request)
        case GetBody() | DeleteBody():
            _rows(limits, len(request.ids or ()), "ids")
            _filters(limits, request)


def _rows(limits: Limits, came: int, what: str) -> None:
    if came > limits.rows:
        raise BatchSizeExceededError(f"{_too_much(what, came, 'rows', limits.rows)}; send them in several calls")


def _dimension(limits: Limits, vectors: Any, path: str) -> None:
    block = isinstance(vectors, Block)
    widest = vectors.dimension if block else max(map(_width, vectors or ()), default=0)
    _hold(f"the dimension of {path}", widest, "dimension", limits.dimension)


def _width(vector: list[float] | str | None) -> int:
    """Give the dimension of an embedding; of base64, at least that: three bytes in four letters, four a number."""
    return len(vector) * 3 // 16 if isinstance(vector, str) else len(vector or ())


def _hits(limits: Limits, request: QueryBody) -> None:
    vectors = request.query_embeddings
    queries = len(vectors.data) // (4 * vectors.dimension) if isinstance(vectors, Block) else len(vectors)
    _hold("n_results", request.n_results, "results", limits.results)
    _hold("queries times n_results", queries * request.n_results, "hits", limits.hits)


def _filters(limits: Limits, request: QueryBody | GetBody | DeleteBody) -> None:
    """Measure both filters as they came: to read them costs what is to be limited here."""
    size = 0
    for path, where in (("where", request.where), ("where_document", request.where_document)):
        for pattern in _measured(limits, where, path):
            size += compile_pattern(pattern, limits.regex_size * _INSTRUCTION).programsize
            _hold(f"the size of the patterns in {path}", size, "regex_size", limits.regex_size)


def _measured(limits: Limits, where: object, path: str) -> Iterator[str]:
    """Give the patterns of a filter, of which no more is looked at than the limits allow."""
    conditions = values = 0
    waiting = [(where, 0)]
    while waiting:
        node, depth = waiting.pop()
        for key, operand in node.items() if isinstance(node, dict) else ():
            conditions += 1
            if key in _LOGICAL and isinstance(operand, list):
                _hold(f"the depth of {path}", depth + 1, "filter_depth", limits.filter_depth)
                waiting.extend((one, depth + 1) for one in operand)
            told = operand.items() if isinstance(operand, dict) else ((key, operand),)
            values += sum(len(value) for op, value in told if isinstance(value, list) and op not in _LOGICAL)
            _hold(f"conditions in {path}", conditions, "filter_conditions", limits.filter_conditions)
            _hold(f"values in {path}", values, "filter_values", limits.filter_values)
            yield from _patterns(told)


def _patterns(told: Iterable[tuple[str, object]]) -> Iterator[str]:
    return (value for op, value in told if op in _PATTERNS and isinstance(value, str))


def _hold(what: str, came: int, name: str, limit: int) -> None:
    if came > limit:
        raise InvalidArgumentError(_too_much(what, came, name, limit))


def _too_much(what: str, came: int, name: str, limit: int) -> str:
    return f"{what}: {came:,} came, and this server takes {limit:,} at most (its setting '{name}')"

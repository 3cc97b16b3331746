"""What of a request is let in: driven as ASGI, in any pieces; and the limits over the wire."""

import asyncio
import gzip
import threading
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from ochredb.core.errors import BadMediaType, BatchSizeExceededError, InvalidArgumentError
from ochredb.server.intake import Crowd, Crowded, HeadersTooLarge, Intake
from ochredb.server.limits import Limits
from tests.server.commands import refused
from tests.serving import DATABASE, Served, serving

PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes, "": bytes}


class Reader:
    """An application that reads the body, and notes what it sees."""

    def __init__(self) -> None:
        self.body = b""
        self.largest = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        """Read to the end."""
        self.headers = scope["headers"]
        while True:
            message = await receive()
            part = message.get("body", b"")
            self.body += part
            self.largest = max(self.largest, len(part))
            if not message.get("more_body", False):
                return


def scope(headers: dict[str, str] | None = None, path: bytes = b"/", query: bytes = b"") -> dict[str, Any]:
    """Give the head of a request."""
    told = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return {"type": "http", "path": path.decode(), "raw_path": path, "query_string": query, "headers": told}


def taken(parts: list[bytes], headers: dict[str, str] | None = None, limits: Limits | None = None) -> Reader:
    """Send a body in these parts through the middleware to a reader."""
    reader, left = Reader(), list(parts)

    async def receive() -> Message:
        part = left.pop(0) if left else b""
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(_: Message) -> None:
        raise AssertionError("nothing answers here")

    asyncio.run(Intake(reader, limits or Limits())(scope(headers), receive, send))
    return reader


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut a text at these places, as a network might."""
    edges = sorted({0, *(place % (len(data) + 1) for place in places), len(data)})
    return [data[start:end] for start, end in pairwise(edges)] or [b""]


PLACES = st.lists(st.integers(0, 4000), max_size=6)


@given(st.binary(max_size=3000), st.sampled_from(list(PACKERS)), PLACES, st.integers(1, 50))
def test_a_body_arrives_as_it_was_sent(data: bytes, encoding: str, places: list[int], times: int) -> None:
    """Packed in any way, in any pieces; what is behind sees no encoding and no length of what was packed."""
    data *= times
    headers = {"content-encoding": encoding} if encoding else {}
    reader = taken(cut(PACKERS[encoding](data), places), headers)
    assert reader.body == data
    assert encoding in ("identity", "") or reader.headers == []


@given(st.integers(1, 5000), st.sampled_from(list(PACKERS)), PLACES)
def test_a_body_is_bounded_as_it_is_unpacked(size: int, encoding: str, places: list[int]) -> None:
    """To the byte."""
    data, headers = b"x" * size, {"content-encoding": encoding} if encoding else {}
    packed = cut(PACKERS[encoding](data), places)
    assert taken(packed, headers, Limits(body_bytes=size)).body == data
    if size > 1:
        with pytest.raises(BatchSizeExceededError, match="its setting 'body_bytes'"):
            taken(packed, headers, Limits(body_bytes=size - 1))


def test_a_bomb_takes_no_more_memory_than_the_bound() -> None:
    """What unpacks to a thousand times its size is unpacked a megabyte at a time, as far as the bound."""
    bomb = zlib.compress(bytes(1 << 27), 9)
    assert len(bomb) < 1 << 18
    with pytest.raises(BatchSizeExceededError):
        taken([bomb], {"content-encoding": "deflate"})
    large = taken([zlib.compress(bytes(5 << 20))], {"content-encoding": "deflate"})
    assert (len(large.body), large.largest) == (5 << 20, 1 << 20)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]), st.integers(1, 30))
def test_what_is_cut_off_or_goes_on_is_refused(data: bytes, encoding: str, less: int) -> None:
    """Half a body is not taken for a whole one."""
    packed = PACKERS[encoding](data)
    for broken in (packed[:-less], packed + b"more"):
        with pytest.raises(InvalidArgumentError):
            taken([broken], {"content-encoding": encoding})


@given(st.binary(min_size=1, max_size=100))
def test_rubbish_is_refused(data: bytes) -> None:
    """As the caller's mistake."""
    with pytest.raises(InvalidArgumentError):
        taken([b"\0" + data], {"content-encoding": "gzip"})


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "none", "ü"])
def test_other_encodings_are_not_read(encoding: str) -> None:
    """The text names those that are."""
    with pytest.raises(BadMediaType, match="one of gzip, x-gzip, deflate"):
        taken([b"x"], {"content-encoding": encoding})


def test_a_body_that_says_its_length_is_refused_before_it_comes() -> None:
    """Whatever is written there for a length."""
    for length in ("41943041", "9" * 400):
        with pytest.raises(BatchSizeExceededError):
            taken([], {"content-length": length})
    for length in ("41943040", "", "x", "-1", "٣" * 30):
        taken([], {"content-length": length})


def test_headers_and_path_are_bounded_together() -> None:
    """A server behind a proxy gets no other bound."""
    limits = Limits(header_bytes=1000)
    taken([], {"x": "y" * 990}, limits)
    with pytest.raises(HeadersTooLarge):
        taken([], {"x": "y" * 996}, limits)
    for long in (scope(path=b"/" + b"x" * 1000), scope(query=b"x" * 1000)):
        with pytest.raises(HeadersTooLarge):
            asyncio.run(Intake(Reader(), limits)(long, None, None))  # type: ignore[arg-type] # it is refused before


def test_a_crowd_is_bounded_and_health_is_asked_all_the_same() -> None:
    """Who comes when it is full is told to come again; when one has left there is room."""

    async def crowded() -> list[object]:
        go_on = asyncio.Event()

        async def app(*_: object) -> None:
            await go_on.wait()

        crowd = Crowd(app, Limits(requests=2), frozenset(("/healthz",)))
        first = [asyncio.create_task(crowd(scope(), None, None)) for _ in range(2)]  # type: ignore[arg-type] # not used
        await asyncio.sleep(0)
        refused = await asyncio.gather(crowd(scope(), None, None), return_exceptions=True)  # type: ignore[arg-type]
        health = asyncio.create_task(crowd(scope(path=b"/healthz"), None, None))  # type: ignore[arg-type] # not used
        await asyncio.sleep(0)
        assert not health.done(), "it is with the application"
        go_on.set()
        await asyncio.gather(*first, health, crowd(scope(), None, None))  # type: ignore[arg-type] # not used
        return refused

    (error,) = asyncio.run(crowded())
    assert isinstance(error, Crowded)
    assert (error.status, error.headers) == (429, {"retry-after": "1"})


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run a server with small limits, of the environment and of a file."""
    folder = tmp_path_factory.mktemp("strict")
    config = folder / "config.yaml"
    config.write_text("limits:\n  rows: 3\n  dimension: 4\n  results: 5\n  filter_depth: 2\n  filter_conditions: 9\n")
    variables = {"OCHRE_MAX_BODY_BYTES": "2000", "OCHRE_MAX_HEADER_BYTES": "1000", "OCHRE_MAX_REQUESTS": "2"}
    with serving(folder / "data", "--config", config, variables=variables) as server:
        yield server


AND = {"$and": [{"$and": [{"a": 1}, {"b": 1}]}, {"c": 1}]}


@pytest.mark.parametrize(
    ("verb", "body", "status", "setting"),
    [
        ("add", {"ids": list("abcd"), "embeddings": [[1.0]] * 4}, 413, "rows"),
        ("add", {"ids": ["a"], "embeddings": [[1.0] * 5]}, 400, "dimension"),
        ("query", {"query_embeddings": [[1.0]], "n_results": 6}, 400, "results"),
        ("get", {"where": {"$or": [AND, {"d": 1}]}}, 400, "filter_depth"),
        ("get", {"where": {"$and": [{"a": n} for n in range(9)]}}, 400, "filter_conditions"),
        ("delete", {"where_document": {"$regex": r"(\w{30}){30}"}}, 400, "too large"),
        ("get", {"ids": ["x" * 2000]}, 413, "body_bytes"),
    ],
)
def test_each_limit_is_a_4xx_that_names_its_setting(
    verb: str, body: dict[str, Any], status: int, setting: str, strict: Served
) -> None:
    """And what is within it is answered."""
    path = strict.collection("small")
    answer = strict.ask("POST", f"{path}/{verb}", body)
    assert (answer.status, setting in answer.json["message"]) == (status, True), answer
    assert strict.ask("POST", f"{path}/get", {"where": AND}).status == 200


def test_clients_are_told_how_many_records_to_send(strict: Served) -> None:
    """So that theirs refuses a batch before it is sent."""
    assert strict.ask("GET", "/api/v2/pre-flight-checks").json["max_batch_size"] == 3


def test_long_headers_are_refused_over_the_wire(strict: Served) -> None:
    """With the status of their own."""
    assert strict.ask("GET", "/api/v2/version", headers={"x": "y" * 1000}).status == 431
    assert strict.ask("GET", f"{DATABASE}/collections/{'x' * 1000}").status == 431


def test_more_at_a_time_than_allowed_are_sent_away(strict: Served) -> None:
    """While two requests do not end, a third is told to come again, and health is told."""
    hanging = [strict.socket() for _ in range(2)]
    for connection in hanging:
        connection.sendall(b"POST /api/v2/tenants HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n")
    answers: list[Any] = []
    busy = threading.Event()
    for _ in range(200):
        answers.append(strict.ask("GET", "/api/v2/version"))
        if answers[-1].status == 429:
            break
        busy.wait(0.02)
    assert (answers[-1].status, answers[-1].headers["retry-after"]) == (429, "1")
    assert answers[-1].json["error"] == "RateLimitError"
    assert strict.ask("GET", "/readyz").status == 200
    for connection in hanging:
        connection.close()
    while strict.ask("GET", "/api/v2/version").status == 429:
        busy.wait(0.02)


def test_a_mistake_in_the_file_stops_the_start(tmp_path: Path) -> None:
    """A limit that was meant is not passed over."""
    config = tmp_path / "config.yaml"
    config.write_text("limits: {row: 3}")
    assert "a limit is a positive whole number" in refused(tmp_path / "data", "--config", config)

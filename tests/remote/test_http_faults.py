"""Servers that close, hang, refuse, babble and lie: what is asked again, what is not, and what the caller is told."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ochredb.core.errors import (
    AuthorizationError,
    BadBody,
    BadValue,
    BatchSizeExceededError,
    BusyError,
    ForbiddenError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    NotSupported,
    OchreError,
    OverdueError,
    QuotaError,
    RateLimitError,
    UniqueConstraintError,
    UnreachableError,
)
from ochredb.core.model import Delete, Get, NewCollection, Records, Scope, Write
from ochredb.remote.http import Address, AsyncHttpEngine, HttpEngine, calls
from tests.remote.faulty import COLLECTION, Fault, Faulty, babble, break_off, hang_up, say, sleep

ID = COLLECTION["id"]


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """Give a server that has done nothing wrong yet."""
    server = Faulty()
    yield server
    server.close()


@pytest.fixture
def engine(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpEngine]:
    """Give an engine that asks it, has learnt what it asks first, and does not wait long between attempts."""
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)
    engine = HttpEngine(Address(faulty.url))
    engine.get_collection_by_id(str(ID))
    faulty.seen.clear()
    yield engine
    engine.close()


PASSING = {
    "hangs up": hang_up,
    "breaks off": break_off,
    "babbles": babble,
    "503": say(503, {"error": "InternalError", "message": "busy"}),
    "502 of a proxy": say(502, b"<html>Bad Gateway</html>", content_type="text/html"),
    "504": say(504, {"error": "ChromaError", "message": "late"}),
    "429": say(429, {"error": "ChromaError", "message": "too many"}, retry_after="0"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_not_noticed(faulty: Faulty, engine: HttpEngine, fault: str) -> None:
    """A call that may be made twice is made again, as often as the address says, and its caller sees the answer."""
    faulty.faults = [PASSING[fault]] * 3
    assert engine.count(str(ID)) == 7
    assert len(faulty.asked("count")) == 4


def test_writes_by_id_are_made_again(faulty: Faulty, engine: HttpEngine) -> None:
    """Records are written under their ids, so that the second attempt changes nothing that the first has done."""
    for mode in ("add", "upsert", "update"):
        faulty.faults = [hang_up]
        engine.write(str(ID), Write(mode, Records(["a"], np.ones((1, 2), np.float32))))
        assert len(faulty.asked(mode)) == 2


ONCE: dict[str, Any] = {
    "tenants": lambda engine: engine.create_tenant("acme"),
    "databases": lambda engine: engine.create_database(Scope(database="logs")),
    "default_database": lambda engine: engine.delete_database(Scope()),
    "collections": lambda engine: engine.create_collection(Scope(), NewCollection("new")),
    "gone": lambda engine: engine.delete_collection(Scope(), "gone"),
    "delete": lambda engine: engine.delete(str(ID), Delete(ids=["a"])),
}


@pytest.mark.parametrize("end", ONCE)
def test_what_cannot_be_done_twice_is_done_once(faulty: Faulty, engine: HttpEngine, end: str) -> None:
    """Whether it was done is not known then, and the error says so."""
    faulty.faults = [hang_up]
    with pytest.raises(UnreachableError, match=r"no answer and it is not known whether it was done: RemoteProtocolErr"):
        ONCE[end](engine)
    assert len(faulty.asked(end)) == 1
    faulty.faults = [say(503, {"error": "InternalError", "message": "busy"})]
    with pytest.raises(BusyError, match="busy"):
        ONCE[end](engine)


def test_get_or_create_is_made_again(faulty: Faulty, engine: HttpEngine) -> None:
    """Creating what may exist can be done twice."""
    faulty.faults = [hang_up]
    assert engine.create_collection(Scope(), NewCollection("made"), exist_ok=True).id == ID
    assert len(faulty.asked("collections")) == 2


def test_what_was_not_begun_is_made_again(faulty: Faulty, engine: HttpEngine) -> None:
    """A server that says that it has not begun may be asked again for anything."""
    faulty.faults = [say(429, {"error": "ChromaError", "message": "too many"}, retry_after="0")]
    engine.create_tenant("acme")
    assert len(faulty.asked("tenants")) == 2


def test_it_gives_up(faulty: Faulty, engine: HttpEngine) -> None:
    """After its attempts the last answer is the answer, and silence an error that names the place and the cause."""
    faulty.faults = [say(503, {"error": "InternalError", "message": "busy"})] * 9
    with pytest.raises(BusyError, match=r"^busy$"):
        engine.count(str(ID))
    assert len(faulty.asked("count")) == 4
    faulty.faults = [hang_up] * 9
    with pytest.raises(UnreachableError, match=rf"^GET {faulty.url}/api/v2/.*/count: no answer: RemoteProtocolError: "):
        engine.count(str(ID))


def test_without_retries(faulty: Faulty) -> None:
    """Who wants no second attempt gets none."""
    engine = HttpEngine(Address(faulty.url, retries=0))
    faulty.faults = [hang_up]
    with pytest.raises(UnreachableError):
        engine.heartbeat()
    assert len(faulty.seen) == 1
    engine.close()


def test_the_server_says_how_long_to_wait(faulty: Faulty, engine: HttpEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause is what `Retry-After` says, within limits; a date, or nothing, leaves it to the client."""
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(engine._transport, "pause", pause)
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.2)
    faulty.faults = [say(429, {}, retry_after=said) for said in ("7", "9999", "Wed, 21 Oct 2026 07:28:00 GMT")]
    assert engine.count(str(ID)) == 7
    assert paused[:2] == [7, calls.LONGEST_PAUSE]
    assert 0.4 <= paused[2] <= 0.8


def test_a_server_that_hangs_is_not_waited_for(faulty: Faulty) -> None:
    """The time-out is an error of its own and no reason to ask again: the caller has waited long enough."""
    engine = HttpEngine(Address(faulty.url, timeout=0.2))
    faulty.faults = [sleep(faulty)]
    with pytest.raises(OverdueError, match=r"heartbeat: no answer within 0\.2 seconds \(ReadTimeout.*longer timeout"):
        engine.heartbeat()
    assert len(faulty.seen) == 1
    engine.close()


def test_nobody_listens() -> None:
    """Where nobody listens, the error says what to look at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        engine = HttpEngine(Address(f"http://127.0.0.1:{bound.getsockname()[1]}", retries=1))
        with pytest.raises(UnreachableError, match=r"ConnectError: .*refused; is the server running"):
            engine.heartbeat()
        engine.close()


REFUSALS: list[tuple[Fault, type[OchreError], str]] = [
    (say(400, {"error": "InvalidArgumentError", "message": "no"}), InvalidArgumentError, "no"),
    (say(401, {"error": "AuthorizationError", "message": "no"}), AuthorizationError, "no"),
    (say(403, {"error": "ChromaError", "message": "Reset is disabled by config"}), ForbiddenError, "Reset is disabled"),
    (say(404, {"error": "NotFoundError", "message": "no"}), NotFoundError, "no"),
    (say(409, {"error": "ChromaError", "message": "there is one"}), UniqueConstraintError, "there is one"),
    (say(413, b"Payload too large", content_type="text/plain"), BatchSizeExceededError, "Payload too large"),
    (say(422, {"error": "ChromaError", "message": "no"}), BadBody, "no"),
    (say(422, {"error": "QuotaError", "message": "no"}), QuotaError, "no"),
    (say(429, {"error": "RateLimitError", "message": "no"}), RateLimitError, "no"),
    (say(500, {"error": "InternalError", "message": "no"}), InternalError, "no"),
    (say(501, {"error": "ChromaError", "message": "no"}), NotSupported, "no"),
    (say(404, b"", content_type="text/html"), NotFoundError, "status 404"),
    (say(307, b"", location="http://elsewhere/"), InternalError, "status 307"),
    (say(418, b'{"teapot": true}'), InternalError, "teapot"),
]


@pytest.mark.parametrize("row", range(len(REFUSALS)))
def test_refusals_are_errors_of_ours(faulty: Faulty, row: int) -> None:
    """A refusal is raised as the class that its name and status stand for, with the server's text and trace."""
    fault, wanted, text = REFUSALS[row]
    engine = HttpEngine(Address(faulty.url, retries=0))
    faulty.faults = [fault]
    with pytest.raises(wanted, match=text) as refused:
        engine.version()
    assert refused.value.trace_id is None
    engine.close()


def test_a_trace_comes_along(faulty: Faulty, engine: HttpEngine) -> None:
    """The error has the server's trace id, by which its log can be searched."""
    faulty.faults = [say(500, {"error": "InternalError", "message": "no"}, chroma_trace_id="abc")]
    with pytest.raises(InternalError) as refused:
        engine.count(str(ID))
    assert refused.value.trace_id == "abc"


@pytest.mark.parametrize("answer", [b"{", b'{"nanoseconds": 5}', b"[]", b"\xff"])
def test_an_answer_that_is_none(faulty: Faulty, engine: HttpEngine, answer: bytes) -> None:
    """An answer of another shape is a fault of the server's, shown with what came."""
    faulty.faults = [say(200, answer)]
    with pytest.raises(InternalError, match=r"heartbeat: expected an answer as Chroma's servers give it, got b"):
        engine.heartbeat()


def test_an_old_server_is_asked_in_json(faulty: Faulty, engine: HttpEngine) -> None:
    """A server that does not offer our content type gets JSON, filters and all, and no more records than it takes."""
    engine.write(str(ID), Write("upsert", Records(["a"], np.array([[0.5, 2]], np.float32), None, [{"x": 1}])))
    (sent,) = faulty.asked("upsert")
    assert sent.headers["content-type"] == "application/json"
    assert sent.body["embeddings"] == [[0.5, 2.0]]
    assert sent.body["metadatas"] == [{"x": 1}]


def test_pages_of_a_server_that_fails_beyond_them(faulty: Faulty, engine: HttpEngine) -> None:
    """Everything is asked for by pages of a server that is not ours, and put together in order."""
    whole = [f"id {n}" for n in range(12_345)]

    def page() -> Any:
        asked = faulty.seen[-1].body
        ids = whole[asked["offset"] or 0 :][: asked["limit"]]
        return {"ids": ids, "documents": [None] * len(ids), "metadatas": [None] * len(ids), "uris": None}

    faulty.answers["get"] = page
    found = engine.get(str(ID), Get())
    assert found.ids == whole
    assert found.documents == [None] * len(whole)
    assert [seen.body["limit"] for seen in faulty.asked("get")] == [5000, 5000, 5000]
    assert engine.get(str(ID), Get(limit=7000, offset=3)).ids == whole[3:7003]
    assert engine.get(str(ID), Get(limit=3)).ids == whole[:3]


def test_nothing_that_asks_for_credentials_shows_them(faulty: Faulty) -> None:
    """Errors name the server, and never what was sent as a key."""
    engine = HttpEngine(Address(faulty.url, {"Authorization": "Bearer secret"}, retries=0))
    faulty.faults = [hang_up, say(403, {"error": "AuthError", "message": "no"})]
    for _ in range(2):
        with pytest.raises(OchreError) as refused:
            engine.heartbeat()
        assert "secret" not in str(refused.value)
    assert faulty.seen[0].headers["authorization"] == "Bearer secret"
    engine.close()


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http:///path"])
def test_an_address_that_is_none(url: str) -> None:
    """What cannot be an address is refused before anything is sent."""
    with pytest.raises(BadValue, match="Invalid URL"):
        HttpEngine(Address(url))


def test_the_same_awaited(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asynchronous engine asks again, gives up and times out as the blocking one."""
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)

    async def program() -> None:
        engine = AsyncHttpEngine(Address(faulty.url))
        faulty.faults = [hang_up, PASSING["503"]]
        assert await engine.heartbeat() == 5
        faulty.faults = [hang_up] * 9
        with pytest.raises(UnreachableError):
            await engine.heartbeat()
        await engine.close()
        hasty = AsyncHttpEngine(Address(faulty.url, timeout=0.2))
        faulty.faults = [sleep(faulty)]
        with pytest.raises(OverdueError):
            await hasty.heartbeat()
        await hasty.close()

    asyncio.run(program())


def test_one_engine_in_several_event_loops(faulty: Faulty) -> None:
    """Connections of an event loop that has ended are not used in the next."""
    engine = AsyncHttpEngine(Address(faulty.url))
    for _ in range(2):
        assert asyncio.run(_once(engine)) == 5


async def _once(engine: AsyncHttpEngine) -> int:
    found = await engine.heartbeat()
    await engine._transport._client().aclose()
    return found

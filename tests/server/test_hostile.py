"""Callers who break off, hang, flood or talk nonsense: they get a 4xx or a closed connection, and others are served."""

import gzip
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

import ochredb
from tests.serving import DATABASE, Served, serving

GET = b"GET /api/v2 HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def _lives_on(served: Served) -> Iterator[None]:
    """Whatever a test does, the server answers after it, with the same process."""
    yield
    assert served.process.poll() is None
    assert served.ask("GET", "/api/v2").status == 200


def heard(connection: socket.socket) -> bytes:
    """Read to the end; a reset is an end too."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def drip(connection: socket.socket, part: bytes, pause: float = 0.0) -> bool:
    """Send a part, if the other side still takes it."""
    try:
        connection.sendall(part)
    except OSError:
        return False
    time.sleep(pause)
    return True


def post(path: str, length: int, *headers: str) -> bytes:
    """Write the head of a POST."""
    lines = (f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {length}", *headers, "", "")
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/v2 HTTP/1.1\r\nhost x\r\n\r\n",
        b"POST /api/v2/reset HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST /api/v2/reset HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"\0" * 10_000,
    ],
    ids=["TLS", "a word", "another version", "no colon", "less than nothing", "two lengths", "zeros"],
)
def test_what_is_not_http(served: Served, sent: bytes) -> None:
    """It is a 400, and the end of the connection."""
    with served.socket() as connection:
        connection.sendall(sent)
        assert heard(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent", [b"", b"\r\n", b"GE", b"GET /api/v2 HTTP/1.1\r\nhost: localhost\r\n", GET + b"GET /api"]
)
def test_a_head_that_never_ends(served: Served, sent: bytes) -> None:
    """Whoever hangs before a head is complete is cut off."""
    with served.socket() as connection:
        connection.sendall(sent)
        answers = heard(connection)
        assert answers.count(b"HTTP/1.1") == sent.count(GET)


def test_a_head_that_drips(served: Served) -> None:
    """A byte now and then does not keep a connection open."""
    with served.socket() as connection:
        dripped = sum(drip(connection, bytes([byte]), 0.1) for byte in GET[:-1] * 100)
    assert dripped < 100


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/v2 HTTP/1.1\r\nhost: localhost\r\n" + b"x: " + b"y" * 30_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /api/v2 HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
    ],
    ids=["a header", "a path", "many headers"],
)
def test_a_large_head(served: Served, head: bytes) -> None:
    """It is a 431."""
    with served.socket() as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        assert heard(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_without_end(served: Served) -> None:
    """It is cut off before it takes memory."""
    with served.socket() as connection:
        connection.sendall(b"GET /api/v2 HTTP/1.1\r\n")
        sent = sum(drip(connection, b"x: " + b"y" * 1000 + b"\r\n") for _ in range(20_000))
    assert sent < 20_000


def test_half_a_body(served: Served) -> None:
    """A body that does not come in time is a 408; a caller who hangs up instead is only forgotten."""
    path = f"{DATABASE}/collections"
    with served.socket() as connection:
        connection.sendall(post(path, 100) + b'{"name":')
        answer = heard(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"error":"ChromaError"' in answer
    with served.socket() as connection:
        connection.sendall(post(path, 100) + b'{"name":')
    with served.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        connection.sendall(post(path, 100) + b'{"name":')


def test_a_body_that_is_announced_as_too_large(served: Served) -> None:
    """It is refused before it is sent."""
    with served.socket() as connection:
        connection.sendall(post(f"{DATABASE}/collections", 10**12))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_is_too_large(served: Served) -> None:
    """Without a length it is counted while it comes."""
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with served.socket() as connection:
        connection.sendall(f"POST {DATABASE}/collections HTTP/1.1\r\nhost: localhost\r\n".encode())
        connection.sendall(b"transfer-encoding: chunked\r\n\r\n")
        try:
            for _ in range(60):
                connection.sendall(chunk)
        except OSError:
            pass  # it was refused before all of it was sent, which is as good
        else:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_gzip_bomb(served: Served) -> None:
    """A body that unpacks to too much is a 413; one that unpacks to a body is read."""
    path = f"{DATABASE}/collections"
    headers = {"content-encoding": "gzip"}
    assert served.ask("POST", path, gzip.compress(b" " * (1 << 28)), headers).status == 413
    assert served.ask("POST", path, gzip.compress(b" " * 1000)[:-4], headers).status == 400
    assert served.ask("POST", path, b"no gzip", headers).status == 400
    assert served.ask("POST", path, b"{}", {"content-encoding": "br"}).status == 415
    found = served.ask("POST", path, gzip.compress(b'{"name":"unpacked","get_or_create":true}'), headers)
    assert (found.status, found.json["name"]) == (200, "unpacked")


def test_an_answer_that_is_not_taken(served: Served) -> None:
    """A caller who does not read a large answer is dropped, and nobody else waits."""
    path = served.collection("large-answers")
    text = "x" * 1_000_000
    body = {"ids": [str(row) for row in range(30)], "embeddings": [[0.0]] * 30, "documents": [text] * 30}
    assert served.ask("POST", f"{path}/upsert", body).status == 200
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with connection:
        connection.connect((served.host, served.port))
        connection.settimeout(60)
        connection.sendall(post(f"{path}/get", 2) + b"{}")
        assert connection.recv(10).startswith(b"HTTP/1.1 ")
        time.sleep(5)
        assert len(heard(connection)) < 30_000_000


def test_a_crowd_of_hangers(served: Served) -> None:
    """Two hundred who hang do not keep others from being answered."""
    hanging = [served.socket() for _ in range(200)]
    try:
        for number, connection in enumerate(hanging):
            connection.sendall(GET[:-2] if number % 2 else post(f"{DATABASE}/collections", 9))
        assert served.ask("GET", "/healthz").status == 200
    finally:
        for connection in hanging:
            connection.close()


def test_pipelined_requests(served: Served) -> None:
    """Requests that are sent before their answers are taken are answered one after another."""
    with served.socket() as connection:
        connection.sendall(GET * 49 + GET.replace(b"host:", b"connection: close\r\nhost:"))
        assert heard(connection).count(b"HTTP/1.1 200 OK") == 50


def test_a_slow_engine_is_a_504(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A call that takes longer than the server waits is told so, and the next is answered."""
    folder = tmp_path_factory.mktemp("slow") / "data"
    with serving(folder, "--timeout", "0.001") as server:
        body = {"name": "slow-one", "get_or_create": True}
        statuses = {server.ask("POST", f"{DATABASE}/collections", body).status for _ in range(20)}
        assert 504 in statuses
        assert statuses <= {200, 408, 504}
        assert server.ask("GET", "/healthz").status == 200


def test_nothing_of_this_is_in_the_log(served: Served) -> None:
    """No stack trace and no folder is in the log, whatever was sent before."""
    lines = served.log.read_text()
    assert "ochredb.access" in lines
    assert "Traceback" not in lines
    assert str(served.log.parent) not in lines


def test_many_at_a_time(served: Served) -> None:
    """Readers and writers together are all answered."""
    path = served.collection("crowded")
    statuses: list[int] = []

    def write(caller: int) -> None:
        for call in range(10):
            body = {"ids": [f"{caller}-{call}"], "embeddings": [[caller, call]]}
            statuses.append(served.ask("POST", f"{path}/upsert", body).status)
            statuses.append(served.ask("POST", f"{path}/query", {"query_embeddings": [[1, 2]]}).status)

    callers = [threading.Thread(target=write, args=(caller,)) for caller in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [200] * 160
    assert served.ask("GET", f"{path}/count").json == 80


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("size", [1, 7, 121, 230, 100_000])
def test_an_offer_to_speak_another_protocol(served: Served, size: int) -> None:
    """As Java's client makes it with each request: it is not taken up, and what comes with it and after it is read."""
    body = b'{"name":"offered","get_or_create":true}'
    head = post(f"{DATABASE}/collections", len(body))
    asked = head[:-2] + OFFER + b"\r\n" + body
    get = GET[:-2] + OFFER.lower() + b"\r\n"
    sent = asked + get + asked + GET[:-2] + b"connection: close\r\n\r\n"
    with served.socket() as connection:
        for start in range(0, len(sent), size):
            connection.sendall(sent[start : start + size])
        assert heard(connection).count(b"HTTP/1.1 200 ") == 4


def test_a_body_may_hold_what_looks_like_an_offer(served: Served) -> None:
    """What our client sends as bytes comes back as it was."""
    text = "a\r\n\r\nx\nUpgrade: yes\nupgrade"
    with ochredb.HttpClient(served.host, served.port) as client:
        notes = client.get_or_create_collection("offers", embedding_function=None)
        notes.upsert(ids=["a"], embeddings=[[1.0, 2.0]], documents=[text])
        assert notes.get()["documents"] == [text]

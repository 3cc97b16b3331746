"""`ochre run` from start to stop."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

import apsw
import pytest

from ochredb.core.model import Scope
from ochredb.local.engine import LocalEngine
from tests.serving import DATABASE, MAIN, Served, serving


def listening(server: Served) -> bool:
    """Tell whether a server takes new connections."""
    try:
        server.socket().close()
    except OSError:
        return False
    return True


def write(server: Served, path: str, stop: threading.Event, done: list[str]) -> None:
    """Add records, one a call, and note those that were acknowledged, until the server is gone."""
    for row in range(100_000):
        if stop.is_set():
            return
        try:
            answer = server.ask("POST", f"{path}/add", {"ids": [f"{id(stop)}-{row}"], "embeddings": [[row, 1.0]]})
        except (OSError, HTTPException):
            return
        assert answer.status == 201, answer
        done.append(f"{id(stop)}-{row}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_load(tmp_path: Path, number: int) -> None:
    """What was accepted is answered and kept, the process ends by itself with 0, and what was acknowledged is there."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        path = server.collection("loaded")
        stops, done = [threading.Event() for _ in range(4)], list[str]()
        writers = [threading.Thread(target=write, args=(server, path, stop, done)) for stop in stops]
        for writer in writers:
            writer.start()
        while len(done) < 50:
            assert server.process.poll() is None
        assert server.stop(number) == 0
        for writer in writers:
            writer.join()
        assert "Traceback" not in server.log.read_text()
    engine = LocalEngine(folder, read_only=True)
    try:
        collection = engine.get_collection(Scope(), "loaded").id
        kept = {id_ for records in engine.scan(collection, frozenset()) for id_ in records.ids}
    finally:
        engine.close()
    assert set(done) <= kept


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    """A body whose head had come before the signal is taken and answered; a new connection is not."""
    with serving(tmp_path / "data") as server:
        body = b'{"name":"just-in-time"}'
        with server.socket() as connection:
            head = f"POST {DATABASE}/collections HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:5])
            server.ask("GET", "/api/v2")  # an answer to a later request: the head has been read
            server.process.send_signal(signal.SIGTERM)
            while listening(server):
                pass
            connection.sendall(body[5:])
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_is_not_waited_for_is_told_so(tmp_path: Path, workers: str) -> None:
    """A write that another process holds up when the server stops: JSON says that it may still be done."""
    folder = tmp_path / "data"
    with serving(folder, "--grace", "0.5", "--workers", workers) as server:
        path = server.collection("held")
        body = b'{"ids":["a"],"embeddings":[[1,2]]}'
        other = apsw.Connection(str(folder / "ochre.sqlite3"))
        other.execute("BEGIN IMMEDIATE")
        with server.socket() as connection:
            connection.sendall(
                f"POST {path}/add HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            )
            time.sleep(1)
            server.process.send_signal(signal.SIGTERM)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        other.execute("ROLLBACK")
        other.close()
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"may still be done" in answer
        assert server.process.wait(60) == 0


def test_data_stays(tmp_path: Path) -> None:
    """A server that is started again on a folder serves what was there."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        path = server.collection("staying")
        assert server.ask("POST", f"{path}/add", {"ids": ["a"], "embeddings": [[1, 2]]}).status == 201
    with serving(folder) as server:
        assert server.ask("GET", f"{path}/count").json == 1


def test_a_killed_server_leaves_what_it_acknowledged(tmp_path: Path) -> None:
    """After SIGKILL everything that was answered is there."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        path = server.collection("killed")
        for row in range(20):
            assert server.ask("POST", f"{path}/add", {"ids": [str(row)], "embeddings": [[row, 2]]}).status == 201
        server.stop(signal.SIGKILL)
    with serving(folder) as server:
        assert server.ask("GET", f"{path}/count").json == 20


def test_other_engines(tmp_path: Path) -> None:
    """A database in memory is served as well; it is empty again after a reset, which an admin may do if so set up."""
    with serving(tmp_path / "unused", "--engine", "memory:", "--allow-reset") as server:
        path = server.collection("passing")
        assert server.ask("POST", f"{path}/add", {"ids": ["a"], "embeddings": [[1, 2]]}).status == 201
        found = server.ask("POST", "/api/v2/reset")
        assert (found.status, found.json) == (200, True)
        assert server.ask("GET", f"{path}/count").status == 404
    assert not (tmp_path / "unused").exists()


def test_a_file_of_settings(tmp_path: Path) -> None:
    """Chroma's file works, with names that mean nothing here; variables go before it, and flags before them."""
    file = tmp_path / "config.yaml"
    file.write_text('persist_path: "nowhere"\nport: 1\nallow_reset: true\nsqlite_filename: "x"\ncircuit_breaker: {}\n')
    variables = {"CHROMA_PORT": "2", "CHROMA_LISTEN_ADDRESS": "127.0.0.1", "OCHRE_MAX_ROWS": "5"}
    with serving(tmp_path / "data", str(file), variables=variables) as server:
        assert server.host == "127.0.0.1"
        assert server.port > 2
        assert server.ask("POST", "/api/v2/reset").status == 200
        assert server.ask("GET", "/api/v2/pre-flight-checks").json["max_batch_size"] == 5


def test_a_log_in_json(tmp_path: Path) -> None:
    """Each request is one object, with the name under which the caller was answered."""
    with serving(tmp_path / "data", "--log-format", "json") as server:
        answer = server.ask("GET", "/api/v2/tenants/no%20body?secret=1")
    (line,) = [json.loads(line) for line in server.log.read_text().splitlines()]  # it is written behind the answer
    assert line["request"] == answer.headers["chroma-trace-id"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v2/tenants/no%20body", 404)
    assert line["bytes"] == len(answer.body)
    assert line["ms"] > 0


def test_no_log_of_requests(tmp_path: Path) -> None:
    """They need not be logged."""
    with serving(tmp_path / "data", "--no-access-log") as server:
        server.ask("GET", "/api/v2")
    assert server.log.read_text() == ""


def refusal(*flags: str) -> str:
    """Run a server that must not start, and give what it says."""
    ran = subprocess.run([sys.executable, "-c", MAIN, "run", *flags], capture_output=True, text=True, timeout=60)
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    return ran.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """It says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refusal("--path", str(tmp_path / "data"), "--host", "127.0.0.1", "--port", str(port))
    assert "in use" in told
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--engine", "nonsense:x"), "nonsense"),
        (("--tls-cert", "x.pem"), "--tls-key"),
        (("--log-path", "/not/there/x.log"), "x.log"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, flags: tuple[str, ...], text: str) -> None:
    """The text names the setting, and no folder is made."""
    assert text in refusal("--path", str(tmp_path / "data"), *flags)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """A file in its place is refused before anything is served."""
    (tmp_path / "data").write_text("x")
    assert "data" in refusal("--path", str(tmp_path / "data"), "--port", "0")

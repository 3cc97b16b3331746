"""Several processes behind one address."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ochredb.server.keys import FILE, KeyFile
from tests.server.commands import ochre, refused
from tests.server.test_metrics import measured
from tests.server.test_run import listening
from tests.serving import DATABASE, Served, serving


def workers(server: Served) -> list[int]:
    """Give the processes that serve."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("this system does not tell which processes another has started")
    return [int(pid) for pid in children.read_text().split()]


def until(true: Callable[[], bool]) -> None:
    """Wait for something, a minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about")


def count(server: Served, path: str) -> int:
    """Ask over a connection of its own."""
    answer = server.ask("GET", f"{path}/count")
    assert answer.status == 200, answer
    return int(answer.json)


def test_what_one_has_written_all_find(tmp_path: Path) -> None:
    """Each connection is another process's, and sees what was acknowledged on any; requests are counted together."""
    with serving(tmp_path / "data", "--workers", "3") as server:
        assert len(workers(server)) == 3
        path = server.collection("shared")
        for row in range(12):
            body = {"ids": [str(row)], "embeddings": [[row, 1.0]]}
            assert server.ask("POST", f"{path}/add", body).status == 201
            assert [count(server, path) for _ in range(3)] == [row + 1] * 3
            found = server.ask("POST", f"{path}/query", {"query_embeddings": [[row, 1.0]], "n_results": 1})
            assert found.json["ids"] == [[str(row)]]
        told = measured(server)
        assert told["ochre_requests_total", "count", "200"] == 36
        assert told["ochre_requests_total", "add", "201"] == 12
        assert told["ochre_rows", "", ""] == 12
        assert server.stop() == 0


def test_connections_are_spread_evenly(tmp_path: Path) -> None:
    """Six connections that are open at a time are two for each of three processes."""
    with serving(tmp_path / "data", "--workers", "3") as server:
        path = server.collection("spread")
        connections = [server.socket() for _ in range(6)]
        for connection in connections:
            connection.sendall(f"GET {path}/count HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        held = [_connections(pid, server.port) for pid in workers(server)]
        for connection in connections:
            connection.close()
    assert held == [2, 2, 2]


def _connections(pid: int, port: int) -> int:
    """Count the connections to a port that a process has open."""
    inodes = {path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return sum(f"socket:[{row[9]}]" in inodes and int(row[1].rpartition(":")[2], 16) == port for row in rows)


def test_one_that_dies_is_replaced(tmp_path: Path) -> None:
    """Its connections break; who connects anew is served, and soon there are as many processes as before."""
    with serving(tmp_path / "data", "--workers", "2") as server:
        path = server.collection("replaced")
        before = workers(server)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(workers(server)) == 2 and before[0] not in workers(server))
        assert server.ask("POST", f"{path}/add", {"ids": ["a"], "embeddings": [[1, 2]]}).status == 201
        assert [count(server, path) for _ in range(4)] == [1] * 4
        assert server.stop() == 0
        assert "is replaced" in server.log.read_text()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))


def test_none_outlives_the_door(tmp_path: Path) -> None:
    """When the process that was started is killed, those that it started end."""
    with serving(tmp_path / "data", "--workers", "2") as server:
        path = server.collection("left")
        left = workers(server)
        server.stop(signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    with serving(tmp_path / "data") as server:
        assert count(server, path) == 0


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    """A body whose head had come before the signal is taken and answered."""
    with serving(tmp_path / "data", "--workers", "2") as server:
        body = b'{"name":"just-in-time"}'
        with server.socket() as connection:
            head = f"POST {DATABASE}/collections HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:5])
            for _ in range(4):
                server.ask("GET", "/api/v2")
            server.process.send_signal(signal.SIGTERM)
            until(lambda: not listening(server))
            connection.sendall(body[5:])
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(60) == 0


def test_a_server_that_cannot_start_says_so_once(tmp_path: Path) -> None:
    """What is wrong with the address, the engine or the folder is said as for one process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags = ("--host", "127.0.0.1", "--port", str(taken.getsockname()[1]))
        assert "in use" in refused(tmp_path / "data", "--workers", "2", *flags)
    assert "memory" in refused(tmp_path / "data", "--workers", "2", "--engine", "memory:")
    (tmp_path / "ochre.sqlite3").write_text("this is something else")
    ran = ochre("run", "--path", tmp_path, "--port", "0", "--workers", "2")
    assert (ran.returncode, ran.stdout, ran.stderr.count("is damaged")) == (1, "", 1)


def test_that_there_were_keys_is_not_forgotten(tmp_path: Path) -> None:
    """A file of keys that goes away lets nobody in, by a process that was not asked meanwhile or came later either."""
    folder = tmp_path / "data"
    with serving(folder, "--workers", "2") as server:
        file = KeyFile(folder / FILE)
        key = file.create("me", "reader")
        time.sleep(2)  # the door looks every second
        file.path.unlink()
        before = workers(server)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(workers(server)) == 2 and before[0] not in workers(server))
        paths = ["/api/v2/tenants/default_tenant"] * 6
        assert {server.ask("GET", path).status for path in paths} == {401}
        time.sleep(2)  # until the one that came later is ready
        assert {server.ask("GET", path, key=key).status for path in paths} == {401}


def test_who_is_not_ready_is_handed_nothing(tmp_path: Path) -> None:
    """While one that died cannot be replaced, the others serve all."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with serving(tmp_path / "data", "--workers", "2", "--log-path", logs / "log") as server:
        logs.rename(tmp_path / "elsewhere")
        gone = workers(server)[0]
        os.kill(gone, signal.SIGKILL)
        until(lambda: gone not in workers(server))
        for _ in range(30):
            assert server.ask("GET", "/healthz").status == 200
            time.sleep(0.1)
        (tmp_path / "elsewhere").rename(logs)
        until(lambda: len(workers(server)) == 2)


def test_signals_are_for_the_door(tmp_path: Path) -> None:
    """A terminal sends them to all processes: a worker ends when the door does, and not before."""
    with serving(tmp_path / "data", "--workers", "2") as server:
        before = workers(server)
        for pid in before:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            assert server.ask("GET", "/healthz").status == 200
        assert workers(server) == before


def test_a_second_signal_does_not_cut_off(tmp_path: Path) -> None:
    """The request under way is finished, and no process is left."""
    with serving(tmp_path / "data", "--workers", "2") as server:
        body, left = b'{"name":"just-in-time"}', workers(server)
        with server.socket() as connection:
            head = f"POST {DATABASE}/collections HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body[:5])
            for _ in range(4):
                server.ask("GET", "/api/v2")
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
                server.process.send_signal(number)
                time.sleep(0.2)
            assert server.process.poll() is None
            connection.sendall(body[5:])
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(60) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in left)

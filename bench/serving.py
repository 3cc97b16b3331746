"""Measure our server beside Chroma's: `python -m bench.serving`.

Both serve the same rows, at the same time and on this machine only, and are asked in turn, so that what else the
machine does falls on both. One connection asks one query after another; so do eight at once; so do eight while a ninth
writes. Each of these lasts as many seconds as are given, and the servers are stopped at the end.
"""

import argparse
import asyncio
import base64
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.data import CALL, HOME, SEED, Rows
from bench.environment import interpreter
from bench.growth import read_rows

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
HOST = "127.0.0.1"
K = 10
QUERIES = 500  # different ones
WRITTEN = 100  # rows in a call of the ninth connection
WARM = 1.0  # seconds that are not counted
CASES = {"1 connection": (1, False), "8 connections": (8, False), "8 connections, one more writes": (8, True)}
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"


@dataclass
class Round:
    """What one turn of one case gave: seconds of each answer, how many were no 200, and how long it lasted."""

    times: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    writes: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of the answers took at most."""
        return float(np.quantile(self.times, share)) * 1000


def main() -> None:
    """Fill both servers, ask them in turn, print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="rows to load (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="that a turn lasts (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="of each server in each case (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes of ours (default: %(default)s)")
    parser.add_argument("--only", choices=["ochre", "chroma"], help="measure one side only")
    options = parser.parse_args()
    HOME.mkdir(exist_ok=True)
    rows = read_rows(options.rows)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="serving-", dir=HOME)))
        names = [options.only] if options.only else ["ochre", "chroma"]
        ports = {name: stack.enter_context(running(name, folder / name, options.workers)) for name in names}
        targets = {name: Target(port, rows) for name, port in ports.items()}
        time.sleep(min(30.0, options.rows / 2000))  # indexes are built in the background, by both
        found: dict[str, dict[str, list[Round]]] = {case: {name: [] for name in names} for case in CASES}
        for case, (connections, writing) in CASES.items():
            for _ in range(options.turns):
                for name, target in targets.items():
                    asyncio.run(target.turn(connections, writing, WARM))
                    found[case][name].append(asyncio.run(target.turn(connections, writing, options.seconds)))
    Console().print(table(found, options.rows, options.workers))


def table(found: dict[str, dict[str, list[Round]]], rows: int, workers: int) -> Table:
    """Show medians over the turns, and the ratio of both sides."""
    shown = Table(title=f"queries of {K} over HTTP, {rows:,} rows, medians; ours in {workers} processes")
    for heading in ("case", "server", "requests/s", "p50 ms", "p99 ms", "errors", "writes", "requests/s to chroma's"):
        shown.add_column(heading, justify="left" if heading in ("case", "server") else "right")
    for case, each in found.items():
        rates = {name: statistics.median(one.rate for one in turns) for name, turns in each.items()}
        for name, turns in each.items():
            shown.add_row(
                case,
                name,
                f"{rates[name]:,.0f}",
                *(f"{statistics.median(one.quantile(share) for one in turns):.2f}" for share in (0.5, 0.99)),
                str(sum(one.errors for one in turns)),
                str(sum(one.writes for one in turns)),
                f"{rates[name] / rates['chroma']:.1f}" if "chroma" in rates else "-",
            )
    return shown


@contextmanager
def running(name: str, folder: Path, workers: int) -> Iterator[int]:
    """Run a server on a free port until the block ends, ours in so many processes, and give the port."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    told = ["run", "--path", str(folder), "--host", HOST, "--port", str(port)]
    ours = [sys.executable, "-c", MAIN, *told, "--workers", str(workers)]
    command = ours if name == "ochre" else [str(Path(interpreter(name)).with_name(name)), *told]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _listens(port):
            if process.poll() is not None:
                raise SystemExit(f"{name}: the server ended with status {process.returncode}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


class Target:
    """A server that has the rows.

    Args:
        port: Where it listens.
        rows: What it is filled with.
    """

    def __init__(self, port: int, rows: Rows) -> None:
        self._port = port
        made = _ask(port, "POST", f"{DATABASE}/collections", {"name": "served", "configuration": COSINE})
        self._path = f"{DATABASE}/collections/{made['id']}"
        for call in rows.calls():
            _ask(port, "POST", f"{self._path}/add", _body(call))
        chosen = np.random.default_rng(SEED).choice(len(rows), QUERIES)
        self._queries = [
            self._request("query", {"query_embeddings": [vector.tolist()], "n_results": K})
            for vector in rows.embeddings[chosen]
        ]
        self._vectors = rows.embeddings[:WRITTEN]
        self._new = count()

    async def turn(self, connections: int, writing: bool, seconds: float) -> Round:
        """Ask for some seconds over so many connections."""
        found, until = Round(), time.perf_counter() + seconds
        began = time.perf_counter()
        readers = [self._read(found, until, start) for start in range(connections)]
        await asyncio.gather(*readers, *([self._write(found, until)] if writing else []))
        found.seconds = time.perf_counter() - began
        return found

    async def _read(self, found: Round, until: float, start: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        for number in count(start * 61):
            began = time.perf_counter()
            if began >= until:
                break
            writer.write(self._queries[number % QUERIES])
            found.errors += await _status(reader) != 200
            found.times.append(time.perf_counter() - began)
        writer.close()

    async def _write(self, found: Round, until: float) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        while time.perf_counter() < until:
            ids = [f"new-{next(self._new)}" for _ in range(WRITTEN)]
            writer.write(self._request("add", _body({"ids": ids, "embeddings": self._vectors})))
            found.errors += await _status(reader) != 201
            found.writes += 1
            await asyncio.sleep(0.05)
        writer.close()

    def _request(self, verb: str, body: dict[str, Any]) -> bytes:
        data = json.dumps(body).encode()
        lines = (
            f"POST {self._path}/{verb} HTTP/1.1",
            f"host: {HOST}",
            "content-type: application/json",
            f"content-length: {len(data)}",
            "",
            "",
        )
        return "\r\n".join(lines).encode() + data


async def _status(reader: asyncio.StreamReader) -> int:
    """Read an answer, and give its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return int(head.split(maxsplit=2)[1])


COSINE = {"hnsw": {"space": "cosine"}}


def _body(call: dict[str, Any]) -> dict[str, Any]:
    vectors: Sequence[Any] = call["embeddings"]
    packed = [base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode() for vector in vectors]
    assert len(packed) <= CALL
    return {**call, "embeddings": packed}


def _ask(port: int, method: str, path: str, body: dict[str, Any]) -> Any:
    connection = HTTPConnection(HOST, port)
    try:
        connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{path}: {answer.status} {told[:200]!r}")
        return json.loads(told)
    finally:
        connection.close()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port)).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()

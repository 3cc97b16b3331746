"""`ochre run` in a process of its own, for the tests of whoever talks to a server."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"
DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"


class Answer(NamedTuple):
    """What came back: the status, the headers by small letters, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Served:
    """A server that runs."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 0

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, key: str | None = None
    ) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        headers = {**({} if key is None else {"authorization": f"Bearer {key}"}), **(headers or {})}
        connection = HTTPConnection(self.host, self.port, timeout=60)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def collection(self, name: str, **body: Any) -> str:
        """Make a collection, or find it, and give the path of its routes."""
        made = self.ask("POST", f"{DATABASE}/collections", {"name": name, "get_or_create": True, **body})
        assert made.status == 200, made
        return f"{DATABASE}/collections/{made.json['id']}"

    def socket(self) -> socket.socket:
        """Connect, to say anything."""
        return socket.create_connection((self.host, self.port), timeout=60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a program of ours, with these variables."""
    return {**os.environ, "COLUMNS": "200", **variables}


@contextmanager
def serving(folder: Path, *flags: str | Path, variables: dict[str, str] | None = None) -> Iterator[Served]:
    """Serve the database in a folder, on any port, until the block ends.

    Args:
        folder: For the database, and for the log beside it.
        flags: More of `ochre run`.
        variables: More of the environment.
    """
    log = folder.with_name(f"{folder.name}.log")
    told = ["--path", str(folder), "--port", "0", "--log-path", str(log), *map(str, flags)]
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", *told],
        env=environment(variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = []
        while not (line := process.stdout.readline()).startswith("Connect to it at "):
            said.append(line)
            assert line, f"it did not start: {''.join(said)}"
        yield Served(process, line.split()[-1], log)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()

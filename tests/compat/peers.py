"""Who answers the same calls: the real package in a process of its own, Ochre on disk, and the reference engine."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ochredb
from ochredb.client.sync import AdminClient, Client, Holder
from ochredb.config import Settings
from ochredb.core.engine import Engine
from ochredb.testing.reference import ReferenceEngine
from tests.compat.session import Session

PROGRAM = Path(__file__).with_name("session.py")


class Chroma:
    """Asks the real package, which runs in the interpreter that has it.

    Args:
        python: That interpreter.
    """

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a panic writes there, and its message comes as an answer too
            text=True,
            encoding="utf-8",
            # It tries documents and URIs in the order of a set of strings, which would be another one at each start.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )

    def begin(self, folder: Path) -> None:
        """Close what was open, and open a new database in a folder."""
        self.answer({"folder": str(folder)})

    def begin_on_server(self, port: int) -> None:
        """Close what was open, and remove everything from a server on this machine."""
        self.answer({"server": port})

    def answer(self, call: dict[str, Any]) -> Any:
        """Ask, and wait for the answer; see `Session.answer`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(call), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"the real package died of {call}"
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Ours:
    """Asks Ochre, in this process, in the same JSON."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, call: dict[str, Any]) -> Any:
        """Give the answer as it comes out of JSON, so that no type can hide."""
        return json.loads(json.dumps(self._session.answer(json.loads(json.dumps(call)))))

    def close(self) -> None:
        """Close the clients."""
        self._session.close()


def ochre(folder: Path) -> Ours:
    """Open Ochre in a folder."""

    def open_clients() -> tuple[Any, Any, Callable[[], None]]:
        client = ochredb.PersistentClient(folder, Settings(allow_reset=True))
        admin = ochredb.AdminClient(Settings(is_persistent=True, persist_directory=str(folder)))

        def close() -> None:
            admin.close()
            client.close()

        return client, admin, close

    return Ours(Session(ochredb, open_clients))


def reference() -> Ours:
    """Put Ochre's clients over the engine that is a dictionary; it has nothing to restart."""
    engine = ReferenceEngine()

    def open_clients() -> tuple[Any, Any, Callable[[], None]]:
        lease: Any = _Lease(engine)
        return Client(settings=Settings(allow_reset=True), lease=lease), _Admin(lease), lambda: None

    return Ours(Session(ochredb, open_clients))


class _Lease:
    in_memory = True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def release(self) -> None:
        pass  # the engine outlives its clients, as what is on disk does


class _Admin(AdminClient):
    def __init__(self, lease: Any) -> None:
        Holder.__init__(self, lease)

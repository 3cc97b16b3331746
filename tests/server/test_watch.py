"""Alive, ready, and what a database holds, asked over the wire."""

import asyncio
import json
import threading
from pathlib import Path

import pytest

import ochredb
from ochredb.core.errors import BusyError, ChromaAuthError, InternalError, NotSupported, UnreachableError
from ochredb.local.engine import LocalEngine
from ochredb.server.keys import FILE, KeyFile
from ochredb.server.watch import Readiness
from ochredb.testing.reference import ReferenceEngine
from ochredb.tools import stats
from tests.server.commands import ochre
from tests.serving import Served, serving


class Probed(ReferenceEngine):
    """An engine whose probe counts, fails or hangs."""

    def __init__(self, error: Exception | None = None, go_on: threading.Event | None = None) -> None:
        super().__init__()
        self.asked = 0
        self.error = error
        self.go_on = go_on

    def figures(self) -> None:
        """Be `Watched`."""

    def probe(self) -> None:
        """Count, and do what was said."""
        self.asked += 1
        if self.go_on is not None:
            self.go_on.wait(30)
        if self.error is not None:
            raise self.error


def test_a_server_that_works_is_alive_and_ready(served: Served) -> None:
    """Both by GET and by HEAD, as load balancers ask."""
    for path, told in (("/healthz", "alive"), ("/readyz", "ready")):
        assert served.ask("GET", path).json == {"status": told}
        assert (served.ask("HEAD", path).status, served.ask("HEAD", path).body) == (200, b"")
        assert served.ask("POST", path).status == 405
    assert ochre("health", served.url).stdout == "ready\n"


def test_a_database_that_is_gone_is_alive_but_not_ready(tmp_path: Path) -> None:
    """Since nothing can be written any more."""
    engine = LocalEngine(tmp_path / "store")
    engine.probe()
    (tmp_path / "store" / "ochre.sqlite3").rename(tmp_path / "aside")
    with pytest.raises(InternalError, match="removed or replaced"):
        engine.probe()
    engine.close()


def test_a_probe_changes_nothing(tmp_path: Path) -> None:
    """It waits for the lock as a writer does, and leaves no call behind."""
    engine = LocalEngine(tmp_path, wait=0.2)
    before = stats(tmp_path)
    engine.probe()
    assert stats(tmp_path).collections == before.collections
    assert stats(tmp_path).log_calls == before.log_calls
    with engine._store.writing("hold") as held:
        assert held.in_transaction
        other = LocalEngine(tmp_path, wait=0.2)
        with pytest.raises(BusyError):
            other.probe()
        other.close()
    engine.close()


def test_a_read_only_engine_is_ready_when_it_can_read(tmp_path: Path) -> None:
    """It is not to write."""
    LocalEngine(tmp_path).close()
    engine = LocalEngine(tmp_path, read_only=True)
    engine.probe()
    engine.close()


def test_readiness_is_asked_once_for_all() -> None:
    """Everybody may ask, so that who asks much must not make the engine work."""

    async def ask(engine: Probed) -> list[bool]:
        readiness = Readiness(engine)
        return await asyncio.gather(*(readiness() for _ in range(50)))

    engine = Probed()
    assert asyncio.run(ask(engine)) == [True] * 50
    assert engine.asked == 1
    assert asyncio.run(ask(Probed(BusyError("another process")))) == [False] * 50
    assert asyncio.run(ask(Probed(OSError("disk")))) == [False] * 50


def test_an_engine_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks is answered in any case."""
    monkeypatch.setattr("ochredb.server.watch._PATIENCE", 0.05)
    go_on = threading.Event()

    async def ask() -> bool:
        ready = await Readiness(Probed(go_on=go_on))()
        go_on.set()
        return ready

    assert asyncio.run(ask()) is False


def test_an_engine_that_cannot_be_probed_is_read() -> None:
    """Any engine can be served."""

    async def ask() -> bool:
        return await Readiness(ReferenceEngine())()

    assert asyncio.run(ask()) is True


def test_nobody_there_is_not_ready() -> None:
    """The exit code says it to a script."""
    ran = ochre("health", "http://localhost:9")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "not ready\n", "")


def test_stats_over_the_wire_are_those_of_the_folder(tmp_path: Path) -> None:
    """With a key that may read everything; where the folder is, is not told."""
    folder = tmp_path / "store"
    key = KeyFile(folder / FILE).create("ops", "reader")
    with serving(folder) as server:
        client = ochredb.HttpClient(port=server.port, headers={"Authorization": f"Bearer {writer(folder)}"})
        client.create_collection("cats").add(ids=["a", "b"], embeddings=[[1.0, 2.0], [3.0, 4.0]])
        told, here = stats(server.url, key), stats(folder)
        assert told.folder == server.url
        assert told.collections == here.collections
        assert (told.format, told.database_bytes, told.log_calls) == (here.format, here.database_bytes, 1)
        raw = server.ask("GET", "/stats", key=key)
        assert str(tmp_path) not in raw.body.decode()
        shown = ochre("stats", server.url, OCHRE_TOKEN=key)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.startswith(f"{server.url}, format {here.format}\n")
        assert json.loads(ochre("stats", server.url, "--json", "--token", key).stdout)["collections"][0]["rows"] == 2
        with pytest.raises(ChromaAuthError):
            stats(server.url)
    with pytest.raises(UnreachableError, match="is the server running"):
        stats(server.url, key)


def writer(folder: Path) -> str:
    """Make a key to write with."""
    return KeyFile(folder / FILE).create("writer", "writer")


def test_what_has_no_folder_has_no_stats(tmp_path: Path) -> None:
    """It says so, and has metrics all the same."""
    with serving(tmp_path / "none", "--engine", "memory:") as server:
        with pytest.raises(NotSupported, match="cannot do 'stats'"):
            stats(server.url)
        assert b"ochre_rows 0.0" in server.ask("GET", "/metrics").body
        assert server.ask("GET", "/readyz").status == 200

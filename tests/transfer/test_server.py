"""Copies from a folder to a server, from there into another folder, and from a server with keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ochredb import tools
from ochredb.core.errors import ChromaAuthError
from ochredb.core.model import NewCollection, Scope, Write
from ochredb.local.engine import LocalEngine
from ochredb.server.keys import FILE, KeyFile
from tests.serving import Served, serving
from tests.transfer.test_copy import contents
from tests.transfer.test_formats import some

OTHER = Scope("acme", "logs")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database with records of every kind, in two tenants."""
    folder = tmp_path_factory.mktemp("over") / "database"
    engine = LocalEngine(folder)
    engine.create_tenant(OTHER.tenant)
    engine.create_database(OTHER)
    for scope, count in ((Scope(), 2_100), (OTHER, 10)):
        engine.write(engine.create_collection(scope, NewCollection("books", "cosine")).id, Write("add", some(count)))
    engine.close()
    return folder


@pytest.fixture(scope="module")
def server(database: Path) -> Iterator[Served]:
    """Give a server on an empty folder."""
    with serving(database.parent / "served") as server:
        yield server


def in_folder(folder: Path) -> object:
    """Read a database."""
    engine = LocalEngine(folder)
    found = contents(engine)
    engine.close()
    return found


def test_there_and_back(database: Path, server: Served, tmp_path: Path) -> None:
    """All tenants, to the bit; a second run finds all of it there, and an export reads the server as it is."""
    assert tools.copy(database, server.url).rows == 2_110
    assert tools.copy(server.url, tmp_path / "back").rows == 2_110
    assert in_folder(tmp_path / "back") == in_folder(database)
    assert {moved.present for moved in tools.copy(database, server.url, resume=True).collections} == {2_100, 10}
    part = tools.Part(tenant="acme", where={"int": 1})
    assert tools.export(server.url, tmp_path / "out", "parquet", part).rows == 3
    assert tools.import_(tmp_path / "out", server.url, name="found").collections[0].scope == OTHER


def test_a_server_with_keys(tmp_path: Path, database: Path) -> None:
    """A token opens what its key is good for; without one, and with another, nothing is read."""
    served = tmp_path / "served"
    tools.copy(database, served)
    token = KeyFile(served / FILE).create("reader", "reader", "acme")
    with serving(served) as server:
        for wrong in (None, "wrong"):
            with pytest.raises(ChromaAuthError):
                tools.copy(server.url, tmp_path / "new", tools.Part(tenant="acme"), token=wrong)
        done = tools.copy(server.url, tmp_path / "new", tools.Part(tenant="acme"), token=token)
        assert [(moved.scope, moved.written) for moved in done.collections] == [(OTHER, 10)]

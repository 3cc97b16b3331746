"""Copies into a real Chroma server and out of it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from ochredb import tools
from ochredb.chroma import config
from ochredb.core.errors import NotSupported
from ochredb.core.model import NewCollection, Records, Scope, Space, Write
from ochredb.local.engine import LocalEngine
from tests.compat.test_client import port  # noqa: F401 - a fixture
from tests.transfer.test_copy import contents
from tests.transfer.test_formats import some

ROWS = 1_200


def fill(folder: Path, space: Space, records: Records) -> None:
    """Make a database with one collection of these records, as a client makes it."""
    engine = LocalEngine(folder)
    settled = config.settle({"hnsw": {"space": space}}, None, config.DEFAULT_FUNCTION, None)
    new = NewCollection(f"books-{space}", space, settled.effort, {"n": 1}, settled.json)
    engine.write(engine.create_collection(Scope(), new).id, Write("add", records))
    engine.close()


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
def test_there_and_back(space: Space, port: int, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """Every record, with the types of its metadata; in the cosine space embeddings come back rounded, and are told."""
    whole = some(ROWS)
    plain = [{key: value for key, value in (one or {}).items() if key != "sparse"} or None for one in whole.metadatas]
    fill(tmp_path / "old", space, replace(whole, metadatas=plain))
    url = f"http://localhost:{port}"
    (there,) = tools.copy(tmp_path / "old", url).collections
    assert (there.written, there.rounded > 0) == (ROWS, space == "cosine")
    (again,) = tools.copy(tmp_path / "old", url, resume=True).collections
    assert again.present == ROWS
    (back,) = tools.copy(url, tmp_path / "new", tools.Part(collections=[f"books-{space}"])).collections
    assert (back.written, back.rounded) == (ROWS, 0)
    engines = [LocalEngine(tmp_path / name) for name in ("old", "new")]
    old, new = (contents(engine) for engine in engines)
    assert old.keys() == new.keys()
    without = [[row[:1] + row[2:] for rows in found.values() for row in rows] for found in (old, new)]
    assert without[0] == without[1]
    assert (old == new) == (space != "cosine")
    for engine in engines:
        engine.close()


def test_what_chroma_cannot_keep_is_an_error(port: int, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """A sparse vector, which its server refuses: the text names the key."""
    fill(tmp_path / "old", "l2", some(4))
    with pytest.raises(NotSupported, match="Sparse vector is not supported for local chroma: sparse"):
        tools.copy(tmp_path / "old", f"http://localhost:{port}", name="sparse")

"""The tools as functions: what the command line does, with a path of any kind."""

from pathlib import Path

import ochredb
from ochredb import tools


def test_a_folder_in_use_may_be_looked_at_and_mended(tmp_path: Path) -> None:
    """The client that has it open notices nothing, and keeps its locks."""
    with ochredb.PersistentClient(tmp_path) as client:
        cats = client.create_collection("cats")
        cats.add(ids=["a"], embeddings=[[1.0, 2.0]])
        assert tools.check(str(tmp_path), deep=True).clean
        assert tools.repair(tmp_path).done == ()
        assert tools.compact(tmp_path).after > 0
        assert tools.stats(tmp_path).collections[0].rows == 1
        try:
            tools.repair(tmp_path, salvage=True)
        except ochredb.errors.BusyError as error:
            assert "this process" in str(error)  # noqa: PT017 - what a user would catch
        else:
            raise AssertionError("a folder in use was salvaged")
        cats.add(ids=["b"], embeddings=[[3.0, 4.0]])
    assert tools.repair(tmp_path, salvage=True).rows == 2


def test_the_door_is_reached_by_its_name() -> None:
    """`ochredb.tools` needs no import of its own."""
    assert ochredb.tools is tools

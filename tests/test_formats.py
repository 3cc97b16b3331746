"""Folders of every format that was ever released are opened, and say what they always said."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import ochredb
from ochredb import tools
from ochredb.local.database import FORMAT
from tests.golden import make

GOLDEN = Path(__file__).parent / "golden"
FORMATS = range(1, FORMAT + 1)


def unpacked(number: int, place: Path) -> tuple[Path, dict[str, Any]]:
    """Give a golden folder, and what it must say."""
    with tarfile.open(GOLDEN / f"format-{number}.tar.gz") as archive:
        archive.extractall(place, filter="data")
    return place / "folder", json.loads((GOLDEN / f"format-{number}.json").read_text())


@pytest.mark.parametrize("number", FORMATS)
def test_a_folder_of_each_format_is_read(number: int, tmp_path: Path) -> None:
    """Records, configurations and answers are what they were; nothing is found to be wrong."""
    folder, expected = unpacked(number, tmp_path)
    assert tools.check(folder, deep=True).problems == ()
    with ochredb.PersistentClient(folder) as client:
        assert make.say(client) == expected


@pytest.mark.parametrize("number", FORMATS)
def test_a_folder_of_each_format_is_written_to(number: int, tmp_path: Path) -> None:
    """It takes new records, and is whole afterwards."""
    folder, expected = unpacked(number, tmp_path)
    with ochredb.PersistentClient(folder) as client:
        large = client.get_collection("large", embedding_function=None)
        large.upsert(ids=["row 1", "new"], embeddings=[[1.0] * 8, [1.0] * 8], documents=["one", "two"])
        assert large.query(query_embeddings=[[1.0] * 8], n_results=2)["ids"] == [["row 1", "new"]]
        assert large.count() == len(expected["large"]["records"]["ids"]) + 1
    assert tools.check(folder, deep=True).problems == ()


USE_VIEWS = """
import sys
import ochredb
from tests.golden import make
make.lower_thresholds()
with ochredb.PersistentClient(sys.argv[1]) as client:
    large = client.get_collection("large", embedding_function=None)
    large.query(query_embeddings=make.QUERY, where_document={"$contains": "number 77"})
    (view,) = client._engine._collections.values()
    print(view.vectors.built.frontier, view.text.index.rows)
"""


def test_the_views_of_the_present_format_are_used(tmp_path: Path) -> None:
    """The index and the text index that lie in the folder are taken, not made anew."""
    folder, _ = unpacked(FORMAT, tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", USE_VIEWS, str(folder)],
        cwd=GOLDEN.parents[1], capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, f"{make.ROWS} {make.ROWS}\n"), ran.stderr

"""`ochre import chroma` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb
from tests.transfer.chroma.folders import unpacked

SOURCE = Path(__file__).parents[2] / "src"
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"


def ochre(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in 80 columns."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80"},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Unpack a folder of Chroma's."""
    return unpacked("1.5.9", tmp_path)[0]


def test_a_folder_is_moved(old: Path, tmp_path: Path) -> None:
    """A line a collection, what was left by deleted ones, and exit code 0; the new folder can be opened."""
    ran = ochre("import", "chroma", old, "new", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0] == f"{old}: a database of Chroma 1.5"
    assert "by_l2: 83 written" in lines
    assert lines[-1] == f"340 rows of 8 collections read from {old} to new"
    with ochredb.PersistentClient(tmp_path / "new") as client:
        assert client.get_collection("by_l2", embedding_function=None).count() == 83


def test_what_could_not_be_read_is_told(old: Path, tmp_path: Path) -> None:
    """Exit code 3, with the files in which it was looked for; the rest is there."""
    (index, *_) = sorted(file.parent for file in old.glob("*/index_metadata.pickle"))
    shutil.rmtree(index)
    ran = ochre("import", "chroma", old, "new", "--json", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (3, "")
    told = json.loads(ran.stdout)
    assert (told["releases"], told["whole"], told["rows"] + told["lost"]) == ("1.5", False, 340)
    assert any(
        str(index / "index_metadata.pickle") in loss["place"] for one in told["collections"] for loss in one["losses"]
    )
    assert any("no collection has it" in one["what"] for one in told["remarks"])
    plain = ochre("import", "chroma", old, "other", cwd=tmp_path)
    assert plain.returncode == 3
    assert f"{told['lost']} could not be read" in plain.stdout


def test_wrong_usage(old: Path, tmp_path: Path) -> None:
    """Without a new folder it is wrong usage; without an old one, one line."""
    assert ochre("import", "chroma", old, cwd=tmp_path).returncode == 2
    ran = ochre("import", "chroma", "absent", "new", cwd=tmp_path)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert "chroma.sqlite3" in ran.stderr
    assert not (tmp_path / "new").exists()

"""`ochre check`, `repair`, `compact` and `stats` as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

import ochredb
from ochredb.local.disk import connect

SOURCE = Path(__file__).parents[2] / "src"
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"


def ochre(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in 80 columns."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a database of three records."""
    with ochredb.PersistentClient(tmp_path / "store") as client:
        client.create_collection("cats").add(ids=["a", "b", "c"], embeddings=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return tmp_path / "store"


def damage(folder: Path) -> None:
    """Change a record behind Ochre's back."""
    db = connect(str(folder / "ochre.sqlite3"), apsw.SQLITE_OPEN_READWRITE)
    db.execute("UPDATE records SET document = 'dog' WHERE id = 'b'")
    db.close()


def leave_folder(folder: Path) -> None:
    """Leave views of a collection that is gone."""
    (folder / "00000000-0000-4000-8000-000000000000").mkdir()


def test_a_sound_database_is_clean(folder: Path) -> None:
    """One line, exit code 0; a quick look says that it was one."""
    ran = ochre("check", folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{folder}: nothing is wrong at first sight (1 collection, 3 rows, 0 views)\n"
    ran = ochre("check", folder, "--deep")
    assert (ran.returncode, ran.stdout.count("nothing is wrong (")) == (0, 1)


def test_problems_are_lines_and_exit_code_1(folder: Path) -> None:
    """Each names its place, the last the command that mends them."""
    damage(folder)
    assert ochre("check", folder).returncode == 0
    ran = ochre("check", "--deep", folder)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.splitlines() == [
        "collection 'cats': row 1 of records: it is not what was written: its checksum is another",
        f"1 problem; records are damaged; to mend it: ochre repair --salvage {folder}",
    ]


def test_problems_as_json(folder: Path) -> None:
    """One document, and the same exit code."""
    leave_folder(folder)
    ran = ochre("check", folder, "--json")
    assert (ran.returncode, ran.stderr) == (1, "")
    found = json.loads(ran.stdout)
    assert (found["clean"], found["rows"], len(found["problems"])) == (False, 3, 1)
    assert found["problems"][0]["mend"] == "repair"


def test_repair_says_what_it_did(folder: Path) -> None:
    """And a second time that there is nothing to do."""
    leave_folder(folder)
    assert "to mend it: ochre repair " in ochre("check", folder).stdout
    ran = ochre("repair", folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "00000000-0000-4000-8000-000000000000: removed, it held views of a collection that is gone\n"
    assert ochre("repair", folder).stdout == f"{folder}: nothing to mend\n"


def test_damaged_records_are_salvaged_only_if_told_so(folder: Path) -> None:
    """Repair refuses with exit code 1; salvage saves the others, and puts what is left of the bad one aside."""
    damage(folder)
    ran = ochre("repair", folder)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"'ochre repair --salvage {folder}'" in ran.stderr
    ran = ochre("repair", "--salvage", folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    first, second = ran.stdout.splitlines()
    assert first.startswith(f"{folder}: 2 rows saved, 1 lost; the damaged file is ochre.sqlite3.damaged-")
    assert ": 2 lines with what has no place in a collection" in second
    assert ochre("check", "--deep", folder).returncode == 0
    with ochredb.PersistentClient(folder) as client:
        assert client.get_collection("cats").get()["ids"] == ["a", "c"]


def test_salvage_as_json(folder: Path) -> None:
    """A program learns where everything is."""
    damage(folder)
    done = json.loads(ochre("repair", "--salvage", "--json", folder).stdout)
    assert (done["rows"], done["lost"], done["in_lines"]) == (2, 1, 2)
    lines = [json.loads(line) for line in Path(done["lines"]).read_text().splitlines()]
    assert {line.get("id") for line in lines} == {"b", None}
    assert Path(done["damaged"]).is_file()


def test_salvage_refuses_while_others_have_it_open(folder: Path) -> None:
    """It names the process."""
    with ochredb.PersistentClient(folder):
        ran = ochre("repair", "--salvage", folder)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"process {os.getpid()}" in ran.stderr or sys.platform != "linux"


def test_compact_says_how_much(folder: Path) -> None:
    """Before and after, also as JSON."""
    ran = ochre("compact", folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"{folder}: ")
    done = json.loads(ochre("compact", "--json", folder).stdout)
    assert done["before"] == done["after"] == (folder / "ochre.sqlite3").stat().st_size


def test_stats_as_json(folder: Path) -> None:
    """Rows, bytes, log, tail and views of each collection."""
    ran = ochre("stats", "--json", folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    (one,) = json.loads(ran.stdout)["collections"]
    assert (one["name"], one["rows"], one["bytes"], one["log_calls"], one["tail"]) == ("cats", 3, 27, 1, 3)
    assert one["views"] == []


@pytest.mark.parametrize("command", ["check", "repair", "compact", "stats"])
def test_a_wrong_path_is_one_line_and_nothing_is_made(command: str, tmp_path: Path) -> None:
    """Exit code 1, nothing on standard output."""
    ran = ochre(command, tmp_path / "nope")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"error: {tmp_path / 'nope'}: there is no such folder\n"
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_exit_code_2(folder: Path) -> None:
    """As everywhere on the command line."""
    assert ochre("check", folder, "--deeper").returncode == 2

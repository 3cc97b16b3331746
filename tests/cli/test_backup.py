"""`ochre backup` and `ochre restore` in a fresh process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

SOURCE = Path(__file__).parents[2] / "src"
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the working folder, with a database in `db`."""
    monkeypatch.chdir(tmp_path)
    add("a", "b")
    return tmp_path


def add(*ids: str) -> None:
    """Write records, as a user's program does."""
    with ochredb.PersistentClient("db") as client:
        client.get_or_create_collection("cats").add(ids=list(ids), embeddings=[[1.0, 2.0]] * len(ids))


def ids(folder: str) -> list[str]:
    """Give what a folder holds, as a user's program sees it."""
    with ochredb.PersistentClient(folder) as client:
        found: list[str] = client.get_collection("cats").get()["ids"]
    return found


def ochre(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run the command line in 80 columns, and give its code, output and errors."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ran.returncode, ran.stdout, ran.stderr


def cells(printed: str) -> list[list[str]]:
    """Give the rows of a table, without those between them."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in printed.splitlines() if "│" in line]


def test_a_database_goes_there_and_back(home: Path) -> None:
    """A backup, a second one that costs little, a list of both, and either of them restored."""
    code, first, errors = ochre("backup", "db", "dest")
    assert (code, errors) == (0, "")
    assert first.startswith("backup 1 of db: 2 rows in 1 collection, ")
    add("c")
    assert ochre("backup", "db", "dest")[1].startswith("backup 2 of db: 3 rows in 1 collection, ")
    assert ochre("backup", "db", "dest")[1].endswith(", 0 B added to dest\n")
    code, printed, errors = ochre("backup", "--list", "dest")
    assert (code, errors) == (0, "")
    assert printed.startswith(f"backups of {home / 'db'}\n")
    rows = cells(printed)
    assert [(row[0], row[2], row[3]) for row in rows] == [("1", "1", "2"), ("2", "1", "3"), ("3", "1", "3")]
    assert (rows[0][5], rows[2][5]) == (rows[0][4], "0 B")
    assert ochre("restore", "dest", "out")[1].startswith("backup 3 restored to out: 3 rows in 1 collection, ")
    assert ochre("restore", "dest", "old", "--which", "1")[0] == 0
    assert (ids("out"), ids("old")) == (["a", "b", "c"], ["a", "b"])


def test_an_old_state_takes_the_place_of_a_new_one(home: Path) -> None:
    """Only when asked for, and what was there stays beside it."""
    ochre("backup", "db", "dest")
    add("mistake")
    code, printed, errors = ochre("restore", "dest", "db")
    assert (code, printed) == (1, "")
    assert errors == (
        f"error: {home / 'db'} is not empty: give an absent or empty folder, or say replace=True (--replace)\n"
    )
    assert ids("db") == ["a", "b", "mistake"]
    assert ochre("restore", "dest", "db", "--replace")[0] == 0
    assert ids("db") == ["a", "b"]
    assert [ids(str(aside)) for aside in home.glob("db/replaced-*")] == [["a", "b", "mistake"]]


def test_old_backups_are_pruned(home: Path) -> None:
    """`--keep` leaves so many."""
    for _ in range(3):
        assert ochre("backup", "db", "dest", "--keep", "2")[0] == 0
    assert [row[0] for row in cells(ochre("backup", "--list", "dest")[1])] == ["2", "3"]
    (home / "db").rename(home / "moved")
    assert "(--moved)" in ochre("backup", "moved", "dest")[2]
    assert ochre("backup", "moved", "dest", "--moved")[0] == 0


def test_a_damaged_manifest_is_told_beside_the_list(home: Path) -> None:
    """The other backups are shown, and the exit code is 1."""
    for _ in range(2):
        ochre("backup", "db", "dest")
    (home / "dest" / "backup-000001.json").write_text("{}")
    code, printed, errors = ochre("backup", "--list", "dest")
    assert code == 1
    assert [row[0] for row in cells(printed)] == ["2"]
    assert errors.startswith(f"error: {home / 'dest'}/backup-000001.json is damaged")


@pytest.mark.parametrize("arguments", [["backup"], ["backup", "db"], ["backup", "db", "dest", "--keep", "0"]])
def test_a_line_that_cannot_be_meant_is_explained(home: Path, arguments: list[str]) -> None:
    """Exit code 2, as of every wrong use of the command line, and nothing is made."""
    code, printed, errors = ochre(*arguments)
    assert (code, printed) == (2, "")
    assert "Usage: ochre backup" in errors
    assert [path.name for path in home.iterdir()] == ["db"]


def test_nothing_to_list_is_an_error(home: Path) -> None:
    """Neither a folder without backups nor none at all is an empty list."""
    (home / "empty").mkdir()
    assert ochre("backup", "--list", "empty")[::2] == (1, f"error: {home / 'empty'} holds no backups\n")
    assert ochre("backup", "--list", "none")[::2] == (
        1,
        f"error: {home / 'none'}: there is no such folder of backups\n",
    )


@pytest.mark.usefixtures("home")
def test_a_bar_is_shown_on_a_terminal_only() -> None:
    """It goes to standard error; what a program reads has one line."""
    code, printed, errors = ochre("backup", "db", "dest", FORCE_COLOR="1", TERM="xterm")
    assert code == 0
    assert printed.count("\n") == 1
    assert "copied" in errors
    assert "stored" in errors


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_says_what_it_does(command: str) -> None:
    """Both commands have help."""
    code, printed, errors = ochre(command, "--help")
    assert (code, errors) == (0, "")
    assert f"Usage: ochre {command}" in printed

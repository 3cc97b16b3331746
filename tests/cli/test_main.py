"""`ochre` in a fresh process: what it prints, where, and with which exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

SOURCE = Path(__file__).parents[2] / "src"
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"


def ochre(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in 80 columns."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_version_is_that_of_the_package() -> None:
    """`--version` prints one line."""
    ran = ochre("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"ochre {ochredb.__version__}\n", "")


@pytest.mark.parametrize("command", [[], ["demo"], ["stats"], ["check"], ["repair"], ["compact"]])
def test_every_command_has_help(command: list[str]) -> None:
    """`--help` of each says what it does."""
    ran = ochre(*command, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Usage: ochre" in ran.stdout


def test_stats_shows_a_table(tmp_path: Path) -> None:
    """Collections with their rows, then sizes."""
    with ochredb.PersistentClient(tmp_path) as client:
        client.create_collection("cats").add(ids=["a", "b"], embeddings=[[1.0, 2.0], [3.0, 4.0]])
    ran = ochre("stats", str(tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    row = next(line for line in ran.stdout.splitlines() if "cats" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["cats", "2", "2", "l2", "18 B", "1", "2"]
    assert "SQLite file" in ran.stdout


def test_a_wrong_path_is_one_red_line(tmp_path: Path) -> None:
    """No traceback, exit code 1, nothing on standard output, and nothing is made."""
    ran = ochre("stats", str(tmp_path / "nope"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"error: {tmp_path / 'nope'}: there is no such folder\n"
    assert list(tmp_path.iterdir()) == []


def test_errors_are_red_on_a_terminal(tmp_path: Path) -> None:
    """The line is coloured where colours are shown."""
    ran = ochre("stats", str(tmp_path), FORCE_COLOR="1", TERM="xterm")
    assert ran.stderr.startswith("\x1b[31merror: ")
    assert ran.stderr.count("\n") == 1


def test_a_demo_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A path that is a file is refused with the engine's own words."""
    (tmp_path / "file").write_text("")
    ran = ochre("demo", str(tmp_path / "file"))
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: File exists")
    assert ran.stderr.count("\n") == 1

"""`ochre import` of documents, in a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

SOURCE = Path(__file__).parents[2] / "src"
MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"
FAILING = """
import sys
from ochredb.local.engine import LocalEngine
from ochredb.core.errors import InternalError
from ochredb.transfer.pipeline import Pipeline
from ochredb.cli import main

def write(*_):
    raise InternalError("database or disk is full")

LocalEngine.write, Pipeline.pauses = write, ()
sys.argv[0] = "ochre"
main()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the working folder, with documents in `docs` and rows in `rows.csv`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("A cat sleeps.\n\nA dog barks.", encoding="utf-8")
    (tmp_path / "docs" / "sub" / "b.md").write_text("Rain falls.", encoding="utf-8")
    (tmp_path / "docs" / "c.png").write_bytes(b"\x89PNG")
    (tmp_path / "rows.csv").write_text("sku,body,year\nx,A cat,2020\ny,A dog,late\n", encoding="utf-8")
    return tmp_path


def ochre(*arguments: str, program: str = MAIN) -> tuple[int, str, str]:
    """Run the command line, and give its code, output and errors."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_folder_is_imported_and_kept_up(home: Path) -> None:
    """Twice in one line each: the second run has nothing to do but to remove what is gone."""
    code, printed, errors = ochre("import", "docs/", "--glob", "**/*.md", "--chunk", "20", "--collection", "docs")
    assert (code, errors) == (0, "")
    assert printed == (
        "2 files: 2 new, 0 changed, 0 unchanged, 0 passed over, 0 gone\n"
        "3 records written to docs of chroma, 0 removed\n"
    )
    with ochredb.PersistentClient() as client:
        found = client.get_collection("docs").query(query_texts="a sleeping cat", n_results=1)
    assert found["ids"] == [["docs/a.md#0"]]
    (home / "docs" / "sub" / "b.md").unlink()
    code, printed, errors = ochre("import", "docs", "chroma", "--chunk", "20", "--collection", "docs", "--prune")
    assert (code, errors) == (0, "")
    assert printed == (
        "docs/c.png is passed over: it is no text in UTF-8: byte 0x89 at 0\n"
        "docs/sub/b.md is gone\n"
        "1 file: 0 new, 0 changed, 1 unchanged, 1 passed over, 1 gone\n"
        "0 records written to docs of chroma, 1 removed\n"
    )


@pytest.mark.usefixtures("home")
def test_rows_are_imported() -> None:
    """A bad row is an error that names it, or with `--skip-bad` exit code 3; JSON says the same to a program."""
    line = ["import", "rows.csv", "db", "--collection", "rows", "--text", "body", "--id", "sku"]
    code, printed, errors = ochre(*line, "--metadata", "year:int")
    assert (code, printed) == (1, "")
    assert errors.startswith("error: rows.csv, line 3: 'year' is 'late', which is no int; ")
    code, printed, errors = ochre(*line, "--metadata", "year:int", "--skip-bad", "--json")
    assert (code, errors) == (3, "")
    told = json.loads(printed)
    assert (told["new"], told["written"], told["bad"]) == (1, 1, 1)
    with ochredb.PersistentClient("db") as client:
        found = client.get_collection("rows").get()
    assert found["ids"] == ["x"]
    assert found["metadatas"] is not None
    assert found["metadatas"][0]["year"] == 2020


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["docs", "db"], "--collection NAME"),
        (["docs", "db", "--collection", "a", "--collection", "b"], "--collection NAME"),
        (["docs", "db", "--collection", "docs", "--dry-run"], "--dry-run: not for documents"),
        (["docs", "db", "--collection", "docs", "--chunk", "0"], "--chunk"),
    ],
)
def test_a_line_that_cannot_be_meant_is_explained(home: Path, arguments: list[str], told: str) -> None:
    """Exit code 2, as of every wrong use, and no database is made."""
    code, printed, errors = ochre("import", *arguments)
    assert (code, printed) == (2, "")
    assert told in errors
    assert not (home / "db").exists()


def test_an_absent_folder_makes_no_database(home: Path) -> None:
    """It is named."""
    code, _, errors = ochre("import", "dosc", "--chunk", "80", "--collection", "docs")
    assert (code, errors) == (1, "error: dosc: there is no such folder or file\n")
    assert not (home / "chroma").exists()


def test_embeddings_that_cannot_be_written_are_kept_in_a_file(home: Path) -> None:
    """The error names it and the command that writes them; after that there is nothing left to embed."""
    line = ["import", "docs", "db", "--glob", "*.md", "--chunk", "20", "--collection", "docs"]
    code, _, errors = ochre(*line, program=FAILING)
    assert code == 1
    assert errors.startswith("error: 2 records were embedded and could not be written: database or disk is full; they")
    (file,) = home.glob("unwritten-*.jsonl")
    command = f"ochre import {file.name} db --on-conflict replace"
    assert errors.endswith(f"are in {file.name}: {command}\n")
    assert ochre(*command.split()[1:])[0] == 0
    code, printed, _ = ochre(*line)
    assert printed.startswith("1 file: 0 new, 0 changed, 1 unchanged")

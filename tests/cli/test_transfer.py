"""`ochre export`, `ochre import` and `ochre copy`, as scripts use them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import ochredb
from ochredb import tools
from ochredb.cli import main

MAIN = "import sys; sys.argv[0] = 'ochre'; from ochredb.cli import main; main()"
BOOKS: dict[str, Any] = {
    "ids": ["a", "b", "c"],
    "embeddings": [[0.1, 0.2], [3.0, 4.0], [5.0, 6.0]],
    "documents": ["x", "y", None],
    "metadatas": [{"year": 1999}, {"year": 2020, "tags": ["new"]}, None],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the working folder, with a database of two collections in `db`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    with ochredb.PersistentClient("db") as client:
        client.create_collection("books", configuration={"hnsw": {"space": "cosine"}}).add(**BOOKS)
        client.create_collection("films").add(ids=["f"], embeddings=[[1.0, 2.0, 3.0]])
    return tmp_path


class Ochre:
    """Runs the command line in this process, as one of its own takes a second or two to begin."""

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> None:
        self._patch, self._captured = patch, captured

    def __call__(self, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        """Give its exit code, output and errors."""
        self._patch.setattr(sys, "argv", ["ochre", *arguments])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(given))))
        with pytest.raises(SystemExit) as ended:
            main()
        printed, errors = self._captured.readouterr()
        return int(ended.value.code or 0), printed.decode(), errors.decode()


@pytest.fixture
def ochre(home: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Ochre:
    """Give the command line, in the working folder."""
    assert home == Path.cwd()
    return Ochre(monkeypatch, capsysbinary)


def contents(folder: str) -> dict[str, Any]:
    """Give what a folder holds, as a user's program sees it."""
    with ochredb.PersistentClient(folder) as client:
        found = {one.name: one for one in client.list_collections()}
        columns = ["embeddings", "documents", "metadatas", "uris"]
        return {name: (one.configuration_json, json.dumps(one.get(include=columns))) for name, one in found.items()}


@pytest.mark.parametrize("layout", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet", "npz", "json"])
def test_a_database_goes_out_and_in(home: Path, ochre: Ochre, layout: str) -> None:
    """All collections into a folder of any format, and from it into a new database that holds the same."""
    code, printed, errors = ochre("export", "db", "out", "--format", layout)
    assert (code, errors) == (0, "")
    assert printed.splitlines()[-1] == "4 rows of 2 collections read from db to out"
    assert len(list((home / "out").iterdir())) == 3
    code, printed, errors = ochre("import", "out", "new")
    assert (code, errors) == (0, "")
    assert printed.splitlines()[:2] == ["books: 3 written", "films: 1 written"]
    assert contents("new") == contents("db")


def test_one_collection_goes_through_a_pipe(ochre: Ochre) -> None:
    """The records on standard output, what is told of them beside it; and in again, under another name."""
    code, printed, errors = ochre("export", "db", "-", "--collection", "books")
    assert (code, errors.splitlines()[0]) == (0, "books: 3 written")
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line.get("id") for line in lines] == [None, "a", "b", "c", None]
    code, printed, errors = ochre("import", "-", "new", "--name", "copies", given=printed.encode())
    assert (code, errors) == (0, "")
    assert contents("new") == {"copies": contents("db")["books"]}
    code, printed, _ = ochre("export", "db", "-")
    assert (code, printed) == (1, "")


def test_two_processes_and_a_pipe(home: Path) -> None:
    """As a shell runs them: `ochre export ... - | ochre import - ...`."""
    program = [sys.executable, "-W", "error", "-c", MAIN]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    reader = subprocess.Popen(
        [*program, "export", "db", "-", "--collection", "books", "--format", "jsonl.gz"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    writer = subprocess.run([*program, "import", "-", "new"], stdin=reader.stdout, env=environment, timeout=60)
    assert (reader.wait(60), writer.returncode) == (0, 0)
    assert reader.stdout is not None
    reader.stdout.close()
    assert contents("new") == {"books": contents("db")["books"]}
    assert home == Path.cwd()


def test_a_pipe_that_is_cut_off_is_an_error(ochre: Ochre) -> None:
    """The end of the stream says that it is the end."""
    _, printed, _ = ochre("export", "db", "-", "--collection", "books")
    code, _, errors = ochre("import", "-", "new", given="".join(printed.splitlines(keepends=True)[:-1]).encode())
    assert code == 1
    assert "standard input is cut off or damaged: it ends after line 4" in errors


def test_one_collection_goes_into_a_file(home: Path, ochre: Ochre) -> None:
    """The name of the file says the format; a filter and missing embeddings are seen in it."""
    filtered = ("--collection", "b*", "--where", '{"year": {"$gte": 2000}}')
    assert ochre("export", "db", "books.parquet", *filtered)[0] == 0
    assert polars.read_parquet("books.parquet")["id"].to_list() == ["b"]
    assert ochre("export", "db", "bare.json", "--collection", "books", "--no-embeddings")[0] == 0
    assert json.loads((home / "bare.json").read_text())["embeddings"] is None
    code, _, errors = ochre("export", "db", "all.npz")
    assert code == 1
    assert "db holds 2 collections (books, films), and a file or a pipe takes one" in errors


def test_an_old_backup_of_json_dump_loads(home: Path, ochre: Ochre) -> None:
    """What a program of Chroma's wrote by hand, into a collection that is given its name and space."""
    (home / "backup.json").write_text(json.dumps({**BOOKS, "uris": None, "data": None, "included": []}))
    code, _, errors = ochre("import", "backup.json", "new")
    assert code == 1
    assert "backup.json does not say what its collection is called" in errors
    assert ochre("import", "backup.json", "new", "--name", "books", "--space", "cosine") == (
        0, "books: 3 written\n3 rows of 1 collection read from backup.json to new\n", "",
    )  # fmt: skip
    assert contents("new") == {"books": contents("db")["books"]}


def test_a_collection_that_a_file_does_not_name_is_called_as_it_is_chosen(home: Path, ochre: Ochre) -> None:
    """There is nothing to choose from, so that `--collection` says where it goes, as it does for documents."""
    (home / "a.jsonl").write_text('{"id": "a", "embedding": [1, 2]}\n')
    assert ochre("import", "a.jsonl", "new", "--collection", "docs")[1].startswith("docs: 1 written")


def test_documents_are_embedded_when_embeddings_are_missing(ochre: Ochre) -> None:
    """By the collection's own function, as `add` does it."""
    with ochredb.PersistentClient("db") as client:
        client.create_collection("texts").add(ids=["t"], documents=["a text"])
    assert ochre("export", "db", "out", "--collection", "texts", "--no-embeddings")[0] == 0
    assert ochre("import", "out", "new")[0] == 0
    old, new = (json.loads(contents(folder)["texts"][1])["embeddings"] for folder in ("db", "new"))
    np.testing.assert_allclose(new, old, atol=1e-6)


def test_conflicts_and_resuming(ochre: Ochre) -> None:
    """A second import is an error, unless it says what to do; the exit code tells."""
    ochre("export", "db", "out")
    assert ochre("import", "out", "new")[0] == 0
    code, _, errors = ochre("import", "out", "new")
    assert code == 1
    assert "new: collection 'books' has a record with the id 'a' already" in errors
    assert ochre("import", "out", "new", "--resume")[1].startswith("books: 3 there already")
    assert ochre("import", "out", "new", "--on-conflict", "skip")[1].startswith("books: 3 skipped")
    with ochredb.PersistentClient("new") as client:
        client.get_collection("books").update(ids=["a"], metadatas=[{"year": 7}])
    assert ochre("import", "out", "new", "--on-conflict", "replace")[1].startswith("books: 1 replaced, 2 there already")
    assert contents("new") == contents("db")
    assert ochre("export", "db", "out")[0] == 1
    assert ochre("export", "db", "out", "--resume")[0] == 0
    assert ochre("import", "out", "new", "--on-conflict", "shrug")[0] == 2


def test_bad_lines_are_named_or_skipped_and_counted(home: Path, ochre: Ochre) -> None:
    """The exit code of an import that is done but for them is one of its own."""
    (home / "a.jsonl").write_text('{"id": "a", "embedding": [1, 2]}\nrubbish\n{"id": "b", "embedding": [3, 4]}\n')
    code, _, errors = ochre("import", "a.jsonl", "new", "--name", "books")
    assert code == 1
    assert "a.jsonl, line 2: " in errors
    code, printed, errors = ochre("import", "a.jsonl", "new", "--name", "books", "--skip-bad", "--resume")
    assert (code, errors) == (3, "")
    assert printed.splitlines()[0] == "books: 2 written"
    assert printed.splitlines()[1].startswith("  a.jsonl, line 2: ")
    assert printed.splitlines()[-1].endswith(", 1 could not be read")


def test_a_dry_run_leaves_nothing(ochre: Ochre) -> None:
    """Neither a folder nor a record, and it says what would be."""
    code, printed, _ = ochre("export", "db", "out", "--dry-run", "--json")
    told = json.loads(printed)
    assert (code, told["rows"], told["dry_run"], told["whole"]) == (0, 4, True, True)
    ochre("export", "db", "out")
    assert ochre("import", "out", "new", "--dry-run")[0] == 0
    assert ochre("copy", "db", "new", "--dry-run")[0] == 0
    assert sorted(os.listdir()) == ["db", "out"]


def test_a_database_is_copied(ochre: Ochre) -> None:
    """Folder to folder, and what is said of it as one JSON document."""
    code, printed, errors = ochre("copy", "db", "new", "--json")
    assert (code, errors) == (0, "")
    told = json.loads(printed)
    assert [(one["name"], one["written"]) for one in told["collections"]] == [("books", 3), ("films", 1)]
    assert contents("new") == contents("db")
    code, _, errors = ochre("copy", "nowhere", "new")
    assert (code, "there is no such folder" in errors) == (1, True)
    assert not Path("nowhere").exists()


def test_other_errors_are_one_line(ochre: Ochre) -> None:
    """What a user may get wrong: the text says what was wanted, and nothing is made."""
    wrong = {
        ("export", "db", "out", "--format", "xml"): "format 'xml' is none of jsonl",
        ("export", "db", "out", "--where", "{"): "--where '{': ",
        ("export", "db", "out", "--where", '{"n": {"$gr": 1}}'): "did you mean '$gt'?",
        ("export", "db", "out", "--collection", "nothing"): "none of its 2 collections was chosen",
        ("export", "db", "a.npz", "--collection", "films", "--format", "json"): "is called as a file of format 'npz'",
        ("import", "nowhere.jsonl", "new"): "nowhere.jsonl",
        ("copy", "db", "gopher://x"): "got 'gopher://x'",
        ("copy", "db", "new", "--token", "x"): "a token is for the URL of a server, and db is none",
    }
    for arguments, told in wrong.items():
        code, printed, errors = ochre(*arguments)
        assert (code, printed, len(errors.splitlines())) == (1, "", 1), (arguments, errors)
        assert told in errors
    assert os.listdir() == ["db"]


@pytest.mark.usefixtures("home")
def test_what_was_read_in_is_indexed() -> None:
    """The next process need not do it; whoever watches is told of it, but not where nothing is read in."""
    rows = np.random.default_rng(0).standard_normal((5000, 8)).astype(np.float32)
    held = {"ids": [f"{row}" for row in range(5000)], "embeddings": rows.tolist()}
    Path("many.json").write_text(json.dumps(held))
    steps: list[str] = []
    tools.import_("many.json", "new", name="many", index=True, watch=lambda progress: steps.append(progress.step))
    assert [*dict.fromkeys(steps)] == ["copied", "indexed"]
    (view,) = tools.stats("new").collections[0].views
    assert (view.rows, view.rows_behind) == (5000, 0)
    steps.clear()
    tools.copy("new", "new", name="more", dry_run=True, watch=lambda progress: steps.append(progress.step))
    assert [*dict.fromkeys(steps)] == ["copied"]


def test_the_same_as_functions(home: Path) -> None:
    """`ochredb.tools` has the three, with the same words and a report as a value."""
    with ochredb.PersistentClient("db") as client:  # which may stay open
        part = tools.Part(collections=["books"], where={"year": {"$gte": 2000}})
        seen: list[int] = []
        done = tools.export("db", "books.npz", part=part, watch=lambda progress: seen.append(progress.rows))
        assert (done.rows, done.whole, seen[-1]) == (1, True, 2)  # written, and read back
        assert tools.import_("books.npz", "new", name="copies").collections[0].written == 1
        assert tools.copy(home / "db", home / "new").rows == 4
        assert client.get_collection("books").count() == 3
    assert contents("new").keys() == {"books", "copies", "films"}

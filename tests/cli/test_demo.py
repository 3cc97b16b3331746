"""`ochre demo` runs from end to end, again and again in one folder."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import ochredb
from ochredb.cli import demo


def shown(folder: Path, width: int) -> str:
    """Run the demo and give what it prints on a terminal of this width."""
    printed = io.StringIO()
    demo.run(folder, Console(file=printed, width=width, color_system=None))
    return printed.getvalue()


def test_the_passages_are_whole() -> None:
    """A few hundred, small on disk, with unique ids and the metadata that the questions ask for."""
    rows = demo.passages()
    assert 300 <= len(rows) <= 400
    assert demo.PASSAGES.stat().st_size < 100_000
    assert len({row["id"] for row in rows}) == len(rows)
    assert {tuple(row) for row in rows} == {("id", "pep", "title", "year", "status", "text")}
    assert all(row["id"].startswith(f"pep-{row['pep']:04}-") and 1990 < row["year"] < 2030 for row in rows)


def test_the_demo_shows_all_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stores, asks in three ways, exports, restores and says what to type next; a second run does the same."""
    monkeypatch.chdir(tmp_path)
    first, again = shown(Path("demo"), 80), shown(Path("demo"), 160)
    for printed, width in ((first, 80), (again, 160)):
        assert all(len(line) <= width for line in printed.splitlines())
        assert "asynchronous context manager" in " ".join(printed.replace("│", " ").split()).replace("*", "")
        assert [printed.count(word) > 0 for word in ("Rejected", '"$contains": "pip"', "0.309", "335")] == [True] * 4
        assert "the same answers to all 3 questions" in printed
        assert 'chromadb.PersistentClient(path="demo")' in printed
    with ochredb.PersistentClient("demo") as client:
        sizes = {collection.name: collection.count() for collection in client.list_collections()}
    assert sizes == {demo.NAME: 335, demo.RESTORED: 335}
    assert len(json.loads((tmp_path / "demo" / demo.BACKUP).read_text(encoding="utf-8"))["ids"]) == 335


def test_each_question_has_a_good_answer(tmp_path: Path) -> None:
    """The nearest passages are of the PEPs that the questions are about, and keep to the filters."""
    shown(tmp_path / "demo", 80)
    with ochredb.PersistentClient(tmp_path / "demo") as client:
        collection = client.get_collection(demo.NAME)
        answers = [
            collection.query(query_texts=[question.text], n_results=demo.ANSWERS, **question.filter)
            for question in demo.QUESTIONS
        ]
    assert [found["metadatas"][0][0]["pep"] for found in answers] == [492, 3103, 668]
    assert {metadata["status"] for metadata in answers[1]["metadatas"][0]} == {"Rejected"}
    assert all("pip" in document for document in answers[2]["documents"][0])
    assert all(found["distances"][0] == sorted(found["distances"][0]) for found in answers)


def test_other_collections_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    """Who points the demo at a folder in use loses nothing."""
    with ochredb.PersistentClient(tmp_path) as client:
        client.create_collection("mine").add(ids=["a"], embeddings=[[1.0, 2.0]])
    shown(tmp_path, 80)
    with ochredb.PersistentClient(tmp_path) as client:
        assert client.get_collection("mine").get()["ids"] == ["a"]


def test_commands_are_those_of_this_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to type next works where it is typed: by name if that is on the path, else by where it lies."""
    for name in ("ochre", "python"):
        (tmp_path / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        program = tmp_path / ".venv" / "bin" / name
        program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setenv("PATH", "")
    assert demo._command("ochre") == ".venv/bin/ochre"
    monkeypatch.setenv("PATH", str(tmp_path / ".venv" / "bin"))
    assert demo._command("ochre") == "ochre"

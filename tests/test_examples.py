"""The programs in `examples/` run as they stand, each in a fresh process, under Ochre's name and under Chroma's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ochredb

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
IMPORT = "import ochredb as chromadb\n"
AS_CHROMA = f"""
import sys
from pathlib import Path
import ochredb
ochredb.install_as_chromadb()
program = Path(sys.argv[1]).read_text(encoding="utf-8")
assert program.count({IMPORT!r}) == 1
exec(compile(program.replace({IMPORT!r}, "import chromadb\\n"), sys.argv[1], "exec"), {{"__name__": "__main__"}})
"""


def run(folder: Path, *arguments: str) -> None:
    """Run Python in a folder and expect that it succeeds in silence."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-W", "error", *arguments]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def contents(folder: Path) -> dict[str, int]:
    """Give the collections that a program has left, with their sizes."""
    with ochredb.PersistentClient(folder / "chroma_store") as client:
        return {collection.name: collection.count() for collection in client.list_collections()}


LEFT = {
    "1_add_documents": {"my_docs": 2},
    "2_add_many": {"my_docs": 10_000},
    "3_add_embeddings": {"my_docs": 2},
    "4_export_and_restore": {"my_docs": 1, "my_docs_restored": 1},
}


def test_every_example_is_expected() -> None:
    """A new program is added to the table above."""
    assert [example.stem for example in EXAMPLES] == list(LEFT)


@pytest.mark.timeout(300)  # 10,000 texts are embedded on the way, with whatever else the machine does
@pytest.mark.parametrize("chroma", [False, True], ids=["ochredb", "chromadb"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs_on_its_own(example: Path, chroma: bool, tmp_path: Path) -> None:
    """It makes what it needs in an empty folder, says nothing and leaves what it is meant to."""
    run(tmp_path, *(["-c", AS_CHROMA] if chroma else []), str(example))
    assert contents(tmp_path) == LEFT[example.stem]


def test_the_small_examples_run_after_each_other_and_again(tmp_path: Path) -> None:
    """In one folder each finds what the others have made, and what was restored is what was exported."""
    small = [example for example in EXAMPLES if example.stem != "2_add_many"]
    for example in [*small, *small]:
        run(tmp_path, str(example))
    assert contents(tmp_path) == {"my_docs": 5, "my_docs_restored": 5}
    exported = json.loads((tmp_path / "backup.json").read_text())
    assert exported["ids"] == ["doc1", "doc2", "t1", "t2", "doc3"]
    with ochredb.PersistentClient(tmp_path / "chroma_store") as client:
        include = ["documents", "embeddings", "metadatas"]
        restored = json.loads(json.dumps(client.get_collection("my_docs_restored").get(include=include)))
    assert restored == exported

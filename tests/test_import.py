"""`import ochredb` is light: whatever is heavy is loaded where it is first used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
HEAVY = (
    "faiss", "onnxruntime", "tokenizers", "huggingface_hub", "re2", "google", "pydantic", "rich", "typer", "click",
    "starlette", "uvicorn", "granian", "fastapi", "httpx", "httpx2", "requests", "asyncio", "hypothesis", "pytest",
)  # fmt: skip


def loaded(program: str) -> set[str]:
    """Give the top-level modules that a program in a fresh process has loaded."""
    shown = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{program}{shown}"],
        env={name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import ochredb",
        "import ochredb; ochredb.install_as_chromadb(); import chromadb; chromadb.config, chromadb.errors",
        "import ochredb.utils.embedding_functions",
        "import ochredb.utils.data_loaders, ochredb.execution.expression, ochredb.auth, ochredb.types",
    ],
)
def test_importing_loads_nothing_heavy(program: str) -> None:
    """No index, model, regular expression engine, command line or web framework comes with the import."""
    assert loaded(program) & set(HEAVY) == set()


def test_using_a_small_collection_loads_nothing_heavy() -> None:
    """A script that brings its own embeddings pays for no more than it uses."""
    program = (
        "import ochredb\n"
        "client = ochredb.EphemeralClient()\n"
        "collection = client.create_collection('small')\n"
        "collection.add(ids=['a'], embeddings=[[1.0, 2.0]], documents=['x'], metadatas=[{'n': 1}])\n"
        "collection.query(query_embeddings=[[1.0, 2.0]], where={'n': 1}, where_document={'$contains': 'x'})"
    )
    assert loaded(program) & set(HEAVY) == set()

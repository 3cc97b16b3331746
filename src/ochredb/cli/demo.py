"""`ochre demo`: a small database of real passages, asked, exported and restored before the newcomer's eyes."""

import gzip
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table

from ochredb import Collection, PersistentClient
from ochredb.chroma.types import CreateCollectionConfiguration
from ochredb.cli.show import size
from ochredb.client.sync import Client
from ochredb.core.errors import InternalError, NotFoundError
from ochredb.local.stats import stats
from ochredb.version import __version__

PASSAGES = Path(__file__).parent / "data" / "peps.jsonl.gz"
NAME, RESTORED, BACKUP = "demo_peps", "demo_peps_restored", "backup.json"
CONFIGURATION: CreateCollectionConfiguration = {"hnsw": {"space": "cosine"}}
ANSWERS = 3
_BATCH = 32
_SHOWN = 200


class Question(Struct, frozen=True):
    """A question, and the filter to ask it with: one more argument of `query`."""

    title: str
    text: str
    filter: dict[str, dict[str, str]] = {}


QUESTIONS = (
    Question("Ask by meaning", "How are async context managers written?"),
    Question("By meaning and metadata", "Why does Python have no switch statement?", {"where": {"status": "Rejected"}}),
    Question(
        "By meaning and text",
        "How do I keep pip from breaking the system's Python?",
        {"where_document": {"$contains": "pip"}},
    ),
)


def run(folder: Path, console: Console) -> None:
    """Show it all; a second run in the same folder shows the same.

    Raises:
        InternalError: The folder cannot be written, or a restored collection answers otherwise than the original.
    """
    console.print(
        f"\n[bold]Ochre {__version__}[/]: a vector database in one SQLite file that speaks Chroma's API\n",
        highlight=False,
    )
    with PersistentClient(folder) as client:
        collection = _fill(client, folder, console)
        for question in QUESTIONS:
            _ask(collection, question, console)
        _restore(client, collection, folder / BACKUP, console)
    _next(folder, console)


def passages() -> list[dict[str, Any]]:
    """Read the passages, each with id, text and metadata."""
    with gzip.open(PASSAGES, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _fill(client: Client, folder: Path, console: Console) -> Collection:
    _step(console, "Put passages into a collection")
    _code(console, f'client = ochredb.PersistentClient(path="{folder}")')
    made = f'"{NAME}", configuration={json.dumps(CONFIGURATION)}'
    _code(console, f"collection = client.get_or_create_collection(\n    {made}\n)")
    _code(console, "collection.upsert(ids=ids, documents=texts, metadatas=metadatas)")
    collection = client.get_or_create_collection(NAME, configuration=CONFIGURATION)
    rows = passages()
    with _progress(console) as progress:
        task = progress.add_task("  embedded and stored", total=len(rows))
        for batch in _batches(rows):
            collection.upsert(
                ids=[row["id"] for row in batch],
                documents=[row["text"] for row in batch],
                metadatas=[_metadata(row) for row in batch],
            )
            progress.advance(task, len(batch))
    peps = len({row["pep"] for row in rows})
    console.print(f"  {collection.count()} paragraphs of {peps} Python PEPs in {escape(str(folder))}")
    console.print("  embedded by all-MiniLM-L6-v2; the smaller a distance, the nearer\n", highlight=False)
    return collection


def _ask(collection: Collection, question: Question, console: Console) -> None:
    _step(console, question.title)
    lines = [f"query_texts=[{json.dumps(question.text)}],", f"n_results={ANSWERS},"]
    lines += [f"{name}={json.dumps(value)}," for name, value in question.filter.items()]
    _code(console, "\n    ".join(["collection.query(", *lines]) + "\n)")
    console.print(Padding(_answers(_query(collection, question)), (0, 0, 1, 2)))


def _query(collection: Collection, question: Question) -> Any:
    return collection.query(query_texts=[question.text], n_results=ANSWERS, **question.filter)  # type: ignore[arg-type] # a filter is one of two keywords


def _answers(found: Any) -> Table:
    table = Table(show_lines=True)
    table.add_column("distance", justify="right", style="cyan")
    table.add_column("PEP", justify="right")
    table.add_column("status")
    table.add_column("year")
    table.add_column("passage", ratio=1)
    columns = (found[name][0] for name in ("distances", "metadatas", "documents"))
    for distance, metadata, document in zip(*columns, strict=True):
        about = (str(metadata[key]) for key in ("pep", "status", "year"))
        table.add_row(f"{distance:.3f}", *about, shorten(document, _SHOWN, placeholder=" ..."))
    return table


def _restore(client: Client, collection: Collection, backup: Path, console: Console) -> None:
    _step(console, "Export and restore")
    _code(console, 'data = collection.get(include=["documents", "embeddings", "metadatas"])')
    _code(console, f'with open("{backup}", "w") as file:\n    json.dump(data, file)')
    with backup.open("w", encoding="utf-8") as file:
        json.dump(collection.get(include=["documents", "embeddings", "metadatas"]), file)
    with backup.open(encoding="utf-8") as file:
        data = json.load(file)
    restored = _anew(client, RESTORED)
    restored.add(
        ids=data["ids"], documents=data["documents"], embeddings=data["embeddings"], metadatas=data["metadatas"]
    )
    for question in QUESTIONS:
        if _query(restored, question) != _query(collection, question):
            raise InternalError(f"{RESTORED} answers {question.text!r} otherwise than {NAME}: please report this")
    console.print(
        f"  {restored.count()} records, {size(backup.stat().st_size)}, restored as {RESTORED}:\n"
        f"  the same answers to all {len(QUESTIONS)} questions, at the same distances\n"
    )


def _anew(client: Client, name: str) -> Collection:
    with suppress(NotFoundError):
        client.delete_collection(name)
    return client.create_collection(name, configuration=CONFIGURATION)


def _next(folder: Path, console: Console) -> None:
    found = stats(folder)
    taken = size(found.database_bytes + found.wal_bytes)
    _step(console, "What to type next")
    console.print(
        f"  {_command('ochre')} stats {escape(shlex.quote(str(folder)))}   [dim]# what is in these {taken}[/]"
    )
    console.print(f"  {_command('python')}", highlight=False)
    program = (
        ">>> import ochredb as chromadb",
        f'>>> client = chromadb.PersistentClient(path="{folder}")',
        f'>>> collection = client.get_collection("{NAME}")',
        '>>> collection.query(query_texts=["your question"], n_results=3)',
    )
    _code(console, "\n".join(program))


def _command(name: str) -> str:
    """Give what to type to run a program of this installation."""
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found is not None and Path(found).absolute() == here.absolute():
        return name
    if not here.exists():
        return name
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("pep", "title", "year", "status")}


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


def _step(console: Console, title: str) -> None:
    console.print(Rule(f"[bold]{title}[/]", align="left", style="yellow"))


def _code(console: Console, code: str) -> None:
    console.print(
        Padding(Syntax(code, "python", theme="ansi_dark", background_color="default", word_wrap=True), (0, 0, 0, 2))
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )

"""`ochre import` of documents: a folder of text files, or rows of CSV and JSON Lines; what it did, in a few lines."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.markup import escape

from ochredb.cli.show import as_json
from ochredb.client import connect
from ochredb.client.collection import Collection
from ochredb.client.connect import Sole
from ochredb.client.documents import Filed, ingest_files
from ochredb.client.sync import Client
from ochredb.core.errors import NotFoundError, UnwrittenError
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.transfer import export
from ochredb.transfer.export import Order
from ochredb.transfer.held import Held

FOLDER = "chroma"
"""The folder of a database, if none is named: that of `PersistentClient()`."""
OTHERS = ("manifest.json", "unfinished.jsonl", "ochre.sqlite3", "chroma.sqlite3")
"""What a folder has in it that holds no documents: an export, or a database."""

_PANEL = "Documents: a folder of text files, or rows of CSV and JSON Lines"

Glob = Annotated[
    str | None,
    typer.Option(
        "--glob", metavar="PATTERN", help="Which files of a folder, such as '**/*.md'.", rich_help_panel=_PANEL
    ),
]
Chunk = Annotated[
    int | None,
    typer.Option(
        "--chunk", min=1, metavar="N", rich_help_panel=_PANEL,
        help="Cut texts into chunks of at most N characters: 800 for files, whole texts for rows.",
    ),
]  # fmt: skip
Text = Annotated[
    str | None,
    typer.Option("--text", metavar="COLUMN", help="The column of rows that is embedded.", rich_help_panel=_PANEL),
]
Id = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="The column of ids; or rows are numbered.", rich_help_panel=_PANEL),
]
Metadata = Annotated[
    str | None,
    typer.Option(
        "--metadata", metavar="COLUMNS", rich_help_panel=_PANEL,
        help="The columns to keep, such as 'title,year:int,price:float,sold:bool'; or all others.",
    ),
]  # fmt: skip
Prune = Annotated[
    bool, typer.Option("--prune", help="Remove the records of files that are gone.", rich_help_panel=_PANEL)
]
Workers = Annotated[
    int,
    typer.Option("--workers", min=1, metavar="N", help="Ask a service by N threads at a time.", rich_help_panel=_PANEL),
]


class Reading(Struct, frozen=True):
    """How documents are to be read: the options of their panel."""

    glob: str | None = None
    chunk: int | None = None
    text: str | None = None
    id: str | None = None
    metadata: str | None = None
    prune: bool = False
    workers: int = 1

    def meant(self, source: str) -> bool:
        """Tell whether a source is one of documents: if it is read as one, or is a folder that is nothing else."""
        if msgspec.structs.asdict(self) != msgspec.structs.asdict(Reading()):
            return True
        return Path(source).is_dir() and not any((Path(source) / name).exists() for name in OTHERS)


class Place(Struct, frozen=True):
    """Where documents go: the folder of a database, or the URL of an engine, and what is known there by what name."""

    target: str
    collection: str
    tenant: str = DEFAULT_TENANT
    database: str = DEFAULT_DATABASE
    token: str | None = None

    def client(self) -> Client:
        """Open it; a folder is made where there is none."""
        is_url = self.target.partition(":")[0].lower() in connect.ENGINES
        share = Sole(connect.engine(self.target, self.token)) if is_url else connect.folder(self.target)
        return Client(self.tenant, self.database, lease=share)


def place(
    target: str | None,
    collections: list[str],
    tenant: str | None,
    database: str | None,
    token: str | None,
    others: Mapping[str, object],
) -> Place:
    """Read where documents are to go, and refuse the options of a transfer that mean nothing for them.

    Raises:
        BadParameter: One of `others` is given, or there is not one collection.
    """
    given = [option for option, value in others.items() if value]
    if given:
        raise typer.BadParameter(f"{', '.join(given)}: not for documents, only for what ochre export writes")
    if len(collections) != 1:
        raise typer.BadParameter("documents go into one collection: --collection NAME")
    scope = tenant or DEFAULT_TENANT, database or DEFAULT_DATABASE
    return Place(target or FOLDER, collections[0], *scope, token)


def bring(source: str, place: Place, reading: Reading, skip_bad: bool, json: bool = False) -> Filed:
    """Bring documents into a collection, which is made where there is none, and print what became of them.

    Raises:
        NotFoundError: There is no such folder or file; then no database is made either.
        UnwrittenError: Embeddings could not be written; the text names the file that they are in.
    """
    if not Path(source).exists():
        raise NotFoundError(f"{source}: there is no such folder or file")
    with place.client() as client:
        collection = client.get_or_create_collection(place.collection)
        try:
            filed = ingest_files(
                collection,
                source,
                glob=reading.glob or "**/*",
                chunk=reading.chunk,
                text=reading.text,
                id=reading.id,
                metadata=None if reading.metadata is None else [one for one in reading.metadata.split(",") if one],
                prune=reading.prune,
                skip_bad=skip_bad,
                workers=reading.workers,
                progress=True,
            )
        except UnwrittenError as error:
            raise _kept(error, collection, place) from error
    if json:
        typer.echo(as_json(filed))
    else:
        for line in _lines(filed, place):
            Console().print(escape(line), highlight=False, soft_wrap=True)
    return filed


def _kept(error: UnwrittenError, collection: Collection, place: Place) -> UnwrittenError:
    """Write the embeddings into a file, and say how they get from there into the collection."""
    file = Path(f"unwritten-{time.strftime('%Y%m%d-%H%M%S')}.jsonl")
    held = Held(collection._info, error.records)
    export.to_file(held, file, Order("jsonl"))
    rows = sum(map(len, error.records))
    return UnwrittenError(
        f"{rows:,} records were embedded and could not be written: {error.__cause__}; they are in {file}: "
        f"ochre import {file} {place.target} --on-conflict replace",
        error.records,
    )


def _lines(filed: Filed, place: Place) -> Iterator[str]:
    for loss in filed.skipped:
        yield f"{loss.place} is passed over: {loss.what}"
    for loss in filed.losses:
        yield f"{loss.place}: {loss.what}"
    if filed.bad > len(filed.losses):
        yield f"and {filed.bad - len(filed.losses):,} more rows that could not be read"
    for name in filed.gone:
        yield f"{name} is gone"
    files = filed.new + filed.changed + filed.unchanged
    yield (
        f"{_counted(files, 'file')}: {filed.new:,} new, {filed.changed:,} changed, {filed.unchanged:,} unchanged, "
        f"{len(filed.skipped):,} passed over, {len(filed.gone):,} gone"
    )
    lost = f", {_counted(filed.bad, 'row')} could not be read" if filed.bad else ""
    yield (
        f"{_counted(filed.written, 'record')} written to {place.collection} of {place.target}, "
        f"{filed.removed:,} removed{lost}"
    )


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"

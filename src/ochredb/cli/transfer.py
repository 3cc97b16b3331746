"""`ochre export`, `ochre import` and `ochre copy`: a bar while they run, then a line for each collection."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, BinaryIO, cast

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from ochredb.cli import documents
from ochredb.cli.show import size
from ochredb.client import transfer
from ochredb.client.transfer import Part
from ochredb.core.errors import BadValue
from ochredb.core.model import Space
from ochredb.transfer.formats import FORMATS
from ochredb.transfer.moved import Conflict, Moved, Progress, Transfer, Watch

LOSSES = 3
"""The exit code of a transfer that is done, but for what could not be read in the source."""

_Database = Annotated[
    str, typer.Argument(help="The folder of a database, or the URL of an engine.", show_default=False)
]
Collections = Annotated[
    list[str], typer.Option("--collection", metavar="GLOB", help="Only such collections, as 'docs-*'; may come again.")
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only this tenant of the source.")]
Scope = Annotated[str | None, typer.Option("--database", help="Only this database of the source.")]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="JSON", help="""Only these records, such as '{"year": {"$gte": 2020}}'."""),
]
Resume = Annotated[bool, typer.Option("--resume", help="Finish what was broken off.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing, only tell what would be written.")]
Unverified = Annotated[bool, typer.Option("--no-verify", help="Do not read back what was written.")]
Index = Annotated[
    bool,
    typer.Option("--index", help="Index a folder before the command ends; or whoever uses it next does, meanwhile."),
]
_Token = Annotated[str | None, typer.Option("--token", help="A key to the server that is the source.")]
TargetToken = Annotated[str | None, typer.Option("--target-token", help="A key to the server that is the target.")]
Name = Annotated[str | None, typer.Option("--name", help="What the collection is to be called.")]
OnConflict = Annotated[Conflict, typer.Option("--on-conflict", help="What to do about ids that are there already.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def out(
    source: _Database,
    target: Annotated[
        str,
        typer.Argument(
            metavar="OUT", help="A new folder, or for one collection a file, or - for a pipe.", show_default=False
        ),
    ],
    layout: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}; jsonl, or what OUT ends in."),
    ] = None,
    collections: Collections = [],  # noqa: B006 - typer reads it and makes a new one
    tenant: Tenant = None,
    database: Scope = None,
    where: Where = None,
    bare: Annotated[bool, typer.Option("--no-embeddings", help="Leave embeddings out; an import embeds anew.")] = False,
    resume: Resume = False,
    dry_run: DryRun = False,
    unverified: Unverified = False,
    token: _Token = None,
    json: Json = False,
) -> None:
    """Write collections into files: all of them into a folder, or one into a file or a pipe.

    Exit code 0 if all was written, 1 if not, and then --resume finishes it; 2 for wrong usage.
    """
    part = Part(collections, tenant, database, filter_of(where), not bare)
    piped = target == "-"
    with bar() as watch:
        done = transfer.export(
            source,
            sys.stdout.buffer if piped else target,
            layout,
            part,
            resume=resume,
            dry_run=dry_run,
            verify=not unverified,
            token=token,
            watch=watch,
        )
    tell(done, json, Console(stderr=piped))


def into(
    source: Annotated[
        str,
        typer.Argument(
            help="What ochre export wrote, a file of one of its formats, or - for a pipe; or documents.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None, typer.Argument(help="The folder of a database, or the URL of an engine.", show_default=False)
    ] = None,
    collections: Collections = [],  # noqa: B006 - typer reads it and makes a new one
    name: Name = None,
    space: Annotated[
        Space | None, typer.Option("--space", help="How distances are measured, if the file does not say it.")
    ] = None,
    tenant: Tenant = None,
    database: Scope = None,
    where: Where = None,
    bare: Annotated[bool, typer.Option("--no-embeddings", help="Embed documents anew.")] = False,
    on_conflict: OnConflict = "error",
    resume: Resume = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Go on without rows that cannot be read.")] = False,
    dry_run: DryRun = False,
    unverified: Unverified = False,
    index: Index = False,
    token: Annotated[str | None, typer.Option("--token", help="A key to the server that is the target.")] = None,
    json: Json = False,
    glob: documents.Glob = None,
    chunk: documents.Chunk = None,
    text: documents.Text = None,
    id: documents.Id = None,  # noqa: A002 - the option's name
    metadata: documents.Metadata = None,
    prune: documents.Prune = False,
    workers: documents.Workers = 1,
) -> None:
    """Read files into a database; what format they have is seen.

    "ochre import chroma OLD NEW" reads the folder of a PersistentClient of Chroma's, which stays as it is.

    Exit code 0 if all was written, 1 if not, and then --resume finishes it; 2 for wrong usage; 3 if all was written
    but rows that could not be read.
    """
    reading = documents.Reading(glob, chunk, text, id, metadata, prune, workers)
    if reading.meant(source):
        others = {
            "--name": name,
            "--space": space,
            "--where": where,
            "--no-embeddings": bare,
            "--dry-run": dry_run,
            "--index": index,
        }
        place = documents.place(target, collections, tenant, database, token, others)
        if documents.bring(source, place, reading, skip_bad, json).bad:
            raise typer.Exit(LOSSES)
        return
    if target is None:
        raise typer.BadParameter("a database is wanted: ochre import SOURCE TARGET")
    part = Part(collections, tenant, database, filter_of(where), not bare)
    with bar() as watch:
        done = transfer.copy(
            cast(BinaryIO, sys.stdin.buffer) if source == "-" else source,
            target,
            part,
            name=name,
            space=space,
            on_conflict=on_conflict,
            resume=resume,
            skip_bad=skip_bad,
            dry_run=dry_run,
            verify=not unverified,
            index=index,
            target_token=token,
            watch=watch,
        )
    tell(done, json, Console())


def over(
    source: _Database,
    target: _Database,
    collections: Collections = [],  # noqa: B006 - typer reads it and makes a new one
    name: Name = None,
    tenant: Tenant = None,
    database: Scope = None,
    where: Where = None,
    bare: Annotated[bool, typer.Option("--no-embeddings", help="Embed documents anew.")] = False,
    on_conflict: OnConflict = "error",
    resume: Resume = False,
    dry_run: DryRun = False,
    unverified: Unverified = False,
    index: Index = False,
    token: _Token = None,
    target_token: TargetToken = None,
    json: Json = False,
) -> None:
    """Copy collections from one database into another, into the same tenants and databases.

    Exit codes are those of ochre import.
    """
    part = Part(collections, tenant, database, filter_of(where), not bare)
    with bar() as watch:
        done = transfer.copy(
            source,
            target,
            part,
            name=name,
            on_conflict=on_conflict,
            resume=resume,
            dry_run=dry_run,
            verify=not unverified,
            index=index,
            token=token,
            target_token=target_token,
            watch=watch,
        )
    tell(done, json, Console())


def filter_of(where: str | None) -> dict[str, Any] | None:
    """Read what --where says."""
    try:
        return None if where is None else msgspec.json.decode(where, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadValue(f"--where {where!r}: {error}; a JSON object is wanted") from error


def tell(done: Transfer, json: bool, console: Console, **more: object) -> None:
    """Print what was done, as JSON with `more` in it, and leave with an exit code that says whether it is all."""
    if json:
        console.print(_as_json(done, more), markup=False, highlight=False, soft_wrap=True)
    else:
        for line in _lines(done):
            console.print(escape(line), highlight=False, soft_wrap=True)
    if not done.whole:
        raise typer.Exit(LOSSES)


def _lines(done: Transfer) -> Iterator[str]:
    for moved in done.collections:
        yield f"{moved.name}: {_counts(moved)}"
        for loss in moved.losses:
            yield f"  {loss.place}: {loss.what}{f' ({loss.rows:,} rows)' if loss.rows > 1 else ''}"
    count = len(done.collections)
    verb = "would be read" if done.dry_run else "read"
    lost = f", {done.lost:,} could not be read" if done.lost else ""
    yield (
        f"{done.rows:,} rows of {count:,} collection{'' if count == 1 else 's'} {verb} from {done.source} "
        f"to {done.target}{lost}"
    )


_WORDS = {
    "written": "written",
    "replaced": "replaced",
    "present": "there already",
    "skipped": "skipped",
    "rounded": "with rounded embeddings",
}


def _counts(moved: Moved) -> str:
    counts = {words: getattr(moved, name) for name, words in _WORDS.items()}
    told = [f"{count:,} {words}" for words, count in counts.items() if count]
    return ", ".join(told) if told else f"{moved.rows:,} rows"


def _as_json(done: Transfer, more: dict[str, object]) -> str:
    whole = {**msgspec.to_builtins(done), **more, "rows": done.rows, "lost": done.lost, "whole": done.whole}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


class _Speed(ProgressColumn):
    """Rows a second, and the bytes that have passed."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0
        return Text(f"{speed:,.0f} rows/s, {size(task.fields['bytes'])}")


@contextmanager
def bar() -> Iterator[Watch]:
    """Show a bar on a terminal only, and beside what a program may read."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn(),
    )  # fmt: skip
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None, bytes=0)

        def watch(progress: Progress) -> None:
            told = f"{escape(progress.collection)} {progress.step}"
            bar.update(task, description=told, completed=progress.rows, total=progress.of, bytes=progress.bytes)

        yield watch

"""`ochre backup` and `ochre restore`: a bar while they run, a line when they are done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ochredb.cli.show import size
from ochredb.core.errors import CorruptError, NotFoundError
from ochredb.local.archive import Backup
from ochredb.local.backup import backup, backups, restore


def make(
    folder: Annotated[Path | None, typer.Argument(help="The folder of a database.", show_default=False)] = None,
    dest: Annotated[
        Path | None, typer.Argument(help="The folder of its backups, made where absent.", show_default=False)
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Remove all backups but the newest N afterwards.")
    ] = None,
    moved: Annotated[bool, typer.Option("--moved", help="The database has moved since its last backup.")] = False,
    shown: Annotated[
        Path | None, typer.Option("--list", metavar="DEST", help="Show the backups in a folder, and make none.")
    ] = None,
) -> None:
    """Back up a database, also one in use; what an earlier backup in DEST has is not written again."""
    if shown is not None:
        _show(shown)
        return
    if folder is None or dest is None:
        raise typer.BadParameter("two folders are wanted: ochre backup FOLDER DEST, or ochre backup --list DEST")
    with _bar() as progress:
        made = backup(folder, dest, keep=keep, moved=moved, progress=progress)
    _say(f"backup {made.number} of {folder}: {_content(made)}, {size(made.added_bytes)} added to {dest}")


def put_back(
    dest: Annotated[Path, typer.Argument(help="A folder of backups.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="An absent or empty folder.", show_default=False)],
    which: Annotated[
        int | None, typer.Option(metavar="N", help="The number of the backup; without it, the newest.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the database that is in FOLDER aside, into a folder within it.")
    ] = False,
) -> None:
    """Restore a database from its backups; `ochre backup --list` shows their numbers."""
    with _bar() as progress:
        done = restore(dest, folder, which=which, replace=replace, progress=progress)
    _say(f"backup {done.number} restored to {folder}: {_content(done)}")


def _show(dest: Path) -> None:
    listing = backups(dest)
    if not listing.backups and not listing.problems:
        raise NotFoundError(f"{dest.resolve()} holds no backups")
    if listing.backups:
        _say(f"backups of {listing.backups[-1].source}")
        Console().print(_table(listing.backups))
    if listing.problems:
        raise CorruptError("; ".join(listing.problems))


def _table(found: tuple[Backup, ...]) -> Table:
    table = Table()
    table.add_column("backup", justify="right")
    table.add_column("made (UTC)")
    for heading in ("collections", "rows", "size", "added"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            str(one.number),
            f"{one.made:%Y-%m-%d %H:%M:%S}",
            f"{len(one.collections):,}",
            f"{one.rows:,}",
            size(one.bytes),
            size(one.added_bytes),
        )
    return table


def _content(one: Backup) -> str:
    count = len(one.collections)
    return f"{one.rows:,} rows in {count:,} collection{'' if count == 1 else 's'}, {size(one.bytes)}"


def _say(line: str) -> None:
    Console().print(escape(line), highlight=False, soft_wrap=True)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each step, on a terminal only, and beside what a program may read."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<8}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:

        def progress(step: str, done: int, all_: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
            bar.update(tasks[step], completed=done, total=all_)

        yield progress

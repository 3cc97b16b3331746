"""`ochre check`, `repair`, `compact` and `stats`: look at a folder, mend it, make it small."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ochredb import tools
from ochredb.cli.show import as_json, size, stats_table
from ochredb.local import check, compact, repair, salvage
from ochredb.local.problem import Report
from ochredb.local.salvage import Salvaged

_Folder = Annotated[Path, typer.Argument(help="The folder of a database.", show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def look(
    path: _Folder,
    deep: Annotated[bool, typer.Option("--deep", help="Look at every page, row and view.")] = False,
    json: _Json = False,
) -> None:
    """Look for damage, changing nothing; exit code 0 if there is none, 1 if there is.

    It may be used while others read and write. Without --deep it looks at the schema, counts, references, the log and
    the checksums of the views; with it also at every page, at the checksum of every row, and at what the views hold.
    """
    report = check.check(path, deep)
    if json:
        typer.echo(as_json(report))
    else:
        _say(*_lines(report))
    raise typer.Exit(0 if report.clean else 1)


def mend(
    path: _Folder,
    save: Annotated[
        bool, typer.Option("--salvage", help="Save what can be read of a damaged SQLite file into a new one.")
    ] = False,
    json: _Json = False,
) -> None:
    """Mend what can be made anew from the records: indexes, counts, the log, views.

    It may be used while others read and write, and never changes a record. If records are damaged it changes nothing
    and exits with 1. Then --salvage, for which nobody may have the database open, puts all rows that are as they were
    written into a new file, and keeps the damaged one beside it.
    """
    done = salvage.salvage(path) if save else repair.repair(path)
    if json:
        typer.echo(as_json(done))
    elif isinstance(done, Salvaged):
        _say(*_saved(done))
    else:
        _say(*(done.done or (f"{done.folder}: nothing to mend",)))


def shrink(path: _Folder, json: _Json = False) -> None:
    """Give free space back to the file system; others may go on reading and writing."""
    done = compact.compact(path)
    if json:
        typer.echo(as_json(done))
    else:
        _say(f"{done.folder}: {size(done.before)} before, {size(done.after)} now")


def show(
    place: Annotated[str, typer.Argument(help="The folder of a database, or the URL of a server.", show_default=False)],
    token: Annotated[str | None, typer.Option(envvar="OCHRE_TOKEN", help="A key to the server.")] = None,
    json: _Json = False,
) -> None:
    """Show what a database holds and what it takes on disk, collection by collection.

    A key is better given in the environment, as other users of a machine see how a program was called.
    """
    found = tools.stats(place, token)
    if json:
        typer.echo(as_json(found))
    else:
        Console().print(stats_table(found))


def _lines(report: Report) -> list[str]:
    counts = {"collection": report.collections, "row": report.rows, "view": report.views}
    looked = ", ".join(_counted(count, word) for word, count in counts.items())
    if report.clean:
        return [f"{report.folder}: nothing is wrong{'' if report.deep else ' at first sight'} ({looked})"]
    salvage_it = any(problem.mend == "salvage" for problem in report.problems)
    command = f"ochre repair {'--salvage ' if salvage_it else ''}{report.folder}"
    kinds = "records are damaged" if salvage_it else "no record is damaged"
    return [
        *(f"{problem.place}: {problem.what}" for problem in report.problems),
        f"{_counted(len(report.problems), 'problem')}; {kinds}; to mend it: {command}",
    ]


def _saved(done: Salvaged) -> list[str]:
    counts = f"{_counted(done.rows, 'row')} saved, {done.lost:,} lost"
    lines = [f"{done.folder}: {counts}; the damaged file is {done.damaged.name}"]
    if done.lines is not None:
        lines.append(f"{done.lines.name}: {_counted(done.in_lines, 'line')} with what has no place in a collection")
    return lines + list(done.notes)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _say(*lines: str) -> None:
    for line in lines:
        Console().print(escape(line), highlight=False, soft_wrap=True)

"""`ochre keys create`, `list` and `revoke`."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ochredb.chroma.operations import Role
from ochredb.chroma.settings import surroundings
from ochredb.core.errors import BadValue
from ochredb.server.keys import FILE, Key, KeyFile, duration
from ochredb.server.settings import read_settings

app = typer.Typer(name="keys", help="Make, list and revoke the keys of a server.", no_args_is_help=True)

_Path = Annotated[str | None, typer.Option("--path", help="The folder of the database; ./chroma if not given.")]
_Keys = Annotated[str | None, typer.Option("--keys", help=f"The file of keys; without it, {FILE} in the folder.")]


@app.command("create")
def make(
    name: Annotated[str, typer.Option(help="What it is called in lists and logs.", show_default=False)],
    role: Annotated[
        Role,
        typer.Option(
            help="What it may do: read; also change collections and records; also tenants, databases and reset.",
            show_default=False,
        ),
    ],
    tenant: Annotated[str | None, typer.Option(help="The only tenant that it is good for.")] = None,
    database: Annotated[str | None, typer.Option(help="The only database.")] = None,
    collection: Annotated[
        str | None, typer.Option(metavar="GLOB", help="The only collections, such as 'docs-*'.")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="SPAN", help="For how long, such as 12h or 90d.")] = None,
    path: _Path = None,
    keys: _Keys = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    Servers that run on the folder take it at once.
    """
    span = None if expires is None else duration(expires)
    typer.echo(_file(path, keys).create(name, role, tenant, database, collection, span))
    Console(stderr=True).print("this is the key; it cannot be shown again", highlight=False)


@app.command("list")
def show(path: _Path = None, keys: _Keys = None) -> None:
    """Show what keys there are; none of them can be read from it."""
    file = _file(path, keys)
    found = file.keys()
    if found is None:
        typer.echo(f"there are no keys: {file.path} does not exist")
        return
    Console().print(_table(found))


@app.command("revoke")
def remove(
    name: Annotated[str, typer.Argument(help="Of the key.", show_default=False)],
    path: _Path = None,
    keys: _Keys = None,
) -> None:
    """Remove a key; servers that run on the folder refuse it from now on."""
    _file(path, keys).revoke(name)
    Console().print(escape(f"{name} is revoked"), highlight=False)


def _file(path: str | None, keys: str | None) -> KeyFile:
    """Give the file that `ochre run` takes with the same options, in the same environment."""
    file = read_settings(None, surroundings(), {"persist_path": path, "keys": keys}).key_file
    if file is None:
        raise BadValue("OCHRE_ENGINE names an engine without a folder: say where the keys are, with --keys FILE")
    return KeyFile(file)


def _table(keys: tuple[Key, ...]) -> Table:
    table = Table()
    for heading in ("name", "role", "tenant", "database", "collections", "made (UTC)", "expires (UTC)"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        ends = "expired" if key.expired else _time(key.expires) or "never"
        scope = (key.tenant, key.database, key.collection)
        table.add_row(*map(escape, (key.name, key.role, *(part or "any" for part in scope), _time(key.created), ends)))
    return table


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"

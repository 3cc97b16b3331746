"""`ochre import chroma`: a folder of Chroma's into a database."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ochredb.cli.transfer import (
    Collections,
    DryRun,
    Index,
    Json,
    Name,
    OnConflict,
    Resume,
    Scope,
    TargetToken,
    Tenant,
    Unverified,
    Where,
    bar,
    filter_of,
    tell,
)
from ochredb.client.chroma import import_chroma
from ochredb.client.transfer import Part


def into(
    old: Annotated[Path, typer.Argument(help="A folder of Chroma's PersistentClient.", show_default=False)],
    new: Annotated[
        str, typer.Argument(help="The folder of a new database, or the URL of an engine.", show_default=False)
    ],
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
    target_token: TargetToken = None,
    json: Json = False,
) -> None:
    """Copy a folder of Chroma's, 0.4 to 1.5, whole or damaged, into a database; the folder stays as it is.

    Exit code 0 if all was written, 1 if not, and then --resume finishes it; 2 for wrong usage; 3 if all was written
    but what could not be read, which is told with the places where it was looked for.
    """
    part = Part(collections, tenant, database, filter_of(where), not bare)
    with bar() as watch:
        done = import_chroma(
            old,
            new,
            part,
            name=name,
            on_conflict=on_conflict,
            resume=resume,
            dry_run=dry_run,
            verify=not unverified,
            index=index,
            target_token=target_token,
            watch=watch,
        )
    console = Console()
    if not json:
        console.print(escape(f"{old}: a database of Chroma {done.releases}"), highlight=False, soft_wrap=True)
        for remark in done.remarks:
            console.print(escape(f"  {remark.place}: {remark.what}"), highlight=False, soft_wrap=True)
    tell(done.transfer, json, console, releases=done.releases, remarks=done.remarks)

"""The command line: parse, one call, print."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ochredb.cli import backup, demo, tools
from ochredb.core.errors import OchreError
from ochredb.version import __version__

app = typer.Typer(
    name="ochre",
    help="A vector database in one SQLite file that speaks Chroma's API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run `ochre`; what we refuse or fail at is one red line and exit code 1."""
    try:
        app()
    except (OchreError, OSError) as error:
        told = error.message() if isinstance(error, OchreError) else str(error)
        line = " ".join(told.split())
        Console(stderr=True).print(f"error: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ochre {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version  # its callback has printed it and left


@app.command("demo")
def _demo(
    path: Annotated[Path, typer.Argument(help="The folder of the demo's database.")] = Path("ochre_demo"),
) -> None:
    """Fill a small database, ask it by meaning, export it and restore it."""
    demo.run(path, Console())


app.command("stats")(tools.show)
app.command("check")(tools.look)
app.command("repair")(tools.mend)
app.command("compact")(tools.shrink)
app.command("backup")(backup.make)
app.command("restore")(backup.put_back)

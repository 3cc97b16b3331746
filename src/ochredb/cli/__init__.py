"""The command line: parse, one call, print."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from ochredb.cli import backup, chroma, demo, health, keys, run, tools, transfer
from ochredb.core.errors import OchreError
from ochredb.version import __version__


class _Commands(TyperGroup):
    """Commands, of which some have a name of two words, such as `import chroma`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        words = " ".join(args[:2])
        return (words, self.commands[words], args[2:]) if words in self.commands else super().resolve_command(ctx, args)


app = typer.Typer(
    name="ochre",
    cls=_Commands,
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


app.command("run")(run.run)
app.command("stats")(tools.show)
app.command("check")(tools.look)
app.command("repair")(tools.mend)
app.command("compact")(tools.shrink)
app.command("backup")(backup.make)
app.command("restore")(backup.put_back)
app.command("export")(transfer.out)
app.command("import")(transfer.into)
app.command("import chroma")(chroma.into)
app.command("copy")(transfer.over)
app.command("health")(health.look)
app.add_typer(keys.app)

"""`ochre health`."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from ochredb.chroma.settings import surroundings
from ochredb.client.watch import ready
from ochredb.server.binding import is_own_name
from ochredb.server.settings import read_settings


def look(
    url: Annotated[
        str | None, typer.Argument(help="Of the server; the one that the environment sets up if not given.")
    ] = None,
) -> None:
    """Ask a server whether it can read and write; exit code 0 if it can, 1 if not.

    Of a server on this machine the certificate is not verified, as it is made out to the name that others know.
    """
    url = url or _own()
    works = ready(url, verify=not is_own_name(urlsplit(url).hostname or ""))
    typer.echo("ready" if works else "not ready")
    raise typer.Exit(0 if works else 1)


def _own() -> str:
    """Give the URL of what `ochre run` starts in the same environment."""
    settings = read_settings(None, surroundings(), {})
    return f"{'http' if settings.tls_cert is None else 'https'}://localhost:{settings.port}"

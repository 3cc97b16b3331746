"""`ochre run`: serve a database over HTTP."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from ochredb.chroma.settings import surroundings
from ochredb.client import connect
from ochredb.local.stats import stats
from ochredb.server.keys import FILE
from ochredb.server.settings import read_settings
from ochredb.version import __version__

_USER = re.compile("//[^/@]*@")  # of a URL, with a password perhaps


def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG]", help="A file of settings, as --config.", show_default=False)
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", help="The folder of the database; ./chroma if not given.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Where to listen; localhost if not given.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="8000 if not given; 0 is any that is free.")] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="URL", help="What to serve instead of a folder, such as memory:.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A file of settings in YAML; flags and variables go before it.")
    ] = None,
    keys: Annotated[
        str | None, typer.Option("--keys", help=f"The file of keys; without it, {FILE} in the folder.")
    ] = None,
    allow_anonymous: Annotated[
        bool | None, typer.Option("--allow-anonymous", help="Let everybody in while there is no key.")
    ] = None,
    allow_reset: Annotated[
        bool | None, typer.Option("--allow-reset", help="Let an admin remove everything by a reset.")
    ] = None,
    cors_allow_origins: Annotated[
        list[str] | None, typer.Option("--cors-allow-origins", help="A web page's origin that may ask; * is any.")
    ] = None,
    tls_cert: Annotated[str | None, typer.Option("--tls-cert", help="A certificate and its chain.")] = None,
    tls_key: Annotated[str | None, typer.Option("--tls-key", help="The key of the certificate.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds for a body to come, and again for its answer; 60.")
    ] = None,
    grace: Annotated[
        float | None, typer.Option("--grace", help="Seconds for what is under way when the server is stopped; 30.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that serve, each with its own views in memory; 1.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="For reading, and as many for writing; by the cores if not given.")
    ] = None,
    log_path: Annotated[
        str | None, typer.Option("--log-path", help="A file for the log; standard error if not given.")
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None, typer.Option("--log-format", help="How a line of the log is written; text.")
    ] = None,
    access_log: Annotated[
        bool | None, typer.Option("--access-log/--no-access-log", help="Whether requests are logged; they are.")
    ] = None,
) -> None:
    """Serve a database over HTTP, to Chroma's clients and to Ochre's, until it is stopped.

    Every setting can also be a variable of the environment, such as OCHRE_PORT or CHROMA_PORT, or stand in the file.
    SIGTERM or Ctrl+C stops the server when it has answered what it had accepted.
    """
    from ochredb.server.run import serve  # a web server, which no other command has a use for

    flags = {
        "persist_path": path,
        "listen_address": host,
        "port": port,
        "engine": engine,
        "keys": keys,
        "allow_anonymous": allow_anonymous,
        "allow_reset": allow_reset,
        "cors_allow_origins": cors_allow_origins or None,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "timeout": timeout,
        "grace": grace,
        "workers": workers,
        "threads": threads,
        "log_path": log_path,
        "log_format": log_format,
        "access_log": access_log,
    }
    variables = surroundings()
    settings = read_settings(config or file, variables, flags)
    folder = None if settings.engine is not None else Path(settings.persist_path)
    place = settings.engine or f"file:{settings.persist_path}"
    serve(
        settings,
        open_engine=lambda: connect.engine(place),
        keys=settings.key_file,
        variables=variables,
        stats=None if folder is None else lambda: stats(folder),
        ready=lambda url: typer.echo(
            f"Ochre {__version__} serves {_USER.sub('//', place)}\nConnect to it at {url}\nDocs: {url}/docs"
        ),
    )

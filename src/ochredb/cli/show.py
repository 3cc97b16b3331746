"""Values to tables."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.local.stats import CollectionStats, Stats


def stats_table(found: Stats) -> RenderableType:
    """Show a database: its collections, then its sizes."""
    sizes = Table.grid(padding=(0, 2))
    sizes.add_column()
    sizes.add_column(justify="right")
    sizes.add_row("SQLite file", size(found.database_bytes))
    sizes.add_row("write-ahead log", size(found.wal_bytes))
    sizes.add_row("views", size(found.view_bytes))
    sizes.add_row("calls in the log", f"{found.log_calls:,}")
    title = Text.assemble((str(found.folder), "bold"), f", format {found.format}")
    return Group(title, _collections(found.collections), sizes)


def size(count: int) -> str:
    """Write a number of bytes in units of 1,000.

    >>> size(0), size(999), size(1_234_567)
    ('0 B', '999 B', '1.2 MB')
    """
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.95:
            return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def _collections(collections: tuple[CollectionStats, ...]) -> RenderableType:
    if not collections:
        return Text("no collections\n")
    table = Table()
    table.add_column("collection", overflow="fold")
    for heading in ("rows", "dimension", "space", "indexed", "tail", "views"):
        table.add_column(heading, justify="left" if heading == "space" else "right")
    for one in collections:
        table.add_row(
            Text(_name(one)),
            f"{one.rows:,}",
            "-" if one.dimension is None else str(one.dimension),
            one.space,
            f"{one.indexed:,}",
            f"{one.tail:,}",
            size(one.view_bytes),
        )
    return table


def _name(one: CollectionStats) -> str:
    scope = (one.tenant, one.database)
    return one.name if scope == (DEFAULT_TENANT, DEFAULT_DATABASE) else "/".join((*scope, one.name))

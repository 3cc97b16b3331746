"""Values to tables, and to JSON."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.local.problem import Report
from ochredb.local.stats import CollectionStats, Stats


def stats_table(found: Stats) -> RenderableType:
    """Show a database: its collections, their views, then its sizes."""
    sizes = Table.grid(padding=(0, 2))
    sizes.add_column()
    sizes.add_column(justify="right")
    sizes.add_row("SQLite file", size(found.database_bytes))
    sizes.add_row("of it free", size(found.free_bytes))
    sizes.add_row("write-ahead log", size(found.wal_bytes))
    sizes.add_row("views", size(found.view_bytes))
    sizes.add_row("calls in the log", f"{found.log_calls:,}")
    title = Text.assemble((str(found.folder), "bold"), f", format {found.format}")
    return Group(title, _collections(found.collections), *_views(found.collections), sizes)


def as_json(value: Struct) -> str:
    """Write a value as JSON, with what it computes from its fields."""
    return msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2).decode()


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
    for heading in ("rows", "dim", "space", "bytes", "calls", "tail"):
        table.add_column(heading, justify="left" if heading == "space" else "right")
    for one in collections:
        table.add_row(
            Text(_name(one)),
            f"{one.rows:,}",
            "-" if one.dimension is None else str(one.dimension),
            one.space,
            size(one.bytes),
            f"{one.log_calls:,}",
            f"{one.tail:,}",
        )
    return table


def _views(collections: tuple[CollectionStats, ...]) -> list[RenderableType]:
    table = Table()
    table.add_column("view of", overflow="fold")
    table.add_column("view")
    for heading in ("bytes", "rows behind", "calls behind"):
        table.add_column(heading, justify="right")
    for one in collections:
        for view in one.views:
            lag = (f"{view.rows_behind:,}", f"{view.calls_behind:,}") if view.usable else ("to be made anew", "-")
            table.add_row(Text(_name(one)), view.name, size(view.bytes), *lag)
    return [table] if table.row_count else []


def _name(one: CollectionStats) -> str:
    scope = (one.tenant, one.database)
    return one.name if scope == (DEFAULT_TENANT, DEFAULT_DATABASE) else "/".join((*scope, one.name))


_COMPUTED: dict[type[Struct], tuple[str, ...]] = {
    Report: ("clean",),
    Stats: ("view_bytes",),
    CollectionStats: ("indexed", "tail", "view_bytes"),
}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Struct):
        names = (*value.__struct_fields__, *_COMPUTED.get(type(value), ()))
        return {name: _plain(getattr(value, name)) for name in names}
    return str(value) if isinstance(value, Path) else value

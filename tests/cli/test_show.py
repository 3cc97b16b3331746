"""Values as they are printed."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from ochredb.cli.show import as_json, size, stats_table
from ochredb.local.problem import Problem, Report
from ochredb.local.stats import CollectionStats, Stats
from ochredb.local.views import ViewStats


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (5 * 10**12, "5.0 TB")],
)
def test_sizes_have_three_digits_or_so(count: int, text: str) -> None:
    """Bytes are counted in thousands, and no size reads as a thousand of its unit."""
    assert size(count) == text


def collection(**given: object) -> CollectionStats:
    """Make a collection with these properties, and otherwise plain ones."""
    plain: dict[str, object] = {
        "tenant": "default_tenant", "database": "default_database", "name": "cats", "id": "", "rows": 12_345,
        "dimension": None, "space": "l2", "bytes": 2_000_000, "log_calls": 7, "views": (),
    }  # fmt: skip
    return CollectionStats(**{**plain, **given})  # type: ignore[arg-type] # of all the right types


def database(*collections: CollectionStats) -> Stats:
    """Make a database of these."""
    return Stats(Path("store"), 1, 4096, 0, 0, 0, collections)


def printed(found: Stats) -> str:
    """Give what is printed in 80 columns."""
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(stats_table(found))
    return capture.get()


def cells(text: str, word: str) -> list[str]:
    """Give the cells of the first row with this word."""
    row = next(line for line in text.splitlines() if word in line)
    return [cell.strip() for cell in row.strip("│ ").split("│")]


def test_a_database_without_collections_says_so() -> None:
    """An empty table would look like an error."""
    assert "no collections" in printed(database())


def test_a_name_of_another_tenant_is_written_out() -> None:
    """Names are unique only within their database, and are never read as markup."""
    view = ViewStats("vectors", 2_000_000, usable=True, rows=12_000, calls_behind=2, rows_behind=345)
    text = printed(database(collection(tenant="acme", database="[red]", views=(view,))))
    name = "acme/[red]/cats"
    assert cells(text, name) == [name, "12,345", "-", "l2", "2.0 MB", "7", "345"]
    assert cells(text.partition("view of")[2], name) == [name, "vectors", "2.0 MB", "345", "2"]


def test_a_view_that_cannot_be_used_says_so() -> None:
    """Its lag would be a number without meaning."""
    view = ViewStats("text", 1000, usable=False, rows=0, calls_behind=None, rows_behind=12_345)
    assert cells(printed(database(collection(views=(view,)))), "text") == [
        "cats", "text", "1.0 kB", "to be made anew", "-"
    ]  # fmt: skip


def test_large_numbers_fit_80_columns() -> None:
    """A hundred million rows are written in full."""
    views = (ViewStats("vectors", 10**11, usable=True, rows=0, calls_behind=50_000, rows_behind=123_456_789),)
    large = collection(rows=123_456_789, dimension=1536, bytes=10**12, log_calls=50_000, views=views, space="cosine")
    text = printed(database(large))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("123,456,789") == 3


def test_json_has_what_is_computed() -> None:
    """A program need not know how `tail` comes from the other numbers."""
    view = ViewStats("vectors", 9, usable=True, rows=12_000, calls_behind=2, rows_behind=345)
    found = json.loads(as_json(database(collection(views=(view,)))))
    assert (found["folder"], found["view_bytes"]) == ("store", 9)
    (one,) = found["collections"]
    assert (one["rows"], one["indexed"], one["tail"], one["view_bytes"]) == (12_345, 12_000, 345, 9)
    assert one["views"] == [
        {"name": "vectors", "bytes": 9, "usable": True, "rows": 12_000, "calls_behind": 2, "rows_behind": 345}
    ]
    report = Report(Path("store"), True, 1, 2, 3, (Problem("here", "this", "repair", False),))
    assert json.loads(as_json(report)) == {
        "folder": "store", "deep": True, "collections": 1, "rows": 2, "views": 3, "clean": False,
        "problems": [{"place": "here", "what": "this", "mend": "repair", "records": False}],
    }  # fmt: skip

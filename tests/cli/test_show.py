"""Values as they are printed."""

from pathlib import Path

import pytest
from rich.console import Console

from ochredb.cli.show import size, stats_table
from ochredb.local.stats import CollectionStats, Stats


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (5 * 10**12, "5.0 TB")],
)
def test_sizes_have_three_digits_or_so(count: int, text: str) -> None:
    """Bytes are counted in thousands, and no size reads as a thousand of its unit."""
    assert size(count) == text


def printed(found: Stats) -> str:
    """Give what is printed in 80 columns."""
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(stats_table(found))
    return capture.get()


def test_a_database_without_collections_says_so() -> None:
    """An empty table would look like an error."""
    assert "no collections" in printed(Stats(Path("store"), 1, 4096, 0, 0, ()))


def test_a_name_of_another_tenant_is_written_out() -> None:
    """Names are unique only within their database, and are never read as markup."""
    one = CollectionStats("acme", "[red]", "cats", "", 12_345, None, "l2", 12_000, 2_000_000)
    row = next(line for line in printed(Stats(Path("store"), 1, 0, 0, 0, (one,))).splitlines() if "cats" in line)
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["acme/[red]/cats", "12,345", "-", "l2", "12,000", "345", "2.0 MB"]

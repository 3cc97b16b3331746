"""The table in `docs/engines.md` is what the engines do."""

import pytest

from tests.engines.table import BETWEEN, PAGE, column, named

pytestmark = pytest.mark.filterwarnings("default")  # Qdrant's client tells what its small engine lacks


def written(name: str) -> dict[str, str]:
    """Read one column of the page."""
    found = BETWEEN.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].strip().splitlines()]
    at = rows[0].index(name)
    return {row[0]: row[at] for row in rows[2:]}


@pytest.mark.parametrize("url", ["memory:", "qdrant:memory"])
def test_the_page_says_what_an_engine_does(url: str) -> None:
    """Every verb and operator was tried, and does what the page says."""
    assert written(named(url)) == column(url)


def test_the_page_says_what_milvus_does(milvus_url: str) -> None:
    """The same of the real Milvus."""
    assert written(named(milvus_url)) == column(milvus_url)

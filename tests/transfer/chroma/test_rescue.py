"""Rows of damaged tables: those of whole pages are saved, the others are told."""

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.transfer.chroma import rescue

PAGE = 4096
ROWS = 3000
STEP = 7
"""Between rowids, as those of several collections lie among each other."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a table as Chroma has it, some rows of which are longer than a page."""
    file = tmp_path_factory.mktemp("rescue") / "chroma.sqlite3"
    db = apsw.Connection(str(file))
    db.execute("CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id, embedding_id, seq_id, created_at)")
    texts = ((STEP * n, "segment", f"record {n}", n, "x" * (9000 if n % 500 == 7 else 20)) for n in range(ROWS))
    with db:
        db.executemany("INSERT INTO embeddings VALUES (?, ?, ?, ?, ?)", texts)
    db.close()
    return file


def pages(file: Path, kind: str) -> list[int]:
    """Give the numbers of pages of a kind: leaf, internal or overflow."""
    db = apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)
    found = [
        number
        for (number,) in db.execute("SELECT pageno FROM dbstat WHERE name = 'embeddings' AND pagetype = ?", (kind,))
    ]
    db.close()
    return [int(number) for number in found]


def rescued(file: Path, damaged: list[int], place: Path) -> tuple[dict[int, tuple[object, ...]], list[str]]:
    """Damage pages of a copy, and give the rows that are saved by their rowids, and what is told."""
    content = bytearray(file.read_bytes())
    for number in damaged:
        content[(number - 1) * PAGE : number * PAGE] = b"\xee" * PAGE
    broken, new = place / "broken", place / "new"
    broken.write_bytes(content)
    new.unlink(missing_ok=True)
    told = [what for table, what in rescue.rescue(f"{broken.as_uri()}?mode=ro", new) if table == "embeddings"]
    db = apsw.Connection(str(new))
    rows = {int(row[0]): row for row in db.execute("SELECT * FROM embeddings")}  # type: ignore[arg-type] - an id is an int
    db.close()
    return rows, told


def test_a_sound_table(made: Path, tmp_path: Path) -> None:
    """All rows, and nothing is told."""
    rows, told = rescued(made, [], tmp_path)
    assert (sorted(rows), told) == ([STEP * n for n in range(ROWS)], [])
    assert rows[STEP * 7] == (STEP * 7, "segment", "record 7", 7, "x" * 9000)


@pytest.mark.parametrize("which", [0, 1, 10, -1])
def test_a_page_of_rows(which: int, made: Path, tmp_path: Path) -> None:
    """Only the rows that lie on it are lost, and they are told by their numbers."""
    rows, told = rescued(made, [pages(made, "leaf")[which]], tmp_path)
    missing = sorted({STEP * n for n in range(ROWS)} - rows.keys())
    assert missing == list(range(missing[0], missing[-1] + 1, STEP))  # they lie together
    assert 5 < len(missing) < 200
    (one,) = told
    assert one.startswith("rows from ")
    assert one.endswith(" on are damaged" if which == -1 else f" to {missing[-1]} are damaged")


def test_a_part_of_a_long_row(made: Path, tmp_path: Path) -> None:
    """One row is lost."""
    rows, told = rescued(made, pages(made, "overflow")[:1], tmp_path)
    assert len(rows) == ROWS - 1
    assert len(told) == 1


@given(st.data())
def test_any_pages(made: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever pages are damaged: the rows that are saved are as they were, and those of all other pages are."""
    leaves = pages(made, "leaf")
    damaged = data.draw(st.lists(st.sampled_from(leaves), unique=True, max_size=len(leaves) - 1))
    rows, told = rescued(made, damaged, tmp_path_factory.getbasetemp())
    assert bool(told) == bool(damaged)
    for rowid, row in rows.items():
        assert row[:4] == (rowid, "segment", f"record {rowid // STEP}", rowid // STEP)
    assert ROWS - len(rows) < 200 * len(damaged) + 1

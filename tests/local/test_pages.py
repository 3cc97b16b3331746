"""Pages of SQLite's read without SQLite: what it wrote comes back, and no bytes whatever make the reader fail."""

from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ochredb.local import pages
from ochredb.local.pages import INDEX_LEAF, TABLE_INTERIOR, TABLE_LEAF, Cell
from ochredb.local.wreck import Use, Wreck

PAGE = 512
sizes = st.one_of(st.integers(0, 40), st.integers(0, 3000))
values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-300, 300),
    st.floats(allow_nan=False),
    sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    sizes.map(lambda size: "é" * size),
)
rows = st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.tuples(values, values), max_size=30)
roomy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a place for files."""
    return tmp_path_factory.mktemp("pages")


def written(folder: Path, table: str, inserts: list[tuple[object, ...]]) -> Wreck:
    """Write rows with SQLite, in small pages so that trees have levels, and give the file as a wreck."""
    path = folder / "db"
    path.unlink(missing_ok=True)
    db = apsw.Connection(str(path))
    db.execute(f"PRAGMA page_size = {PAGE}; PRAGMA auto_vacuum = INCREMENTAL").fetchall()
    db.execute(f"CREATE TABLE t {table}")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", inserts)
    db.close()
    content = path.read_bytes()
    return Wreck(lambda at, length: content[at : at + length], len(content), None, PAGE)


def found(wreck: Wreck) -> list[Cell]:
    """Give the cells of all pages in use, but those of the schema."""
    numbers = [number for number in range(2, wreck.count + 1) if wreck.use(number) is Use.USED]
    return [cell for number in numbers for cell in pages.cells(wreck.read, number, wreck.usable)]


@roomy
@given(rows=rows)
def test_rows_of_a_table_come_back(rows: dict[int, tuple[object, object]], folder: Path) -> None:
    """Of every type and size, with what overflows to other pages."""
    wreck = written(folder, "(rowid INTEGER PRIMARY KEY, a, b)", [(rowid, *row) for rowid, row in rows.items()])
    expected = {rowid: (None, *row) for rowid, row in rows.items()}
    cells = found(wreck)
    assert {cell.rowid: cell.values for cell in cells} == expected
    assert len(cells) == len(rows)


@roomy
@given(keys=st.sets(sizes.map(lambda size: f"{size:05}" + "k" * size), max_size=40))
def test_rows_of_a_table_without_rowids_come_back(keys: set[str], folder: Path) -> None:
    """They are cells of an index, on leaves and on the pages above."""
    wreck = written(folder, "(a TEXT PRIMARY KEY, b, c) WITHOUT ROWID", [(key, 1, "x") for key in keys])
    cells = found(wreck)
    assert sorted(cell.values for cell in cells) == sorted((key, 1, "x") for key in keys)
    assert {cell.rowid for cell in cells} <= {None}


@roomy
@given(kind=st.sampled_from([TABLE_LEAF, INDEX_LEAF, TABLE_INTERIOR, 0x02]), noise=st.binary(max_size=PAGE - 1))
def test_no_bytes_make_the_reader_fail(kind: int, noise: bytes) -> None:
    """Pointers out of the page, lengths without measure and chains in a circle end a cell, and nothing else."""
    page = (bytes([kind]) + noise).ljust(PAGE, b"\1")
    assert all(isinstance(cell, Cell) for cell in pages.cells(lambda _: page, 3, PAGE))
    assert all(number >= 0 for number in pages.children(page, 3, PAGE))


@roomy
@given(content=st.binary(max_size=4 * PAGE), header=st.booleans())
def test_no_bytes_make_a_wreck_fail(content: bytes, header: bool) -> None:
    """Whatever is in the file, each of its pages has a use."""
    start = b"SQLite format 3\0" + PAGE.to_bytes(2, "big") if header else b""
    file = start + content
    wreck = Wreck(lambda at, length: file[at : at + length], len(file), None, PAGE)
    assert all(isinstance(wreck.use(number), Use) for number in range(1, wreck.count + 1))


def test_free_pages_are_told_from_those_in_use(folder: Path) -> None:
    """Also when one of the witnesses is gone: the trees, the list of free pages, or the map."""
    path = folder / "free"
    db = apsw.Connection(str(path))
    db.execute(f"PRAGMA page_size = {PAGE}; PRAGMA auto_vacuum = INCREMENTAL").fetchall()
    db.execute("CREATE TABLE kept (x); CREATE TABLE gone (x)")
    for table in ("kept", "gone"):
        db.executemany(f"INSERT INTO {table} VALUES (?)", [(f"{table} {n}" + "x" * 100,) for n in range(200)])
    db.execute("DELETE FROM gone")
    kept = [page for (page,) in db.execute("SELECT pageno FROM dbstat WHERE name = 'kept' AND pagetype = 'leaf'")]
    db.close()
    whole = path.read_bytes()
    for start, length in ((0, 0), (0, 8), (32, 8), (PAGE, PAGE)):  # nothing, the header, the list, the map
        file = whole[:start] + bytes(length) + whole[start + length :]
        assert holding(file) == set(kept), start


def holding(file: bytes) -> set[int]:
    """Give the pages in use that hold rows of the two tables."""
    wreck = Wreck(lambda at, length: file[at : at + length], len(file), None, PAGE)
    used = [number for number in range(2, wreck.count + 1) if wreck.use(number) is Use.USED]
    first = {number: next(pages.cells(wreck.read, number, PAGE), None) for number in used}
    return {number for number, cell in first.items() if cell and str(cell.values[0]).startswith(("kept", "gone"))}

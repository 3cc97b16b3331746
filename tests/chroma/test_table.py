"""Tables of every kind become the same arguments of `add`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ochredb.chroma import table
from ochredb.core.errors import BadType, BadValue
from ochredb.core.model import Records
from ochredb.testing.compare import typed

SOURCE = Path(__file__).parents[2] / "src"
Rows = list[dict[str, Any]]

ARROW = pa.schema(
    {
        "id": pa.string(),
        "embedding": pa.list_(pa.float32(), 2),
        "text": pa.string(),
        "n": pa.int64(),
        "x": pa.float64(),
        "good": pa.bool_(),
        "tags": pa.list_(pa.string()),
    }
)
POLARS = {
    "id": pl.String, "embedding": pl.Array(pl.Float32, 2), "text": pl.String, "n": pl.Int64, "x": pl.Float64,
    "good": pl.Boolean, "tags": pl.List(pl.String),
}  # fmt: skip
PANDAS = {"n": "Int64", "good": "boolean"}


def arrow(rows: Rows) -> Any:
    """Give rows as a table of Arrow's."""
    return pa.Table.from_pylist(rows, ARROW)


def polars(rows: Rows) -> Any:
    """Give rows as a frame of polars."""
    return pl.DataFrame(rows, schema=POLARS)


def pandas(rows: Rows) -> Any:
    """Give rows as a frame of pandas, with objects where NumPy has no type."""
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype="object") for name in ARROW.names})
    return frame.astype(PANDAS)


KINDS: dict[str, Callable[[Rows], Any]] = {
    "Arrow table": arrow,
    "Arrow table of chunks": lambda rows: pa.concat_tables([arrow(rows[:2]), arrow(rows[2:])]),
    "part of an Arrow table": lambda rows: arrow(rows * 2).slice(len(rows)),
    "lists of any size": lambda rows: arrow(rows).cast(ARROW.set(1, pa.field("embedding", pa.list_(pa.float32())))),
    "record batch": lambda rows: arrow(rows).combine_chunks().to_batches()[0],
    "stream of Arrow's": lambda rows: arrow(rows).to_reader(),
    "polars frame": polars,
    "polars lists": lambda rows: polars(rows).with_columns(pl.col("embedding").cast(pl.List(pl.Float32))),
    "pandas frame": pandas,
    "pandas over Arrow": lambda rows: arrow(rows).to_pandas(types_mapper=pd.ArrowDtype),
    "dictionaries": lambda rows: rows,
    "generator": lambda rows: (dict(row) for row in rows),
    "generator of tables": lambda rows: (arrow([row]) for row in rows),
}


def rows() -> st.SearchStrategy[Rows]:
    """Draw rows with columns of every type, in which there are nulls."""
    half = st.integers(-4, 4).map(lambda number: number / 2)
    row = st.fixed_dictionaries(
        {
            "embedding": st.lists(half, min_size=2, max_size=2),
            "text": st.none() | st.text(max_size=5),
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "good": st.none() | st.booleans(),
            "tags": st.none() | st.lists(st.text(max_size=3), min_size=1, max_size=3),
        }
    )
    return st.lists(row, min_size=1, max_size=6).map(
        lambda found: [{"id": f"r{number}", **one} for number, one in enumerate(found)]
    )


def read(source: object, size: int | None = None, columns: table.Columns | None = None) -> dict[str, Any]:
    """Give the arguments of all rows of a source, embeddings as lists."""
    found = table.joined([table.arguments(part, columns) for part in table.parts(source, size)])
    if "embeddings" in found:
        found["embeddings"] = np.asarray(found["embeddings"], np.float32).tolist()
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(rows=rows(), size=st.none() | st.integers(1, 4))
def test_a_table_of_any_kind_is_the_same_records(kind: str, rows: Rows, size: int | None) -> None:
    """Types stay what they are, nulls are keys that are not there, and it does not matter how it is cut."""
    found = read(KINDS[kind](rows), size)
    keys = ("n", "x", "good", "tags")
    metadatas = [{key: row[key] for key in keys if row[key] is not None} or None for row in rows]
    assert typed(found) == typed(
        {
            "ids": [row["id"] for row in rows],
            "documents": [row["text"] for row in rows],
            "embeddings": [row["embedding"] for row in rows],
            "metadatas": metadatas,
        }
    )


def test_records_are_a_table() -> None:
    """What an engine's `scan` gives, and what an `UnwrittenError` holds, is read as it is."""
    batch = Records(["a", "b", "c"], np.eye(3, dtype=np.float32), ["x", None, "z"], [{"n": 1}, None, None])
    assert read([batch, batch.take([0])], 2) == {
        "ids": ["a", "b", "c", "a"],
        "documents": ["x", None, "z", "x"],
        "embeddings": [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]],
        "metadatas": [{"n": 1}, None, None, {"n": 1}],
    }


def test_a_parquet_file_is_a_table(tmp_path: Path) -> None:
    """By its path, and as the object that pyarrow has for it; its rows are counted before they are read."""
    made = [
        {"id": str(n), "embedding": [n, 1], "text": "x", "n": n, "x": 0.5, "good": None, "tags": []} for n in range(9)
    ]
    parquet.write_table(arrow(made), tmp_path / "rows.parquet", row_group_size=4)
    wanted = read(arrow(made))
    assert read(tmp_path / "rows.parquet", 2) == wanted
    assert read(parquet.ParquetFile(tmp_path / "rows.parquet"), 2) == wanted
    assert table.rows(tmp_path / "rows.parquet") == table.rows(arrow(made)) == 9
    assert table.rows(iter(made)) is None


@pytest.mark.parametrize("whole", [{"a": 1, "b": None}, '{"a": 1, "b": null}'])
def test_metadata_may_be_one_column(whole: object) -> None:
    """Of dictionaries or of JSON; what else there is belongs to it, too, unless the columns are named."""
    row = {"id": "x", "metadata": whole, "c": 2, "document": "text"}
    assert read([row])["metadatas"] == [{"a": 1, "c": 2}]
    assert read([row], columns={"metadata": ["c"]})["metadatas"] == [{"c": 2}]
    assert "metadatas" not in read([row], columns={"metadata": []})
    assert read([{**row, "about": {"d": 3}}], columns={"metadata": "about"})["metadatas"][0]["d"] == 3


def test_columns_can_be_named() -> None:
    """A mapping goes before the usual names, and None is no such column."""
    row = {"id": 1, "sku": "s-1", "text": "t", "body": "b", "vector": [1.0], "page": "file:x"}
    assert read([row], columns={"id": "sku", "document": "body", "uri": "page", "metadata": None}) == {
        "ids": ["s-1"],
        "documents": ["b"],
        "embeddings": [[1.0]],
        "uris": ["file:x"],
        "metadatas": [{"id": 1, "text": "t"}],
    }
    assert read([row], columns={"document": None, "embedding": None, "metadata": ["text"]}) == {
        "ids": ["1"],
        "metadatas": [{"text": "t"}],
    }


@pytest.mark.parametrize(
    ("source", "columns", "told"),
    [
        ([{"name": "x"}], None, "column of ids called id or ids, got name; say which"),
        ([{"id": "x"}], {"id": "sku"}, "a column sku, got id"),
        ([{"id": "x"}], {"metadata": ["a", "b"]}, "a column a and one b, got id"),
        ([{"id": "x"}], {"ids": "id"}, "got columns={'ids': ...}"),
        ([{"id": "x", "metadata": 1}], None, r"got 1 at metadata\[0\]"),
        ([{"id": "x", "metadata": "{"}], None, r"as JSON, got '\{' at metadata\[0\]"),
        ([{"id": "x", "metadata": {"n": 1}, "n": 2}], None, r"got n in metadata\[0\] and as a column"),
        (pa.table({"id": ["x", "y"], "vector": [[1.0], None]}), None, r"null at vector\[1\]"),
        (pa.table({"id": ["x", "y"], "vector": [[1.0], [None]]}), None, r"null at vector\[1\]"),
        (pl.DataFrame({"id": ["x", "y"], "vector": [[1.0], None]}), None, r"null at vector\[1\]"),
        (pd.DataFrame({"id": ["x", "y"], "vector": [[1.0], None]}), None, r"null at vector\[1\]"),
        (pa.table({"id": ["x"], "vector": [1.0]}), None, "Arrow's double at vector"),
        (pa.table([["x"], ["y"]], ["id", "id"]), None, "different names, got id, id"),
    ],
)
def test_what_is_no_table_of_records_is_told(source: Any, columns: Any, told: str) -> None:
    """The text names the column and the row."""
    with pytest.raises(BadValue, match=told):
        read(source, columns=columns)


@pytest.mark.parametrize(
    "source", ["rows", b"rows", {"id": ["x"]}, 1, None, ["rows"], [1], pl.LazyFrame({"id": ["x"]})]
)
def test_what_is_no_table_at_all_is_told(source: object) -> None:
    """The text says what came and what is taken."""
    with pytest.raises(BadType, match="Expected a table, a frame, the path of a Parquet file, or an iterable"):
        read(source)


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadValue, match=r"x\.parquet cannot be read as a Parquet file"):
        read(tmp_path / "x.parquet")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.parquet")


def test_columns_of_other_libraries_are_taken_alone() -> None:
    """`spread` leaves a write alone unless a table stands in the place of its ids."""
    given = {"ids": ["a"], "documents": ["x"], "embeddings": None}
    assert table.spread(given) is given
    assert table.spread({**given, "ids": iter(["a", "b"])})["ids"] == ["a", "b"]
    assert table.spread({**given, "ids": iter([])})["ids"] == []
    with pytest.raises(BadValue, match="all columns, got documents beside it"):
        table.spread({**given, "ids": pa.table({"id": ["a"]})})


def test_no_library_is_imported_for_a_caller_without_it() -> None:
    """Frames are told by their methods; what needs pyarrow names the extra that brings it."""
    program = f"""
import sys
sys.path.insert(0, {str(SOURCE)!r})
sys.modules["pyarrow"] = None
import polars
from pathlib import Path
from ochredb.chroma import table
from ochredb.core.errors import NotSupported
frame = polars.DataFrame({{"id": ["a"], "vector": [[1.0, 2.0]], "n": [1]}})
assert table.joined([table.arguments(part) for part in table.parts(frame)])["metadatas"] == [{{"n": 1}}]
assert "pandas" not in sys.modules
try:
    list(table.parts(Path("rows.parquet")))
except NotSupported as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "rows.parquet: a Parquet file needs pyarrow: pip install 'ochredb[parquet]'\n"

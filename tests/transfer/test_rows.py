"""Rows of CSV and JSON Lines: which columns become what, and how bad lines are named."""

import csv
import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from ochredb.core.errors import BadValue, InvalidArgumentError
from ochredb.testing.compare import typed
from ochredb.transfer import rows
from ochredb.transfer.feed import refuse
from ochredb.transfer.piece import Piece
from ochredb.transfer.rows import Naming
from ochredb.transfer.source import Loss


def written(folder: Path | str, name: str, data: str | bytes) -> Path:
    """Write a file."""
    path = Path(folder) / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def pieces(path: Path, naming: Naming, limit: int | None = None) -> tuple[list[Piece], list[Loss]]:
    """Give the pieces of a file and the rows that are none."""
    losses: list[Loss] = []
    content = rows.read(path.name, path, naming, limit, losses.append)
    found = list(content.pieces())
    assert len(found) == content.count
    assert all(piece.metadata["hash"] == content.hash and piece.metadata["path"] == path.name for piece in found)
    return found, losses


def kept(piece: Piece) -> dict[str, Any]:
    """Give the metadata that comes from columns."""
    return {key: value for key, value in piece.metadata.items() if key not in ("path", "hash")}


def csv_of(table: Iterable[Iterable[str]]) -> str:
    """Write CSV as Python does."""
    file = io.StringIO()
    csv.writer(file).writerows(table)
    return file.getvalue()


# Python's CSV takes a lone carriage return for the end of a line in some places and not in others.
FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.tuples(FIELD, FIELD.filter(str.strip), FIELD), min_size=1, max_size=6))
def test_csv_comes_back_as_it_was_written(table: list[tuple[str, str, str]]) -> None:
    """With quotes, commas and line ends in its fields; an empty field is a key that is not there."""
    ids = [f"{number}{id_}" for number, (id_, _, _) in enumerate(table)]
    data = csv_of([("id", "text", "kind"), *((id_, *row[1:]) for id_, row in zip(ids, table, strict=True))])
    with TemporaryDirectory() as folder:
        found, losses = pieces(written(folder, "a.csv", data), Naming("text", "id"))
    assert losses == []
    assert [(piece.id, piece.text) for piece in found] == [(id_, row[1]) for id_, row in zip(ids, table, strict=True)]
    assert [kept(piece) for piece in found] == [{"kind": row[2]} if row[2] else {} for row in table]


VALUE = st.one_of(
    st.text(max_size=4),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=3), min_size=1, max_size=2),
    st.none(),
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUE), min_size=1, max_size=5))
def test_json_lines_keep_their_types(metadatas: list[dict[str, Any]]) -> None:
    """1, 1.0 and true are three, and null is a key that is not there."""
    lines = [json.dumps({"id": number, "text": "x", **one}) for number, one in enumerate(metadatas)]
    with TemporaryDirectory() as folder:
        found, losses = pieces(written(folder, "a.jsonl", "\n".join(lines)), Naming("text", "id"))
    assert losses == []
    assert [piece.id for piece in found] == [str(number) for number in range(len(metadatas))]
    wanted = [{key: value for key, value in one.items() if value is not None} for one in metadatas]
    assert typed([kept(piece) for piece in found]) == typed(wanted)


def test_columns_are_chosen_and_typed(tmp_path: Path) -> None:
    """A column of CSV is text unless a type is said; without an id, rows are numbered."""
    data = "title,body,year,price,sold,zip\nA,a text,2020,1.5,yes,01234\nB,b text,,2,FALSE,\n"
    path = written(tmp_path, "a.csv", data)
    naming = Naming("body", None, ("year:int", "price:float", "sold:bool", "zip"))
    found, losses = pieces(path, naming)
    assert losses == []
    assert [piece.id for piece in found] == ["a.csv#1", "a.csv#2"]
    assert typed([kept(piece) for piece in found]) == typed(
        [{"year": 2020, "price": 1.5, "sold": True, "zip": "01234"}, {"price": 2.0, "sold": False}]
    )
    assert [kept(piece) for piece in pieces(path, Naming("body", "title", ()))[0]] == [{}, {}]


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """Then ids end in the number of the chunk, of short texts, too."""
    path = written(tmp_path, "a.tsv", "id\ttext\nx\tOne. Two.\ny\tThree\n")
    found, _ = pieces(path, Naming("text", "id"), 5)
    assert [(piece.id, piece.text, kept(piece)) for piece in found] == [
        ("x#0", "One.", {"chunk": 0}),
        ("x#1", "Two.", {"chunk": 1}),
        ("y#0", "Three", {"chunk": 0}),
    ]


@pytest.mark.parametrize(
    ("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.zst", zstandard.compress), ("A.CSV", bytes)]
)
def test_packed_files_are_unpacked(name: str, pack: Any, tmp_path: Path) -> None:
    """And one that is cut off is told."""
    data = pack(("\ufeffid,text\n" + "".join(f"{n},text {n}\n" for n in range(999))).encode())
    naming = Naming("text", "id")
    assert len(pieces(written(tmp_path, name, data), naming)[0]) == 999
    if name != "A.CSV":
        with pytest.raises(BadValue, match=f"{name} is cut off or damaged"):
            pieces(written(tmp_path, name, data[:-20]), naming)


BAD_CSV = b"""id,text,n:int
a,good,1
b,too,many,fields

c,"two
lines",2
d,,3
,no id,4
a,again,5
e,caf\xe9,6
f,bad "quote"d,7
g,"bad "quote,8
h,good,9
"""
BAD_JSONL = b"""{"id": "a", "text": "good", "n": 1}
{"id": "b", "text": "cut
["c"]
{"id": "d", "text": 1}
{"id": true, "text": "x"}
{"text": "x"}
{"id": "e", "text": "x", "n": {"deep": 1}}
{"id": "f", "text": "x", "n": [1, "a"]}
{"id": "g", "text": "x", "n": 99999999999999999999}
{"id": "h", "text": "caf\xe9"}

{"id": "i", "text": "good", "n": null}
"""


def test_bad_lines_of_csv_are_named(tmp_path: Path) -> None:
    """By the line that they begin in, with what is wrong; the others are read."""
    found, losses = pieces(written(tmp_path, "a.csv", BAD_CSV), Naming("text", "id"))
    assert [piece.id for piece in found] == ["a", "c", "f", "h"]
    assert [(loss.place, loss.what) for loss in losses] == [
        ("a.csv, line 3", "it has 4 fields, and the first line 3"),
        ("a.csv, line 7", "'text' is empty; a text is wanted"),
        ("a.csv, line 8", "'id' is empty; an id is wanted"),
        ("a.csv, line 9", "the id 'a' is that of line 2, too"),
        ("a.csv, line 10", "it is no text in UTF-8"),
        ("a.csv, line 12", "it is no line of CSV: ',' expected after '\"'"),
    ]


def test_bad_lines_of_json_are_named(tmp_path: Path) -> None:
    """Likewise."""
    found, losses = pieces(written(tmp_path, "a.jsonl", BAD_JSONL), Naming("text", "id"))
    assert [piece.id for piece in found] == ["a", "i"]
    assert [loss.place for loss in losses] == [f"a.jsonl, line {number}" for number in range(2, 11)]
    assert "there is no 'id', only 'text'" in losses[4].what
    assert losses[5].what == "'n' is {'deep': 1}; a text, a number, true or false, or a list of these is wanted"


def test_a_bad_line_is_refused_unless_it_is_to_be_skipped(tmp_path: Path) -> None:
    """The error says how."""
    path = written(tmp_path, "a.csv", BAD_CSV)
    with pytest.raises(InvalidArgumentError, match=r"a\.csv, line 3: it has 4 fields.*--skip-bad"):
        rows.read("a.csv", path, Naming("text", "id"), None, refuse)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.xlsx", "", r"a\.xlsx: expected a file of rows"),
        ("a.csv", "id,id\n", "line 1: expected names of columns, each once, got 'id', 'id'"),
        ("a.csv", 'id,"te', r"line 1: it is no line of CSV"),
    ],
)
def test_what_is_no_file_of_rows_is_refused(name: str, data: str, told: str, tmp_path: Path) -> None:
    """The file is named, and the line."""
    with pytest.raises(BadValue, match=told):
        pieces(written(tmp_path, name, data), Naming("text", "id"))


@pytest.mark.parametrize("column", ["path", "hash", "chunk"])
def test_a_column_cannot_take_the_place_of_what_tells_of_the_file(column: str, tmp_path: Path) -> None:
    """It is left out by naming the others."""
    path = written(tmp_path, "a.csv", f"id,text,{column}\na,b,c\n")
    _, losses = pieces(path, Naming("text", "id"))
    assert f"{column!r} cannot be metadata" in losses[0].what
    assert pieces(path, Naming("text", "id", ()))[1] == []


def test_other_columns_are_another_hash(tmp_path: Path) -> None:
    """As is another limit: then the rows are to be read anew."""
    path = written(tmp_path, "a.csv", "id,text\na,b\n")
    namings = (Naming("text", "id"), Naming("text"), Naming("text", "id", ()))
    assert len({rows.read("a", path, naming, limit, refuse).hash for naming in namings for limit in (None, 5)}) == 6


PARTS = (
    b"id",
    b"text",
    b",",
    b"\n",
    b"\r",
    b'"',
    b"\t",
    b"{",
    b"}",
    b'"id": "a"',
    b'"text": "b"',
    b"\xff",
    b"\0",
    b"\x1f\x8b",
    b"1e999",
)
RUBBISH = st.binary(max_size=60) | st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.zst"])
@given(data=RUBBISH)
@example(data=b'id,text\na,"' + b"x" * 200_000)
def test_rubbish_is_told_by_line_or_refused(name: str, data: bytes) -> None:
    """Whatever is in a file: rows, bad rows with their lines, or an error of ours that names the file."""
    refused = ""
    found: list[Piece] = []
    losses: list[Loss] = []
    with TemporaryDirectory() as folder:
        try:
            found, losses = pieces(written(folder, name, data), Naming("text", "id"))
        except BadValue as error:
            refused = str(error)
    assert name in refused or not refused
    assert all(piece.id and piece.text.strip() for piece in found)
    assert all(loss.place.startswith(f"{name}, line ") for loss in losses)
    assert len({piece.id for piece in found}) == len(found)

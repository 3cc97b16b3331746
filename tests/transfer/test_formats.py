"""Each format gives back what was written into it, and refuses what is not whole."""

import io
import json
import random
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, CorruptError, InvalidArgumentError, NotSupported, OchreError
from ochredb.core.model import ALL_FIELDS, NewCollection, Records, Scope, SparseVector, Write
from ochredb.testing import strategies
from ochredb.testing.compare import typed
from ochredb.testing.reference import ReferenceEngine
from ochredb.transfer import export, formats, table
from ochredb.transfer.digest import Digest
from ochredb.transfer.export import Order
from ochredb.transfer.exported import ExportedFile
from ochredb.transfer.feed import refuse
from ochredb.transfer.lines import digits
from ochredb.transfer.reading import joined
from ochredb.transfer.source import Description, Source
from ochredb.transfer.stored import Stored

LAYOUTS = list(formats.FORMATS)
EVERY_TYPE: list[dict[str, Any] | None] = [
    {"int": 1, "float": 1.0, "bool": True, "text": "1", "mixed": 1, "id": "x", "large": 2**63 - 1},
    {"ints": [1, 2], "floats": [1.0], "bools": [True], "texts": ["é", ""], "mixed": 1.0, "Int": 2, "small": -(2**63)},
    {"sparse": SparseVector([1, 7], [0.5, -1.0], ["a", "b"]), "mixed": True, "metadata": "m", "embedding": [1.5]},
    None,
]


def holding(*records: Records, name: str = "books", **more: Any) -> Engine:
    """Give an engine with one collection of these records."""
    engine = ReferenceEngine()
    collection = engine.create_collection(Scope(), NewCollection(name, **more)).id
    for batch in records:
        engine.write(collection, Write("add", batch))
    return engine


def some(count: int, dimension: int = 4, seed: int = 0) -> Records:
    """Give records of every column."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return Records(
        [f"id {n}" for n in range(count)],
        rows,
        [None if n % 7 == 0 else f"document {n}" for n in range(count)],
        [EVERY_TYPE[n % 4] for n in range(count)],
        [f"file:{n}" if n % 5 == 0 else None for n in range(count)],
    )


def written(engine: Engine, path: Path, **order: Any) -> Path:
    """Write the one collection of an engine into a file."""
    export.to_file(Stored(engine, "here"), path, Order(formats.of_file(path) or "", **order))
    return path


def everything(file: ExportedFile) -> Records:
    """Read all records of a file."""
    return everything_of(file, file.collections()[0])


def everything_of(source: Source, collection: Description) -> Records:
    """Read all records of a collection."""
    return joined(list(source.records(collection)))


def the_same(found: Records, wanted: Records) -> None:
    """Assert equal records in equal order, to the bit and to the type."""
    assert found.ids == wanted.ids
    assert found.documents == wanted.documents
    assert typed(found.metadatas) == typed(wanted.metadatas)
    assert found.uris == wanted.uris
    assert found.embeddings is not None
    assert wanted.embeddings is not None
    assert found.embeddings.dtype == np.float32
    np.testing.assert_array_equal(found.embeddings.view(np.uint32), wanted.embeddings.view(np.uint32))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20, deadline=None)
@given(records=strategies.records())
@example(records=some(8))
def test_what_is_written_comes_back(layout: str, records: Records) -> None:
    """Ids, texts, metadata with the types that they had, embeddings to the bit, and the collection's description."""
    engine = holding(records, space="ip", metadata={"n": 1, "f": 1.0, "b": True}, configuration={"hnsw": {"x": [1]}})
    with TemporaryDirectory() as folder:
        file = ExportedFile(written(engine, Path(folder) / f"books{formats.FORMATS[layout].suffix}"))
        (found,) = file.collections()
        (known,) = engine.list_collections(Scope())
        assert (found.scope, found.rows, found.dimension) == (known.scope, len(records), known.dimension)
        assert typed(found.new.metadata) == typed(known.metadata)
        assert found.new == NewCollection("books", "ip", 100, known.metadata, known.configuration)
        the_same(everything(file), records)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_batches_and_none_at_all(layout: str, tmp_path: Path) -> None:
    """A collection comes in batches of bounded size; one without a record comes as that."""
    suffix = formats.FORMATS[layout].suffix
    records = some(2_345)
    file = ExportedFile(written(holding(records), tmp_path / f"many{suffix}"))
    batches = list(file.records(file.collections()[0]))
    assert max(map(len, batches)) <= 1_000
    the_same(joined(batches), records)
    empty = ExportedFile(written(holding(), tmp_path / f"none{suffix}"))
    assert list(empty.records(empty.collections()[0])) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_part_of_the_columns(layout: str, tmp_path: Path) -> None:
    """Columns that are not asked for are None, when they are written and when they are read."""
    path = tmp_path / f"a{formats.FORMATS[layout].suffix}"
    file = ExportedFile(written(holding(some(5)), path, fields=ALL_FIELDS - {"embeddings"}))
    (found,) = list(file.records(file.collections()[0], frozenset(("embeddings", "uris"))))
    assert found.embeddings is None
    assert found.documents is None
    assert found.metadatas is None
    assert found.uris == some(5).uris


@settings(max_examples=300)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
@example([1e-45, -0.0, 3.4028234663852886e38, 0.1, 1 / 3, 16777217.0, 1e-38])
def test_digits_of_json_read_back_to_the_bit(numbers: list[float]) -> None:
    """A float32 survives as the JSON number that is written for it."""
    given_ = np.array([numbers], np.float32)
    read = np.array(json.loads(json.dumps(digits(given_).tolist())), np.float64).astype(np.float32)
    np.testing.assert_array_equal(read.view(np.uint32), given_.view(np.uint32))


def test_digits_of_json_are_nine() -> None:
    """Embeddings as models make them take nine digits, not the seventeen of a float64."""
    rows = np.random.default_rng(0).standard_normal((50, 50)).astype(np.float32) / 10
    for number in digits(rows).ravel().tolist():
        significant = repr(number).partition("e")[0].lstrip("-0.").replace(".", "")
        assert len(significant) <= 9, number


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_format_is_seen_in_the_file(layout: str, tmp_path: Path) -> None:
    """What a file is called does not matter to who reads it."""
    path = written(holding(some(5)), tmp_path / f"a{formats.FORMATS[layout].suffix}")
    the_same(everything(ExportedFile(path.rename(tmp_path / "a.txt"))), some(5))


@pytest.mark.parametrize("included", [["documents", "embeddings", "metadatas", "uris"], ["metadatas", "documents"]])
def test_what_json_dump_wrote_of_a_get_is_read(included: list[str], tmp_path: Path) -> None:
    """A backup that a program of Chroma's made: all of its keys, embeddings as lists or left out, sparse vectors."""
    backup = {
        "ids": ["a", "b"],
        "embeddings": [[0.1, 0.2], [1, 2]] if "embeddings" in included else None,
        "documents": ["x", None],
        "uris": None,
        "included": included,
        "data": None,
        "metadatas": [{"n": 1, "s": {"#type": "sparse_vector", "indices": [1], "values": [2.0]}}, None],
    }
    path = tmp_path / "backup.json"
    path.write_text(json.dumps(backup, indent=2))
    file = ExportedFile(path)
    assert file.collections()[0].new.name == ""
    found = everything(file)
    assert (found.ids, found.documents, found.uris) == (["a", "b"], ["x", None], [None, None])
    assert typed(found.metadatas) == typed([{"n": 1, "s": SparseVector([1], [2.0])}, None])
    if found.embeddings is not None:
        np.testing.assert_array_equal(found.embeddings, np.array([[0.1, 0.2], [1, 2]], np.float32))
    assert (found.embeddings is None) == ("embeddings" not in included)


@pytest.mark.parametrize(
    "backup",
    [
        {"ids": [["a"]], "documents": [["x"]]},
        {"ids": ["a"], "documents": ["x", "y"]},
        {"documents": ["x"]},
        {"ids": ["a"], "metadatas": [{"n": {"m": 1}}]},
        {"ids": [1]},
    ],
)
def test_json_that_is_no_get_is_refused(backup: Any, tmp_path: Path) -> None:
    """An answer to a query, columns of other lengths, no ids: the text names the file and the place in it."""
    path = tmp_path / "backup.json"
    path.write_text(json.dumps(backup))
    with pytest.raises(BadValue, match=r"backup\.json: "):
        everything(ExportedFile(path))


def test_parquet_is_a_table_of_plain_columns(tmp_path: Path) -> None:
    """Polars reads embeddings as arrays of float32, keys of one type as columns of it, the rest as JSON."""
    frame = polars.read_parquet(written(holding(some(4)), tmp_path / "a.parquet"))
    assert frame.schema["embedding"] == polars.Array(polars.Float32, 4)
    np.testing.assert_array_equal(frame["embedding"].to_numpy(), some(4).embeddings)
    kinds = {"int": polars.Int64, "float": polars.Float64, "bool": polars.Boolean, "text": polars.String}
    assert {name: frame.schema[name] for name in kinds} == kinds
    assert frame.schema["texts"] == polars.List(polars.String)
    assert frame["floats"].to_list() == [None, [1.0], None, None]
    assert json.loads(frame["metadata"][0]) == {"mixed": 1, "id": "x"}
    assert frame["metadata"][3] is None
    assert "Int" not in frame.columns  # an SQL engine would take it for the other


def test_parquet_of_others(tmp_path: Path) -> None:
    """A table that another program wrote is read if its columns can be records; other columns are refused by name."""
    path = tmp_path / "a.parquet"
    rows = {"id": ["a", "b"], "embedding": [[1.0, 2.0], [3.0, 4.0]], "year": [1, None], "tag": ["x", "y"]}
    polars.DataFrame(rows, schema_overrides={"year": polars.Int16}).write_parquet(path)
    found = everything(ExportedFile(path))
    assert found.metadatas == [{"year": 1, "tag": "x"}, {"tag": "y"}]
    np.testing.assert_array_equal(found.embeddings, np.array([[1, 2], [3, 4]], np.float32))
    frame = polars.DataFrame({"id": ["a"], "when": ["2020-01-01"]})
    frame.with_columns(polars.col("when").str.to_date()).write_parquet(path)
    with pytest.raises(BadValue, match=r"column 'when' is date32\[day\], and .*text is wanted"):
        ExportedFile(path)
    polars.DataFrame({"name": ["a"]}).write_parquet(path)
    with pytest.raises(BadValue, match="there is no column 'id' among name"):
        ExportedFile(path)


def test_embeddings_of_parquet_that_are_none(tmp_path: Path) -> None:
    """A row without an embedding among rows that have one is named, or skipped; so is one that is not finite."""
    path = tmp_path / "a.parquet"
    embeddings = [[1.0, 2.0], None, [1e39, 0.0], [float("nan"), 0.0], [3.0, 4.0]]
    polars.DataFrame({"id": list("abcde"), "embedding": embeddings}).write_parquet(path)
    with pytest.raises(InvalidArgumentError, match=r"a\.parquet, row 1: the embedding is missing"):
        everything(ExportedFile(path))
    file = ExportedFile(path, skip_bad=True)
    assert everything(file).ids == ["a", "e"]
    assert [loss.place[-5:] for loss in file.losses(file.collections()[0])] == ["row 1", "row 2", "row 3"]


def test_npz_is_read_by_numpy_without_pickle(tmp_path: Path) -> None:
    """The matrix is an array of the file, and no array is an object."""
    with np.load(written(holding(some(20)), tmp_path / "a.npz"), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["embeddings"], some(20).embeddings)
        ends = np.cumsum(arrays["ids_bytes"]).tolist()
        assert arrays["ids"][ends[1] : ends[2]].tobytes().decode() == "id 2"
        assert arrays["documents_bytes"][0] == -1


def test_npz_with_a_pickle_in_it_is_refused(tmp_path: Path) -> None:
    """An array of objects is never looked at, whatever it is called."""
    path = tmp_path / "a.npz"
    np.savez(path, ids=np.array([{}], object), ids_bytes=np.array([1]))
    with pytest.raises(BadValue, match="array 'ids' is"):
        everything(ExportedFile(path))


BAD_LINES = {
    "not json": "{'id'",
    "no id": '{"document": "x"}',
    "empty id": '{"id": ""}',
    "unknown key": '{"id": "x", "embeding": [1.0, 2.0]}',
    "another dimension": '{"id": "x", "embedding": [1.0, 2.0, 3.0]}',
    "no embedding": '{"id": "x"}',
    "no number": '{"id": "x", "embedding": []}',
    "too large a number": '{"id": "x", "embedding": [1e39, 0]}',
    "not finite": '{"id": "x", "embedding": [NaN, 0]}',
    "mixed list": '{"id": "x", "embedding": [1, 2], "metadata": {"l": [1, "a"]}}',
    "empty list": '{"id": "x", "embedding": [1, 2], "metadata": {"l": []}}',
    "nested": '{"id": "x", "embedding": [1, 2], "metadata": {"o": {"a": 1}}}',
    "beyond 64 bits": '{"id": "x", "embedding": [1, 2], "metadata": {"n": 9223372036854775808}}',
    "half a surrogate": '{"id": "\\ud800", "embedding": [1, 2]}',
    "no UTF-8": '{"id": "\xff", "embedding": [1, 2]}',
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_by_its_number(bad: str, tmp_path: Path) -> None:
    """The error has file and line; skipping goes on, and counts the line."""
    path = tmp_path / "a.jsonl"
    good = '{"id": "a", "embedding": [1, 2]}\n\n', '\n{"id": "b", "embedding": [3, 4]}'
    path.write_bytes((good[0] + bad + good[1]).encode("latin-1"))
    with pytest.raises(InvalidArgumentError, match=r"a\.jsonl, line 3: .*--skip-bad"):
        everything(ExportedFile(path))
    file = ExportedFile(path, skip_bad=True)
    assert everything(file).ids == ["a", "b"]
    (loss,) = file.losses(file.collections()[0])
    assert (loss.place, loss.rows) == (f"{path}, line 3", 1)


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    """The first are named, the others are a number."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a"}\n' + "rubbish\n" * 100)
    file = ExportedFile(path, skip_bad=True)
    assert everything(file).ids == ["a"]
    losses = file.losses(file.collections()[0])
    assert (len(losses), sum(loss.rows for loss in losses)) == (21, 100)


def test_a_line_without_an_end_is_no_reason_to_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to one endless line is refused."""
    monkeypatch.setattr("ochredb.transfer.lines.LONGEST", 1 << 16)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "' + b"a" * (1 << 17))
    with pytest.raises(BadValue, match=r"line 1: it is longer than 65,536 bytes"):
        everything(ExportedFile(path))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_is_cut_off_is_refused(layout: str, tmp_path: Path) -> None:
    """Wherever it ends: never a part of the records as if it were all, and never another error than ours."""
    path = written(holding(some(6)), tmp_path / f"a{formats.FORMATS[layout].suffix}")
    data = path.read_bytes()
    step = max(len(data) // 100, 1)
    for end in {*range(0, len(data) - 1, step), *range(len(data) - 30, len(data) - 1)}:
        path.write_bytes(data[:end])
        with pytest.raises(OchreError):
            everything(ExportedFile(path))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_with_a_damaged_byte_is_refused(layout: str, tmp_path: Path) -> None:
    """A flipped bit is noticed, or is in a place that no record is read from."""
    path = written(holding(some(6)), tmp_path / f"a{formats.FORMATS[layout].suffix}")
    data = path.read_bytes()
    draw = random.Random(layout)
    for _ in range(100):
        at = draw.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])
        try:
            found = everything(ExportedFile(path))
        except OchreError:
            continue
        the_same(found, some(6))


HEADS = [b"", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]
HEADS += [b'{"id": ', b'{"ids": [', b'{"collection": ']


@settings(max_examples=300)
@given(st.sampled_from(HEADS), st.binary(max_size=60) | st.text('{}[]",:idse\n01', max_size=60).map(str.encode))
def test_rubbish_is_records_or_is_refused(head: bytes, rest: bytes) -> None:
    """Whatever a file holds: records, or an error of ours."""
    with ExitStack() as open_files:
        try:
            file: Any = io.BufferedReader(io.BytesIO(head + rest))  # type: ignore[arg-type] # a raw stream all the same
            found = list(formats.read(file, "rubbish", open_files).records(ALL_FIELDS, refuse))
        except OchreError:
            return
        assert all(id_ for batch in found for id_ in batch.ids)


def test_the_checksum_is_of_the_records_alone() -> None:
    """Order and batches do not matter; a type, a bit, a text that is empty instead of absent, a repetition do."""

    def digest(*batches: Records) -> str:
        found = Digest()
        for batch in batches:
            found.add(batch)
        return found.stamp().digest

    whole = some(8)
    assert digest(whole) == digest(whole.take([7, 3, 5]), whole.take([0, 1, 2, 4, 6]))
    one = Records(["a"], np.zeros((1, 2), np.float32), [None], [{"n": 1}], [None])
    others = [
        Records(["b"], one.embeddings, [None], [{"n": 1}], [None]),
        Records(["a"], -np.zeros((1, 2), np.float32), [None], [{"n": 1}], [None]),
        Records(["a"], one.embeddings, [""], [{"n": 1}], [None]),
        Records(["a"], one.embeddings, [None], [{"n": 1.0}], [None]),
        Records(["a"], one.embeddings, [None], [{"n": True}], [None]),
        Records(["a"], one.embeddings, [None], [{"n": 1}], [""]),
    ]
    assert len({digest(one), digest(one, one), digest(), *map(digest, others)}) == 9


def test_a_format_that_is_not_installed_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow or zstandard the refusal says what to install, and nothing is left behind."""
    for module in ("pyarrow", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotSupported, match=r"pip install 'ochredb\[parquet\]'"):
        written(holding(some(1)), tmp_path / "a.parquet")
    with pytest.raises(NotSupported, match=r"pip install 'ochredb\[zstd\]'"):
        written(holding(some(1)), tmp_path / "a.jsonl.zst")
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups are of bounded size, so that a large table passes through a small memory."""
    monkeypatch.setattr(table, "GROUP", 1_000)
    found = pyarrow.parquet.ParquetFile(written(holding(some(2_500)), tmp_path / "a.parquet")).metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [1_000, 1_000, 500]


def test_batches_of_long_lines_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is bytes that bound the memory where rows are large, also those of a group of a table."""
    monkeypatch.setattr("ochredb.transfer.lines.BATCH_BYTES", 3_000)
    monkeypatch.setattr(table, "GROUP_BYTES", 3_000)
    long = Records(["a", "b", "c"], np.zeros((3, 2), np.float32), ["x" * 2_000] * 3, [None] * 3, [None] * 3)
    file = ExportedFile(written(holding(long), tmp_path / "a.jsonl"))
    assert [len(batch) for batch in file.records(file.collections()[0])] == [2, 1]
    monkeypatch.setattr("ochredb.transfer.stored.BATCH", 1)
    found = pyarrow.parquet.ParquetFile(written(holding(long), tmp_path / "a.parquet")).metadata
    assert found.num_row_groups == 2


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """The refusal comes before anything is written."""
    path = written(holding(some(1)), tmp_path / "a.jsonl")
    before = path.read_bytes()
    with pytest.raises(BadValue, match="is there already"):
        written(holding(some(2)), path)
    assert path.read_bytes() == before


def test_records_that_are_others_than_those_that_were_written_are_noticed(tmp_path: Path) -> None:
    """A file that can be read, and whose records have another checksum, is damaged."""
    path = written(holding(some(1)), tmp_path / "a.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"id 0"', b'"id 1"'))
    with pytest.raises(CorruptError, match=r"a\.jsonl is damaged: it holds"):
        everything(ExportedFile(path))

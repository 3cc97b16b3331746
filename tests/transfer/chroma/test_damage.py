"""Broken folders: what can be read is read, the report names the rest, and no record is a wrong one.

A change of a value that nothing else knows, such as a letter of a document, cannot be seen: Chroma keeps no checksums.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ochredb.core.errors import CorruptError
from ochredb.core.model import Records
from ochredb.transfer.chroma.folder import ChromaFolder
from tests.transfer.chroma.folders import RELEASES, Found, Key, Said, contradicting, read, unpacked, wrong

SQLITE = "chroma.sqlite3"
INDEX = ("header.bin", "data_level0.bin", "length.bin", "index_metadata.pickle", "link_lists.bin")

Harm = Callable[[bytes, float, int], bytes | None]


def cut(content: bytes, place: float, bit: int) -> bytes:
    """Let a file break off."""
    del bit
    return content[: int(place * len(content))]


def flip(content: bytes, place: float, bit: int) -> bytes:
    """Turn a bit over."""
    at = int(place * len(content))
    return content[:at] + bytes(byte ^ (1 << bit) for byte in content[at : at + 1]) + content[at + 1 :]


def remove(content: bytes, place: float, bit: int) -> None:
    """Take a file away."""
    del content, place, bit


class Goldens:
    """A folder of each release, and what it said of it; made once, and damaged for a while at a time."""

    def __init__(self, place: Path) -> None:
        self._all = {release: unpacked(release, place / release) for release in RELEASES}

    def __getitem__(self, release: str) -> tuple[Path, dict[Key, Said]]:
        return self._all[release]


@pytest.fixture(scope="module")
def goldens(tmp_path_factory: pytest.TempPathFactory) -> Goldens:
    """Unpack all golden folders."""
    return Goldens(tmp_path_factory.mktemp("goldens"))


@contextmanager
def holding(file: Path, content: bytes | None) -> Iterator[None]:
    """Let a file have another content for a while, or be away."""
    before = file.read_bytes()
    try:
        file.unlink() if content is None else file.write_bytes(content)
        yield
    finally:
        file.write_bytes(before)


PLACES = st.floats(0, 1, exclude_max=True)
BITS = st.integers(0, 7)


@given(
    release=st.sampled_from(RELEASES),
    name=st.sampled_from(INDEX),
    which=st.integers(0, 20),
    harm=st.sampled_from((cut, flip, remove)),
    place=PLACES,
    bit=BITS,
)
def test_files_of_an_index(
    goldens: Goldens,
    release: str, name: str, which: int, harm: Harm, place: float, bit: int,
) -> None:  # fmt: skip
    """Each record is as it was, or is told to be lost; only a bit of an embedding may be another one."""
    folder, said = goldens[release]
    files = sorted(folder.glob(f"*/{name}"))
    file = files[which % len(files)]
    with holding(file, harm(file.read_bytes(), place, bit)):
        found = read(folder)
    assert found.keys() == said.keys()
    for key, one in found.items():
        truth = said[key].records
        records = one.records
        if name == "length.bin":
            ordered = truth.take([truth.ids.index(one) for one in records.ids])
            assert_parallel(records, ordered)
            records = replace(records, embeddings=ordered.embeddings)
        least = 1 if harm is flip and name == "data_level0.bin" else 0
        assert len(wrong(records, truth, one.described.new.space)) <= least
        assert one.lost == len(truth) - len(records)


def assert_parallel(found: Records, truth: Records) -> None:
    """Assert that embeddings have the same directions: without its length, one of a cosine space is of another."""
    if len(truth):
        first, second = (np.array(one.embeddings, np.float64) for one in (found, truth))
        first, second = (rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-300) for rows in (first, second))
        np.testing.assert_allclose(first, second, atol=1e-5)


@given(
    release=st.sampled_from(RELEASES),
    harm=st.sampled_from((cut, flip)),
    place=PLACES,
    bit=BITS,
)
def test_the_sqlite_file(goldens: Goldens, release: str, harm: Harm, place: float, bit: int) -> None:
    """A file that breaks off gives nothing wrong; a bit may be in a value of one record, or say whose value it is."""
    folder, said = goldens[release]
    file = folder / SQLITE
    with holding(file, harm(file.read_bytes(), place, bit)):
        try:
            found = read(folder)
        except CorruptError:
            return
        with ChromaFolder(folder) as source:
            remarks = source.remarks()
    false = [id_ for key, one in found.items() if key in said for id_ in contradicting(one.records, said[key].records)]
    assert len(false) <= (0 if harm is cut else 2)
    missing = sum(len(one.records) for one in said.values()) - sum(len(one.records) for one in found.values())
    assert missing <= 0 or lost(found) or any(one.place.startswith(f"{file}, table") for one in remarks)


def lost(found: dict[Key, Found]) -> int:
    """Give the number of records that are told to be lost."""
    return sum(one.lost for one in found.values())


def test_half_of_the_file(goldens: Goldens) -> None:
    """Records before the break are read, and the report says from where on rows are damaged."""
    folder, said = goldens["1.5.9"]
    file = folder / SQLITE
    with holding(file, cut(file.read_bytes(), 0.85, 0)), ChromaFolder(folder) as source:
        rows = sum(len(page) for one in source.collections() for page in source.records(one))
        told = [f"{one.place}: {one.what}" for one in source.remarks()]
    assert 0 < rows < sum(len(one.records) for one in said.values())
    assert any("rows from" in one and "are damaged" in one for one in told)


def test_a_damaged_header_is_the_same_in_all_files(goldens: Goldens) -> None:
    """Without the first 16 bytes it is no SQLite file to others; here all of it is read."""
    folder, said = goldens["0.6.3"]
    file = folder / SQLITE
    with holding(file, bytes(16) + file.read_bytes()[16:]):
        found = read(folder)
    for key, one in found.items():
        assert len(one.records) == len(said[key].records)
        assert wrong(one.records, said[key].records, one.described.new.space) == []


def test_a_damaged_index_of_sqlite_loses_nothing(goldens: Goldens) -> None:
    """SQLite would find half of the metadata by it; the rows are read without it."""
    folder, said = goldens["1.5.9"]
    file = folder / SQLITE
    db = apsw.Connection(str(file), apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_embedding_metadata_1'"
    root = int(db.execute(sql).get)
    db.close()
    content = file.read_bytes()
    with holding(file, content[: (root - 1) * 4096] + bytes(4096) + content[root * 4096 :]):
        found = read(folder)
        with ChromaFolder(folder) as source:
            assert "table embedding_metadata" in source.remarks()[0].place
    for key, one in found.items():
        assert len(one.records) == len(said[key].records)
        assert wrong(one.records, said[key].records, one.described.new.space) == []


@pytest.mark.parametrize("release", ["0.4.24", "1.5.9"])
def test_a_lost_folder_of_an_index(goldens: Goldens, release: str) -> None:
    """What the queue still has is read: in 0.4 that is everything; the rest is told with where it was looked for."""
    folder, said = goldens[release]
    hidden = folder.with_name("hidden")
    hidden.mkdir()
    moved = [(index, hidden / index.name) for index in folder.iterdir() if index.is_dir()]
    for index, place in moved:
        index.rename(place)
    try:
        found = read(folder)
    finally:
        for index, place in moved:
            place.rename(index)
        hidden.rmdir()
    for key, one in found.items():
        truth = said[key].records
        assert wrong(one.records, truth, one.described.new.space) == []
        assert one.lost == len(truth) - len(one.records)
        if release == "0.4.24" or not key[2].startswith("by_"):
            assert one.lost == 0 or key[2] == "configured"
        else:
            assert one.lost > 50
            places = " ".join(loss.place for loss in one.losses)
            assert "index_metadata.pickle" in places
            assert "embeddings_queue" in places


def test_a_text_that_is_no_utf_8(goldens: Goldens) -> None:
    """The value is left out and told, the record stays."""
    folder, said = goldens["1.5.9"]
    key = ("default_tenant", "default_database", "by_l2")

    file = folder / SQLITE
    with holding(file, file.read_bytes().replace(b"text of by_l2 55", b"text of by_l2 5\xff")):
        one = read(folder)[key]
    truth = said[key].records
    assert one.records.ids == truth.ids
    assert contradicting(one.records, truth) == []
    assert wrong(one.records, truth) == ["by_l2 55"]
    assert any("'by_l2 55'" in loss.what and not loss.rows for loss in one.losses)


def test_a_damaged_dimension(goldens: Goldens, tmp_path: Path) -> None:
    """The files of the index, or the queue, know better."""
    folder, said = goldens["1.5.9"]
    content = (folder / SQLITE).read_bytes()
    changed = tmp_path / SQLITE
    changed.write_bytes(content)
    db = apsw.Connection(str(changed))
    db.execute("UPDATE collections SET dimension = dimension + 1; DELETE FROM migrations")
    db.close()
    with holding(folder / SQLITE, changed.read_bytes()):
        found = read(folder)
        with ChromaFolder(folder) as source:
            assert source.releases == "of an unknown release"
    for key, one in found.items():
        assert len(one.records) == len(said[key].records)
        assert wrong(one.records, said[key].records, one.described.new.space) == []

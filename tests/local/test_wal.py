"""The write-ahead log as bytes: whole frames are told from damaged ones, each by itself."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.local import wal

HEADER, FRAME = 32, 24 + 8192


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a log of twenty transactions, as SQLite writes it."""
    path = tmp_path_factory.mktemp("wal") / "db"
    db = apsw.Connection(str(path))
    db.execute("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL").fetchall()
    db.execute("CREATE TABLE t (x)")
    for _ in range(20):
        db.execute("INSERT INTO t VALUES (randomblob(3000))")
    yield Path(f"{path}-wal")
    db.close()


def test_what_sqlite_wrote_is_whole(written: Path) -> None:
    """Every frame is, and all are read."""
    content = written.read_bytes()
    log = wal.parse(content)
    assert log is not None
    assert log.whole.all()
    assert log.read == log.committed == len(log.whole) == (len(content) - HEADER) // FRAME
    assert log.page_size == 8192
    assert log.data[0].tobytes() == content[HEADER + 24 : HEADER + FRAME]


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_a_flipped_bit_spoils_its_frame_and_at_most_the_next(at: int, bit: int, written: Path) -> None:
    """SQLite reads the frames before it; those after it are whole, and known to be committed."""
    content = written.read_bytes()
    damaged = bytearray(content)
    at = HEADER + at % (len(content) - HEADER)
    damaged[at] ^= 1 << bit
    log, frame = wal.parse(bytes(damaged)), (at - HEADER) // FRAME
    assert log is not None
    broken = np.flatnonzero(~log.whole)
    assert set(broken.tolist()) <= {frame, frame + 1}
    assert len(broken) or frame == len(log.whole)  # the last frame with other salts is none of this log
    assert log.read <= frame


@given(length=st.integers(0, 10**9))
def test_a_log_that_breaks_off_is_read_up_to_its_last_commit(length: int, written: Path) -> None:
    """A frame that is not there in full does not count."""
    content = written.read_bytes()
    length %= len(content)
    log = wal.parse(content[:length])
    if length < HEADER + FRAME:
        assert log is None
        return
    assert log is not None
    assert log.whole.all()
    assert log.read == log.committed <= max(length - HEADER, 0) // FRAME


@given(at=st.integers(0, HEADER - 1), bit=st.integers(0, 7))
def test_a_damaged_header_hides_nothing(at: int, bit: int, written: Path) -> None:
    """SQLite takes such a log for empty; its frames are there all the same, but for the first, which begins with it."""
    damaged = bytearray(written.read_bytes())
    damaged[at] ^= 1 << bit
    log = wal.parse(bytes(damaged))
    assert log is not None
    assert (log.sound, log.read) == (False, 0)
    assert log.committed == len(log.whole)
    assert log.whole[1:].all()


@given(content=st.binary(max_size=200))
def test_other_bytes_are_no_log(content: bytes) -> None:
    """Nothing in them is believed."""
    assert wal.parse(content) is None


def test_frames_of_an_earlier_log_are_not_taken_for_this_one(written: Path) -> None:
    """SQLite begins at the top again without emptying the file; what is left has other salts."""
    older = bytearray(written.read_bytes())
    whole = wal.parse(bytes(older))
    assert whole is not None
    last = int(np.flatnonzero(whole.commits)[9]) + 1
    for frame in range(last, len(whole.whole)):
        older[HEADER + frame * FRAME + 8] ^= 0xFF
    log = wal.parse(bytes(older))
    assert log is not None
    assert (log.read, log.committed, log.whole.all()) == (last, last, True)

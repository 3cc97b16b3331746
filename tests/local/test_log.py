"""Labels as runs, and how far back the log reaches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.local import log
from ochredb.local.log import VECTORS, Touched, decode, encode
from ochredb.local.store import Store


@given(st.sets(st.integers(0, 60) | st.integers(0, 2**40 - 1)))
def test_labels_come_back_from_their_runs(labels: set[int]) -> None:
    """Ascending labels, with gaps or without, are what `decode` makes of what `encode` gave; none are None."""
    given_labels = np.array(sorted(labels), np.int64)
    runs = encode(given_labels)
    assert (runs is None) == (not labels)
    np.testing.assert_array_equal(decode(runs), given_labels)
    assert decode(runs).dtype == np.int64


def test_a_run_takes_sixteen_bytes() -> None:
    """A load of a million new records is a log entry of one run."""
    assert len(encode(np.arange(10**6)) or b"") == 16


def test_the_log_tells_what_came_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the calls of the collection come, oldest first; who is behind the oldest call kept is told None."""
    monkeypatch.setattr(log, "KEPT", 10)
    store = Store(None)
    with store.reading() as db:
        moments = [log.append(db, n % 2, Touched(VECTORS, np.array([n]), np.array([n + 100]))) for n in range(30)]
        assert [moment.seq for moment in moments] == list(range(1, 31))
        now = moments[28]
        told = log.since(db, 0, moments[20], now) or []
        assert [touched.upserted.tolist() for touched in told] == [[22], [24], [26], [28]]
        assert [touched.removed.tolist() for touched in told] == [[122], [124], [126], [128]]
        assert {touched.fields for touched in told} == {VECTORS}
        assert log.since(db, 0, now, now) == []
        assert log.since(db, 0, moments[0], moments[0]) == [], "however much was written elsewhere"
        assert log.since(db, 0, moments[18], now) is None
        assert log.since(db, 0, now._replace(token=1), now) is None, "the same number of another history"
        assert log.since(db, 1, moments[20], now) is None, "a moment of another collection"
    store.close()

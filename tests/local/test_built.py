"""The rows that are indexed: how exactly they are kept."""

from pathlib import Path

import numpy as np
import pytest

from ochredb.core.model import NO_FIELDS, NewCollection, Query, Records, Scope, Space, Write
from ochredb.index.rows import HALF, SINGLE
from ochredb.local import built
from ochredb.local.engine import LocalEngine

SPACES = ("l2", "cosine", "ip")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("space", SPACES)
def test_rows_are_exact_until_they_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space) -> None:
    """A small collection keeps float32 rows, a larger one halves them; both answer with the truth, reopened too."""
    monkeypatch.setattr(built, "EXACT_BYTES", 1000 * 32 * 4)
    vectors = np.random.default_rng(3).standard_normal((1500, 32)).astype(np.float32)
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("rows", space)).id
    answers = []
    for start, stop, dtype in ((0, 900, SINGLE), (900, 1500, HALF)):
        ids = [str(n) for n in range(start, stop)]
        engine.write(collection, Write("add", Records(ids, vectors[start:stop])))
        engine.settle()
        view = engine._collections[collection].vectors
        assert view is not None
        assert view.built is not None
        assert view.built.rows.dtype == dtype
        hits = engine.query(collection, Query(vectors[:20], 5, fields=NO_FIELDS))
        assert np.isfinite(hits.distances).all()
        answers.append(hits)
    engine.close()
    engine = LocalEngine(tmp_path)
    again = engine.query(collection, Query(vectors[:20], 5, fields=NO_FIELDS))
    engine.close()
    assert [found.ids for found in again.records] == [found.ids for found in answers[-1].records]
    assert again.distances == answers[-1].distances
    if space != "ip":
        assert all(found.ids[0] == str(n) for n, found in enumerate(again.records))

"""What `/metrics` says."""

from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ochredb.core.model import NewCollection, Query, Records, Scope, Write
from ochredb.local.engine import LocalEngine
from ochredb.local.vectors import INDEXED_FROM
from tests.serving import DATABASE, Served


def samples(text: bytes) -> dict[tuple[str, str, str], float]:
    """Read what Prometheus would: values by name, operation and status or bucket."""
    families = text_string_to_metric_families(text.decode())
    return {
        (one.name, one.labels.get("operation", ""), one.labels.get("status", one.labels.get("le", ""))): one.value
        for family in families
        for one in family.samples
    }


def measured(served: Served) -> dict[tuple[str, str, str], float]:
    """Ask a server."""
    answer = served.ask("GET", "/metrics")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    return samples(answer.body)


def test_requests_are_counted_and_timed_by_operation(served: Served) -> None:
    """Good ones and refused ones; paths that callers make up are one line together."""
    path = served.collection("counted")
    before = measured(served)
    for _ in range(3):
        served.ask("GET", f"{path}/count")
    served.ask("POST", f"{path}/get", b"{broken")
    served.ask("GET", f"{DATABASE}/collections/nowhere")
    for n in range(5):
        served.ask("GET", f"/made/up/{n}")
    after = measured(served)

    def grown(name: str, operation: str, label: str = "") -> float:
        return after[name, operation, label] - before.get((name, operation, label), 0)

    assert grown("ochre_requests_total", "count", "200") == 3
    assert grown("ochre_requests_total", "get", "400") == 1
    assert grown("ochre_requests_total", "get_collection", "404") == 1
    assert grown("ochre_requests_total", "other", "404") == 5
    assert grown("ochre_request_seconds_count", "count") == 3
    assert 0 < grown("ochre_request_seconds_sum", "count") < 30
    assert grown("ochre_request_seconds_bucket", "count", "+Inf") == 3
    assert after["ochre_requests_under_way", "", ""] == 1, "this very question"
    assert not [name for name in after if "made" in str(name)]


def test_what_the_database_holds_is_told(served: Served) -> None:
    """Rows and collections as they are now, bytes, and the memory of the process."""
    before = measured(served)
    path = served.collection("held")
    added = served.ask("POST", f"{path}/add", {"ids": ["a", "b"], "embeddings": [[1.0, 2.0], [3.0, 4.0]]})
    assert added.status == 201
    after = measured(served)
    assert after["ochre_rows", "", ""] - before["ochre_rows", "", ""] == 2
    assert after["ochre_collections", "", ""] - before["ochre_collections", "", ""] == 1
    assert after["ochre_database_bytes", "", ""] > 10_000
    assert after["ochre_wal_bytes", "", ""] > 0
    assert after["process_resident_memory_bytes", "", ""] > 10_000_000


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    """Make an engine on a new folder."""
    return LocalEngine(tmp_path / "store")


def test_tail_and_lag_are_those_of_the_views_in_use(engine: LocalEngine) -> None:
    """Rows are a tail until they are indexed, and calls lie behind until the next search."""
    collection = engine.create_collection(Scope(), NewCollection("many")).id
    rows = np.random.default_rng(1).normal(size=(INDEXED_FROM + 10, 4)).astype(np.float32)
    ids = [str(n) for n in range(len(rows))]
    engine._indexer.close()  # it would index the tail while it is being looked at
    engine.write(collection, Write("add", Records(ids, rows)))
    found = engine.figures()
    assert (found.collections, found.rows, found.tail_rows, found.calls_behind) == (1, len(rows), 0, 0)
    engine.query(collection, Query(rows[:1]))
    assert engine.figures().tail_rows == len(rows)
    assert engine.figures().view_memory_bytes > len(rows)
    engine.write(collection, Write("update", Records(ids[:5], rows[:5])))
    engine.write(collection, Write("update", Records(ids[5:9], rows[5:9])))
    assert engine.figures().calls_behind == 2
    engine.query(collection, Query(rows[:1]))
    assert engine.figures().calls_behind == 0
    engine.close()


def test_an_index_takes_the_tail_in(engine: LocalEngine) -> None:
    """What is on disk then is told too."""
    collection = engine.create_collection(Scope(), NewCollection("many")).id
    rows = np.random.default_rng(1).normal(size=(INDEXED_FROM, 4)).astype(np.float32)
    engine.write(collection, Write("add", Records([str(n) for n in range(len(rows))], rows)))
    engine.query(collection, Query(rows[:1]))
    engine.settle()
    engine.query(collection, Query(rows[:1]))
    found = engine.figures()
    assert found.tail_rows == 0
    assert found.view_bytes > len(rows)
    engine.write(collection, Write("update", Records(["1", "2"], rows[:2])))
    engine.query(collection, Query(rows[:1]))
    assert engine.figures().tail_rows in (0, 2), "as long as the index was not brought up to date meanwhile"
    engine.close()


def test_an_engine_in_memory_has_figures_too() -> None:
    """It takes nothing on disk."""
    engine = LocalEngine(None)
    collection = engine.create_collection(Scope(), NewCollection("few")).id
    engine.write(collection, Write("add", Records(["a"], np.ones((1, 2), np.float32))))
    found = engine.figures()
    assert (found.rows, found.wal_bytes, found.view_bytes) == (1, 0, 0)
    engine.close()

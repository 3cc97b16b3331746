"""What does Ochre's server cost before Milvus? The same searches through `ochre run --engine` and by pymilvus alone.

`.engines/bin/python -m bench.milvus`, in the environment that `make test-engines` has made, starts a Milvus with its
own settings and loads the same rows twice: through Ochre, and as one would with pymilvus alone, metadata as JSON. Both
are then asked in turn, one call each, with the same consistency, for ids, documents, metadata and distances of the ten
nearest. Printed are medians in milliseconds and their ratio.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient

import ochredb
from bench.data import Rows, name, read_passages
from tests.engines.server import Server
from tests.serving import serving

ROWS, QUERIES, BATCH, K = 20_000, 100, 1000, 10
TABLE = "direct"
FILTERS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no filter": (None, ""),
    "source = EIPs": ({"source": "EIPs"}, 'metadata["source"] == "EIPs"'),
    "year >= 2015": ({"year": {"$gte": 2015}}, 'metadata["year"] >= 2015'),
}
CONSISTENCY = {"strong": "Strong", "bounded": "Bounded"}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows = read_passages(parser.parse_args().rows)
    with tempfile.TemporaryDirectory(prefix="ochre-milvus-") as folder:
        server = Server(Path(folder) / "milvus", {})
        server.start()
        try:
            measure(server, Path(folder), rows)
        finally:
            server.stop()


def measure(server: Server, folder: Path, rows: Rows) -> None:
    """Load both, and ask both in turn."""
    direct = MilvusClient(uri=f"http://127.0.0.1:{server.port}")
    load_directly(direct, rows)
    loaded = False
    for consistency, level in CONSISTENCY.items():
        url = f"{server.url}/default?consistency={consistency}"
        with serving(folder / consistency, "--engine", url) as served:
            client = ochredb.HttpClient("localhost", served.port)
            collection = client.get_or_create_collection("through", embedding_function=None)
            if not loaded:
                load(collection, rows)
                loaded = True
            for told, (where, chosen) in FILTERS.items():
                ours, theirs = compare(collection, direct, rows, where, chosen, level)
                print(f"{consistency:8} {told:16} ochre {ours:7.1f}  pymilvus {theirs:7.1f}  x {ours / theirs:.2f}")
            client.close()


def compare(
    collection: Any, direct: MilvusClient, rows: Rows, where: dict[str, Any] | None, chosen: str, level: str
) -> tuple[float, float]:
    """Give the medians of both."""
    queries = rows.embeddings[np.random.default_rng(0).choice(len(rows), QUERIES, replace=False)]
    ours: list[float] = []
    theirs: list[float] = []
    for row, query in enumerate(queries):
        calls: list[tuple[list[float], Callable[[], Any]]] = [
            (ours, lambda query=query: collection.query(query_embeddings=[query], n_results=K, where=where)),
            (theirs, lambda query=query: search(direct, query, chosen, level)),
        ]
        for samples, call in calls if row % 2 else reversed(calls):
            samples.append(timed(call))
    return statistics.median(ours), statistics.median(theirs)


def timed(call: Callable[[], Any]) -> float:
    """Give the milliseconds that a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def load(collection: Any, rows: Rows) -> None:
    """Add rows through Ochre."""
    for start in range(0, len(rows), BATCH):
        collection.add(**rows.take(range(start, min(start + BATCH, len(rows)))))


def load_directly(direct: MilvusClient, rows: Rows) -> None:
    """Insert rows as one would without Ochre."""
    schema = direct.create_schema(auto_id=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=100)
    schema.add_field("document", DataType.VARCHAR, max_length=65_535)
    schema.add_field("metadata", DataType.JSON)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=rows.embeddings.shape[1])
    index = direct.prepare_index_params()
    index.add_index("embedding", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 128})
    direct.create_collection(TABLE, schema=schema, index_params=index)
    for start in range(0, len(rows), BATCH):
        some = range(start, min(start + BATCH, len(rows)))
        columns = zip(some, rows.embeddings[some.start : some.stop], strict=True)
        direct.insert(
            TABLE,
            [
                {"id": name(row), "document": rows.documents[row], "metadata": rows.metadatas[row], "embedding": vector}
                for row, vector in columns
            ],
        )


def search(direct: MilvusClient, query: Any, chosen: str, level: str) -> Any:
    """Search as one would without Ochre."""
    return direct.search(
        TABLE,
        data=[query],
        filter=chosen,
        limit=K,
        output_fields=["id", "document", "metadata"],
        search_params={"metric_type": "L2", "params": {"ef": 100}},
        consistency_level=level,
    )


if __name__ == "__main__":
    main()

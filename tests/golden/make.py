"""Make the golden folder of the present format: `python -m tests.golden.make`, once a format, when it is released.

The folder goes into `format-<n>.tar.gz`, and what it must say for ever into `format-<n>.json`.
"""

import json
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ochredb
from ochredb.api.types import SparseVector
from ochredb.local import built, collection, engine, plan, text, vectors
from ochredb.local.database import FORMAT

HERE = Path(__file__).parent
ROWS, DIMENSION = 700, 8
INCLUDE = ["documents", "embeddings", "metadatas", "uris"]
QUERY = [[1.0] * DIMENSION]


def lower_thresholds() -> None:
    """Let a few hundred rows have an index, so that the folder is small and holds every kind of view."""
    vectors.INDEXED_FROM = engine.INDEXED_FROM = text.INDEXED_FROM = 400
    vectors.TAIL = engine.TAIL = collection.TAIL = 300
    plan.EXACT_ROWS = 50
    built.EXACT_BYTES = 0


def fill(client: Any) -> None:
    """Write what a user can write: every kind of value, and collections with a history."""
    large = client.create_collection(
        "large", configuration={"hnsw": {"space": "cosine", "ef_search": 200}}, metadata={"made": "once"},
        embedding_function=None,
    )  # fmt: skip
    rows = np.random.default_rng(1).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    ids = [f"row {n}" for n in range(ROWS)]
    large.add(
        ids=ids, embeddings=rows, documents=[f"text number {n}" for n in range(ROWS)],
        metadatas=[{"n": n, "even": n % 2 == 0} for n in range(ROWS)],
    )  # fmt: skip
    large.query(query_embeddings=QUERY, where_document={"$contains": "number 7"})
    client._engine.settle()
    large.delete(ids=ids[::10])
    change = {"documents": ["changed"] * 4, "embeddings": rows[:4], "metadatas": [{"n": None, "new": 1.5}] * 4}
    large.update(ids=ids[1:5], **change)

    values = client.create_collection("values", metadata={"hnsw:space": "ip"}, embedding_function=None)
    values.add(
        ids=["all", "none", "\u00e9\u4e2d\U0001f600 ", "uri"],
        embeddings=[[1.0, 2.0], [0.0, -0.0], [1e-38, 1e38], [0.1, 0.2]],
        documents=["a\0b", None, "", "\U0001f600"],
        metadatas=[
            {"s": "", "i": 2**53, "f": 1.0, "b": True, "l": ["a", "b"], "v": SparseVector([1, 5], [0.5, 2])},
            None,
            {"\u00e9": -1},
            {"x": False},
        ],
        uris=[None, None, None, "file:///x"],
    )  # fmt: skip
    client.create_collection("empty", embedding_function=None)


def say(client: Any) -> dict[str, Any]:
    """Give all that a client reads of a folder, as JSON."""
    said = {}
    for one in client.list_collections():
        held = client.get_collection(one.name, embedding_function=None)
        said[one.name] = {
            "id": str(held.id),
            "metadata": held.metadata,
            "configuration": held.configuration_json,
            "records": held.get(include=INCLUDE),
            "nearest": held.query(query_embeddings=QUERY, n_results=5)["ids"] if one.name == "large" else None,
            "found": held.get(where_document={"$contains": "number 77"})["ids"],
        }
    plain: dict[str, Any] = json.loads(json.dumps(said, sort_keys=True))
    return plain


def main() -> None:
    """Write both files."""
    lower_thresholds()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "folder"
        with ochredb.PersistentClient(folder) as client:
            fill(client)
            said = say(client)
        with tarfile.open(HERE / f"format-{FORMAT}.tar.gz", "w:gz") as archive:
            archive.add(folder, "folder")
    (HERE / f"format-{FORMAT}.json").write_text(json.dumps(said, sort_keys=True, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()

"""Make a folder of Chroma's with one of its own releases, and what that release says of it.

Run by an interpreter that has a chromadb, from 0.4 to 1.5: `python make.py FOLDER`; it needs nothing of ours. `FOLDER`
gets Chroma's folder as `folder`, and `says.json`. How the golden ones were made, one of each kind of file format:

    .compat/chroma-0.4.24/bin/python tests/golden/chroma/make.py scratch
    tar -C scratch --owner=0 --group=0 -czf tests/golden/chroma/0.4.24.tar.gz folder says.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings

VERSION = tuple(int(part) for part in chromadb.__version__.split("."))
DIMENSION = 6
INCLUDE = ["documents", "embeddings", "metadatas", *(["uris"] if VERSION >= (0, 4, 16) else [])]
# Small enough that the vector index is written to disk after a few dozen calls, and the queue still has a tail.
THRESHOLDS = {"hnsw:batch_size": 10, "hnsw:sync_threshold": 30}


def rows(seed: int, n: int) -> Any:
    """Give embeddings (n, `DIMENSION`) that are not of length 1."""
    return np.random.default_rng(seed).normal(scale=3, size=(n, DIMENSION)).astype(np.float32).tolist()


def with_history(client: Any, name: str, **arguments: Any) -> None:
    """Fill a collection so that its records lie in the index, in the queue, or have left either."""
    made = client.create_collection(name, embedding_function=None, **arguments)
    ids = [f"{name} {n}" for n in range(90)]
    embeddings = rows(len(name), 90)
    for first in range(0, 70, 10):
        chosen = slice(first, first + 10)
        made.add(
            ids=ids[chosen],
            embeddings=embeddings[chosen],
            documents=[f"text of {one}" for one in ids[chosen]],
            metadatas=[{"n": n, "half": n / 2, "even": n % 2 == 0, "name": str(n)} for n in range(first, first + 10)],
        )
    made.delete(ids=ids[3:9])
    made.update(ids=ids[20:24], embeddings=rows(1, 4), documents=["changed"] * 4)
    made.upsert(ids=ids[68:75], embeddings=embeddings[68:75], metadatas=[{"upserted": True}] * 7)
    made.add(ids=ids[10:12] + ids[75:90], embeddings=rows(2, 17), documents=["one more"] * 17)
    made.delete(ids=[ids[30], ids[80]])
    made.update(ids=[ids[31], ids[81], "unknown"], metadatas=[{"n": -1}] * 3)
    made.update(ids=[ids[32]], embeddings=rows(3, 1))
    made.upsert(ids=[ids[30]], embeddings=rows(4, 1), documents=["back again"])


def with_values(client: Any) -> None:
    """Fill a collection with every kind of value."""
    made = client.create_collection("values", embedding_function=None, metadata={"a": "text", "b": 1, "c": 0.5})
    metadatas = [
        {"s": "", "i": 2**53 + 1, "f": 1.0, **({} if VERSION < (0, 4, 9) else {"t": True, "u": False})},
        {"\u00e9 \U0001f600": -1, "'; --": "a\nb"},
        None,
        {"f": -0.5, "big": 1e300},
    ]
    made.add(
        ids=["all", "\u00e9\u4e2d\U0001f600 ", "none", "document"],
        embeddings=[[0.0] * 5, [1e-38, -1e38, 0.0, -0.0, 1.0], [0.1, 0.2, 0.3, 0.4, 0.5], [1.0] * 5],
        metadatas=metadatas,
        documents=["a\tb", None, None, "\u4e2d\U0001f600"],
    )
    if VERSION >= (0, 4, 16):
        made.upsert(ids=["with a URI"], embeddings=[[1.0] * 5], uris=["file:///x"])
    if VERSION >= (1, 5):
        lists = {"strings": ["b", "a", "b"], "ints": [3, 1], "floats": [1.0], "bools": [True, False]}
        made.add(ids=["lists"], embeddings=[[2.0] * 5], metadatas=[lists])


def with_functions(client: Any) -> None:
    """Make collections whose configuration says something."""
    if VERSION >= (1, 0):
        hnsw = {"space": "cosine", "ef_search": 77, "ef_construction": 50, "max_neighbors": 8, "sync_threshold": 30}
        with_history(client, "configured", configuration={"hnsw": hnsw})
        client.create_collection("remembered")


def elsewhere(folder: Path, client: Any) -> None:
    """Make collections of another tenant and another database, which must not be mixed up."""
    if VERSION < (0, 4, 15):
        return
    settings = client.get_settings()
    admin = chromadb.AdminClient(settings)
    admin.create_tenant("acme")
    admin.create_database("shop", "acme")
    other = chromadb.PersistentClient(str(folder), settings, tenant="acme", database="shop")
    made = other.create_collection("values", embedding_function=None)
    made.add(ids=["all", "other"], embeddings=[[1.0, 2.0], [3.0, 4.0]], documents=["of acme", "also"])


def say(client: Any, tenant: str, database: str) -> list[dict[str, Any]]:
    """Give all that Chroma tells of its collections."""
    said = []
    for listed in client.list_collections():
        name = listed if isinstance(listed, str) else listed.name  # 0.6 has names that refuse every attribute
        one = client.get_collection(name, embedding_function=None)
        got = one.get(include=INCLUDE)
        embeddings = [list(map(float, row)) for row in (got["embeddings"] if len(got["ids"]) else [])]
        said.append(
            {
                "tenant": tenant, "database": database, "name": one.name, "metadata": one.metadata,
                "configuration": getattr(one, "configuration_json", None) if VERSION >= (1, 0) else None,
                "records": {
                    "ids": got["ids"], "embeddings": embeddings, "documents": got["documents"],
                    "metadatas": got["metadatas"], "uris": got.get("uris") or [None] * len(got["ids"]),
                },
            }
        )  # fmt: skip
    return sorted(said, key=lambda one: str(one["name"]))


def main(place: Path) -> None:
    """Write both."""
    folder = place / "folder"
    client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    for space in ("l2", "cosine", "ip"):
        with_history(client, f"by_{space}", metadata={"hnsw:space": space, **THRESHOLDS})
    with_values(client)
    with_functions(client)
    client.create_collection("empty", embedding_function=None)
    with_history(client, "deleted", metadata=THRESHOLDS)
    client.delete_collection("deleted")
    elsewhere(folder, client)
    said = say(client, "default_tenant", "default_database")
    if VERSION >= (0, 4, 15):
        client.set_tenant("acme", "shop")
        said += say(client, "acme", "shop")
    (place / "says.json").write_text(json.dumps({"version": chromadb.__version__, "collections": said}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Work on a folder with the real package, in the interpreter that has it: random calls, or calls without an end.

`python chroma_folder.py random FOLDER SEED` writes what Chroma says at the end into `FOLDER.json`, and dies without
closing anything. `python chroma_folder.py endless FOLDER` adds, changes and removes until it is killed; what a record
has follows from its id.
"""

import json
import os
import random
import sys
from typing import Any

import chromadb
from chromadb.config import Settings

DIMENSION = 4
SPACES = ("l2", "cosine", "ip")


def embedding(number: int) -> list[float]:
    """Give an embedding that no other number has."""
    return [number % 97 + 0.5, number % 89 - 40.0, number % 83 / 8, number / 1000]


def random_calls(client: Any, folder: str, seed: int) -> None:
    """Call at random, in collections whose indexes are written again and again, and at the end say what there is."""
    chance = random.Random(seed)
    thresholds = {"hnsw:batch_size": 5, "hnsw:sync_threshold": chance.randint(8, 40)}
    made = [
        client.get_or_create_collection(
            f"by_{space}", metadata={"hnsw:space": space, **thresholds}, embedding_function=None
        )
        for space in SPACES
    ]
    ids = [f"record {n}" for n in range(40)]
    for number in range(250):
        one = chance.choice(made)
        some = chance.sample(ids, chance.randint(1, 6))
        fresh = [embedding(1000 * number + n) for n in range(len(some))]
        metadatas = [{"call": number, chance.choice("abc"): chance.choice([1, 1.0, "1"])} for _ in some]
        documents = [f"call {number}"] * len(some)
        verb = chance.choice(["add", "add", "upsert", "update", "delete"])
        if verb == "delete":
            one.delete(ids=some)
            if chromadb.__version__ < "0.5":  # it may lose the embedding of an id that comes back
                ids = [f"{id_}*" if id_ in some else id_ for id_ in ids]
        elif verb == "update" and chance.random() < 0.5:
            one.update(ids=some, metadatas=metadatas)
        else:
            getattr(one, verb)(ids=some, embeddings=fresh, metadatas=metadatas, documents=documents)
    said = {}
    for one in made:
        got = one.get(include=["embeddings", "documents", "metadatas"])
        rows = [list(map(float, row)) for row in (got["embeddings"] if len(got["ids"]) else [])]
        said[one.name] = {
            "ids": got["ids"],
            "embeddings": rows,
            "documents": got["documents"],
            "metadatas": got["metadatas"],
        }
    with open(f"{folder}.json", "w") as file:
        json.dump(said, file)


def endless_calls(client: Any) -> None:
    """Change a window of ids for ever."""
    thresholds = {"hnsw:batch_size": 20, "hnsw:sync_threshold": 100}
    one = client.get_or_create_collection("live", metadata={"hnsw:space": "l2", **thresholds}, embedding_function=None)
    number = 0
    while True:
        numbers = range(number, number + 20)
        ids = [str(n) for n in numbers]
        one.add(ids=ids, embeddings=[embedding(n) for n in numbers], documents=[f"text {n}" for n in numbers])
        one.update(ids=ids[:5], metadatas=[{"n": int(n)} for n in ids[:5]])
        one.delete(ids=[str(n) for n in range(number - 400, number - 380)])
        number += 20
        print(number, flush=True)


def main(mode: str, folder: str, *more: str) -> None:
    """Do what is asked."""
    client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
    if mode == "endless":
        endless_calls(client)
    random_calls(client, folder, int(more[0]))
    os._exit(0)  # no exit handler runs, as when it is killed


if __name__ == "__main__":
    main(*sys.argv[1:])

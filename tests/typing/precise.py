"""What a type checker knows of the public types; read by it, never run."""

from pathlib import Path
from typing import assert_type
from uuid import UUID

import numpy as np
import numpy.typing as npt

import ochredb
from ochredb.api import AsyncClientAPI, ClientAPI
from ochredb.api.collection_configuration import CreateCollectionConfiguration
from ochredb.api.models.AsyncCollection import AsyncCollection
from ochredb.api.models.Collection import Collection
from ochredb.api.types import GetResult, Metadata, QueryResult, Where, WhereDocument
from ochredb.utils.batch_utils import create_batches
from ochredb.utils.embedding_functions import DefaultEmbeddingFunction

client = ochredb.PersistentClient("folder")
assert_type(client, ClientAPI)
assert_type(client.heartbeat(), int)
assert_type(client.list_collections(), list[Collection])
assert_type(client.get_settings(), ochredb.Settings)

configuration: CreateCollectionConfiguration = {"hnsw": {"space": "cosine", "ef_search": 200}}
collection = client.create_collection("name", configuration=configuration, metadata={"any": 1})
assert_type(collection, ochredb.Collection)
assert_type(collection.id, UUID)
assert_type(collection.name, str)
client.get_or_create_collection("name", embedding_function=DefaultEmbeddingFunction())
client.get_collection("name", embedding_function=None)

hnsw = collection.configuration["hnsw"]
assert hnsw is not None
assert_type(hnsw["ef_search"], int)

rows: list[dict[str, str | int]] = [{"year": 2015}]
collection.add(["a"], [[1.0, 2.0]], rows, ["text"])
collection.add(ids="a", embeddings=[1, 2], metadatas={"tags": ["x", "y"]}, documents="text")
collection.add(ids=["a"], embeddings=np.zeros((1, 2)), metadatas=[None], documents=[None])
collection.add(iter([{"id": "a", "document": "text"}]))
collection.upsert(Path("rows.parquet"))
collection.add(ids=iter(["a"]), documents=(text for text in ["text"]))
collection.upsert(ids=["a"], embeddings=[np.zeros(2, np.float32)], metadatas=[{"n": 1, "x": None}])
for batch in create_batches(client, ["a"], [[1.0, 2.0]]):
    collection.add(*batch)

where: Where = {"$and": [{"year": {"$gte": 2015}}, {"tags": {"$contains": "x"}}]}
where_document: WhereDocument = {"$or": [{"$contains": "a"}, {"$not_regex": "b"}]}

got = collection.get(ids=["a"], where=where, where_document=where_document, include=["documents", "embeddings"])
assert_type(got, GetResult)
assert_type(got["ids"], list[str])
assert_type(got["documents"], list[str] | None)
assert_type(got["metadatas"], list[Metadata] | None)
assert_type(got["uris"], list[str] | None)
assert_type(got["embeddings"], npt.NDArray[np.float64] | None)

found = collection.query(query_texts=["text"], n_results=3, where={"year": 2015})
assert_type(found, QueryResult)
assert_type(found["ids"], list[list[str]])
assert_type(found["distances"], list[list[float]] | None)
assert_type(found["documents"], list[list[str]] | None)
assert_type(found["metadatas"], list[list[Metadata]] | None)

assert_type(collection.delete(ids=["a"])["deleted"], int)
assert_type(collection.count(), int)
assert_type(collection.get_model().tenant, str)

with ochredb.EphemeralClient() as memory:
    assert_type(memory, ClientAPI)

search = ochredb.Search().where((ochredb.K("year") >= 2015) & (ochredb.K("a") == "b"))
assert_type(search.rank(ochredb.Knn(query=[1.0]) * 0.5 + 1).limit(5), ochredb.Search)

admin = ochredb.AdminClient()
assert_type(admin.get_tenant("default_tenant")["name"], str)
assert_type(admin.get_database("default_database")["id"], UUID)

served = ochredb.HttpClient("localhost", 8000, ssl=True, headers={"x-key": "a"}, timeout=5, retries=0, verify="ca.pem")
assert_type(served, ClientAPI)
assert_type(ochredb.connect("file:folder"), ClientAPI)


async def awaited() -> None:
    """Read what is awaited."""
    client = await ochredb.AsyncHttpClient(host="localhost", port=8000)
    assert_type(client, AsyncClientAPI)
    assert_type(await client.heartbeat(), int)
    assert_type(await client.list_collections(), list[AsyncCollection])
    collection = await client.get_or_create_collection("name", configuration=configuration)
    assert_type(collection, AsyncCollection)
    assert_type(collection.name, str)
    await collection.add(ids=["a"], embeddings=[[1.0, 2.0]], metadatas={"n": 1})
    assert_type(await collection.get(where=where), GetResult)
    assert_type(await collection.query(query_texts=["text"], n_results=3), QueryResult)
    assert_type((await collection.delete(ids=["a"]))["deleted"], int)
    async with await ochredb.AsyncPersistentClient("folder") as other:
        assert_type(await other.count_collections(), int)

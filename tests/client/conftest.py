"""Clients of a database in memory of their own, and a collection in it."""

from collections.abc import Iterator

import pytest

import ochredb


@pytest.fixture
def client() -> Iterator[ochredb.ClientAPI]:
    """Give a client of the shared database in memory, empty before and after."""
    client = ochredb.EphemeralClient(ochredb.Settings(allow_reset=True))
    client.reset()
    yield client
    client.reset()
    client.close()


@pytest.fixture
def collection(client: ochredb.ClientAPI) -> ochredb.Collection:
    """Give a collection of three records of two dimensions, without an embedding function."""
    collection = client.create_collection("three", embedding_function=None)
    collection.add(
        ids=["a", "b", "c"],
        embeddings=[[1, 0], [0, 1], [2, 2]],
        metadatas=[{"n": 1, "tags": ["x"]}, {"n": 2.5}, None],
        documents=["the quick fox", "a dog", None],
        uris=[None, "file:b", "file:c"],
    )
    return collection

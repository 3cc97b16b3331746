"""Mistakes that a type checker finds, each named on its line; read by it, never run."""

import ochredb

client = ochredb.EphemeralClient()
collection = client.create_collection("name", metadata=["a"])  # wrong: arg-type
client.create_collection("other", configuration={"hnsw": {"space": "l3"}})  # wrong: arg-type
client.create_collection("other", embedding_function=len)  # wrong: arg-type
client.get_collection(name=b"name")  # wrong: arg-type
collection.add(ids=[1], embeddings=[[1.0]])  # wrong: list-item
collection.add(ids="a", embeddings=[["x"]])  # wrong: arg-type
collection.add(ids="a", metadatas={"a": {"b": 1}})  # wrong: dict-item
collection.get(include=["document"])  # wrong: list-item
collection.get(limit="10")  # wrong: arg-type
collection.get(where={"year": {"$gr": 2015}})  # wrong: dict-item
collection.query(query_texts=[1])  # wrong: list-item
collection.modify(configuration={"hnsw": {"space": "ip"}})  # wrong: arg-type
collection.get()["id"]  # wrong: misc
collection.get()["documents"][0]  # wrong: index
len(collection.query(query_texts="a")["distances"])  # wrong: arg-type
collection.name = "other"  # wrong: misc

# Write a collection to a JSON file, and make another one of it.
import json

import ochredb as chromadb

client = chromadb.PersistentClient(path="chroma_store")
# So that this program runs on its own, and again: something to export, and a name to restore it under.
client.get_or_create_collection("my_docs").upsert(documents=["Export needs something."], ids=["doc3"])
if "my_docs_restored" in [collection.name for collection in client.list_collections()]:
    client.delete_collection("my_docs_restored")

collection = client.get_collection("my_docs")
export_data = collection.get(include=["documents", "embeddings", "metadatas"])
with open("backup.json", "w") as f:
    json.dump(export_data, f)
with open("backup.json") as f:
    data = json.load(f)
new_collection = client.create_collection("my_docs_restored")
new_collection.add(
    ids=data["ids"], documents=data["documents"], embeddings=data["embeddings"], metadatas=data["metadatas"]
)

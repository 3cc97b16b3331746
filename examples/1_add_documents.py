# Put two documents into a collection on disk; they are embedded on the way.
import ochredb as chromadb

client = chromadb.PersistentClient(path="chroma_store")
collection = client.get_or_create_collection(name="my_docs")
collection.add(documents=["Machine learning is powerful.", "Chroma stores embeddings."], ids=["doc1", "doc2"])

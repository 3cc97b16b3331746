# Put ten thousand documents into it: any number in one call, in one transaction.
import ochredb as chromadb

client = chromadb.PersistentClient(path="chroma_store")
collection = client.get_or_create_collection(name="my_docs")

documents = ["doc " + str(i) for i in range(10000)]
ids = ["id" + str(i) for i in range(10000)]
collection.add(documents=documents, ids=ids)

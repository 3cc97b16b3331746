# Bring your own embeddings.
import numpy as np

import ochredb as chromadb
from ochredb.utils.embedding_functions import DefaultEmbeddingFunction


# A stand-in with the one method of a SentenceTransformer that is used below, because sentence-transformers is not among
# Ochre's dependencies. With it: `model = SentenceTransformer("all-MiniLM-L6-v2")`.
class Model:
    def encode(self, texts):
        return np.array(DefaultEmbeddingFunction()(texts))


model = Model()
client = chromadb.PersistentClient(path="chroma_store")
collection = client.get_or_create_collection(name="my_docs")

texts = ["deep learning", "vector search"]
embeddings = model.encode(texts).tolist()  # a list of lists, or a NumPy array of any float type
collection.add(documents=texts, embeddings=embeddings, ids=["t1", "t2"])

"""LangChain's embeddings as an embedding function."""

from typing import Any

import msgspec

from ochredb.core.errors import BadValue, NotSupported
from ochredb.embed.base import Dense, library
from ochredb.embed.protocol import Documents, Embeddings

AGAIN = "Please recreate the langchain embedding function and pass it to create_langchain_embedding."


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    embedding_function_class: str
    note: str


class ChromaLangchainEmbeddingFunction(Dense[Documents]):
    """Texts through an object of LangChain's; a collection remembers that there was one, and not which.

    Args:
        embedding_function: An instance of `langchain_core.embeddings.Embeddings`.
    """

    stored_as = "langchain"
    space = "l2"
    form = _Form

    def __init__(self, embedding_function: Any) -> None:
        if not isinstance(embedding_function, library("langchain_core.embeddings", "langchain-core").Embeddings):
            raise BadValue(
                "The embedding_function must implement the Embeddings interface from langchain_core, "
                f"got {embedding_function!r:.200}"
            )
        self.embedding_function = embedding_function

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text as a document."""
        found: Embeddings = self.embed_documents(input)
        return found

    def embed_documents(self, documents: Documents) -> Any:
        """Embed each text, as LangChain calls it."""
        return self.embedding_function.embed_documents(list(documents))

    def embed_query(self, input: Documents) -> Embeddings:  # noqa: A002 # as above
        """Embed each text as a query."""
        return [self.embedding_function.embed_query(text) for text in input]

    def get_config(self) -> dict[str, Any]:
        """Give the name of the object's class, for people to read."""
        return {
            "embedding_function_class": type(self.embedding_function).__name__,
            "note": "This is a placeholder config. You will need to recreate the langchain embedding function.",
        }

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> "ChromaLangchainEmbeddingFunction":
        """Refuse: the object cannot be made from what is stored."""
        found = cls._arguments(config)["embedding_function_class"]
        raise NotSupported(
            f"Building a ChromaLangchainEmbeddingFunction from config is not supported: it was a {found}. {AGAIN}"
        )

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Refuse: what is stored does not tell one object from another."""
        del old_config, new_config
        raise NotSupported(f"Updating a ChromaLangchainEmbeddingFunction config is not supported. {AGAIN}")


def create_langchain_embedding(langchain_embedding_fn: Any) -> ChromaLangchainEmbeddingFunction:
    """Make an embedding function of LangChain's embeddings."""
    return ChromaLangchainEmbeddingFunction(langchain_embedding_fn)

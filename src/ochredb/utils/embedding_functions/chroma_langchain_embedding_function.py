"""Chroma's file for what is in `ochredb.embed.langchain`."""

from ochredb.embed.langchain import ChromaLangchainEmbeddingFunction, create_langchain_embedding

__all__ = ["ChromaLangchainEmbeddingFunction", "create_langchain_embedding"]

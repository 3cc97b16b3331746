"""Chroma's file for what is in `ochredb.embed.sentence_transformers`."""

from ochredb.embed.sentence_transformers import SentenceTransformerEmbeddingFunction

__all__ = ["SentenceTransformerEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.cohere`."""

from ochredb.embed.cohere import CohereEmbeddingFunction

__all__ = ["CohereEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.voyageai`."""

from ochredb.embed.voyageai import VoyageAIEmbeddingFunction

__all__ = ["VoyageAIEmbeddingFunction"]

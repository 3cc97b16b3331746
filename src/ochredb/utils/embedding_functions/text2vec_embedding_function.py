"""Chroma's file for what is in `ochredb.embed.text2vec`."""

from ochredb.embed.text2vec import Text2VecEmbeddingFunction

__all__ = ["Text2VecEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.baseten`."""

from ochredb.embed.baseten import BasetenEmbeddingFunction

__all__ = ["BasetenEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.mistral`."""

from ochredb.embed.mistral import MistralEmbeddingFunction

__all__ = ["MistralEmbeddingFunction"]

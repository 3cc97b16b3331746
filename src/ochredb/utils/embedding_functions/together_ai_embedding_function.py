"""Chroma's file for what is in `ochredb.embed.together`."""

from ochredb.embed.together import TogetherAIEmbeddingFunction

__all__ = ["TogetherAIEmbeddingFunction"]

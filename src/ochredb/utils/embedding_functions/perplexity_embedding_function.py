"""Chroma's file for what is in `ochredb.embed.perplexity`."""

from ochredb.embed.perplexity import PerplexityEmbeddingFunction

__all__ = ["PerplexityEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.ollama`."""

from ochredb.embed.ollama import OllamaEmbeddingFunction

__all__ = ["OllamaEmbeddingFunction"]

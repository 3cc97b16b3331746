"""Chroma's file for what is in `ochredb.embed.openai`."""

from ochredb.embed.openai import OpenAIEmbeddingFunction

__all__ = ["OpenAIEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.instructor`."""

from ochredb.embed.instructor import InstructorEmbeddingFunction

__all__ = ["InstructorEmbeddingFunction"]

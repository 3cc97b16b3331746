"""Chroma's file for what is in `ochredb.embed.open_clip`."""

from ochredb.embed.open_clip import OpenCLIPEmbeddingFunction

__all__ = ["OpenCLIPEmbeddingFunction"]

"""Chroma's file for what is in `ochredb.embed.roboflow`."""

from ochredb.embed.roboflow import RoboflowEmbeddingFunction

__all__ = ["RoboflowEmbeddingFunction"]

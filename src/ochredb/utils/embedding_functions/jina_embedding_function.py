"""Chroma's file for what is in `ochredb.embed.jina`."""

from ochredb.embed.jina import JinaEmbeddingFunction, JinaQueryConfig

__all__ = ["JinaEmbeddingFunction", "JinaQueryConfig"]

"""Chroma's file for what is in `ochredb.embed.chroma_cloud`."""

from ochredb.embed.chroma_cloud import ChromaCloudSpladeEmbeddingFunction, ChromaCloudSpladeEmbeddingModel

__all__ = ["ChromaCloudSpladeEmbeddingFunction", "ChromaCloudSpladeEmbeddingModel"]

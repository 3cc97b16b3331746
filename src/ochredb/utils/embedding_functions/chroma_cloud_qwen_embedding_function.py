"""Chroma's file for what is in `ochredb.embed.chroma_cloud`."""

from ochredb.embed.chroma_cloud import (
    CHROMA_CLOUD_QWEN_DEFAULT_INSTRUCTIONS,
    ChromaCloudQwenEmbeddingFunction,
    ChromaCloudQwenEmbeddingInstructions,
    ChromaCloudQwenEmbeddingModel,
    ChromaCloudQwenEmbeddingTarget,
)

__all__ = [
    "CHROMA_CLOUD_QWEN_DEFAULT_INSTRUCTIONS",
    "ChromaCloudQwenEmbeddingFunction",
    "ChromaCloudQwenEmbeddingInstructions",
    "ChromaCloudQwenEmbeddingModel",
    "ChromaCloudQwenEmbeddingTarget",
]

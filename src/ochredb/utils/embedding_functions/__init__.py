"""Chroma's home for embedding functions; the classes are those of `ochredb.embed`."""

from ochredb.embed.minilm import DefaultEmbeddingFunction, ONNXMiniLM_L6_V2
from ochredb.embed.protocol import EmbeddingFunction
from ochredb.embed.registry import (
    config_to_embedding_function,
    known_embedding_functions,
    register_embedding_function,
)

__all__ = [
    "DefaultEmbeddingFunction",
    "EmbeddingFunction",
    "ONNXMiniLM_L6_V2",
    "config_to_embedding_function",
    "known_embedding_functions",
    "register_embedding_function",
]

register_embedding_function(DefaultEmbeddingFunction)
register_embedding_function(ONNXMiniLM_L6_V2)

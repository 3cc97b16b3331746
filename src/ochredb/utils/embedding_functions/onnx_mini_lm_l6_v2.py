"""Chroma's file for what is in `ochredb.embed.minilm`."""

from ochredb.embed.minilm import ONNXMiniLM_L6_V2

__all__ = ["ONNXMiniLM_L6_V2"]

"""Chroma's file for what is in `ochredb.embed.cloudflare`."""

from ochredb.embed.cloudflare import CloudflareWorkersAIEmbeddingFunction

__all__ = ["CloudflareWorkersAIEmbeddingFunction"]

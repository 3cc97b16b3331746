"""Chroma's file for what is in `ochredb.embed.amazon_bedrock`."""

from ochredb.embed.amazon_bedrock import AmazonBedrockEmbeddingFunction

__all__ = ["AmazonBedrockEmbeddingFunction"]

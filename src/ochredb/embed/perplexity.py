"""Perplexity's embeddings, whose numbers are whole ones of 8 bits."""

import base64
import os
from typing import Any

import numpy as np

from ochredb.embed.base import chosen, find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class PerplexityEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through api.perplexity.ai; the package `perplexityai` is not needed.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `pplx-embed-v1-0.6b`.
        api_key_env_var: The environment variable with the key; `PERPLEXITY_API_KEY` comes before it.
        dimensions: How long the vectors are to be; None is the model's own length.
    """

    stored_as = "perplexity"
    provider = "Perplexity"
    endpoint = "https://api.perplexity.ai"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "pplx-embed-v1-0.6b",
        api_key_env_var: str = "PERPLEXITY_API_KEY",
        dimensions: int | None = None,
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "PERPLEXITY_API_KEY")
        self.model_name = model_name
        self.dimensions = dimensions

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch; `PERPLEXITY_BASE_URL` in the environment moves the endpoint, as in its own package."""
        del query
        base = os.environ.get("PERPLEXITY_BASE_URL") or self.endpoint
        body = {"model": self.model_name, "input": items, **chosen(dimensions=self.dimensions)}
        return f"{base.rstrip('/')}/v1/embeddings", body

    def vectors(self, answer: Any) -> list[Any]:
        """Read base64 of int8."""
        return [
            np.frombuffer(base64.b64decode(vector), np.int8).astype(np.float32) for vector in super().vectors(answer)
        ]

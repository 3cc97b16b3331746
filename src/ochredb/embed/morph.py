"""Morph's embeddings of code, which are answered as OpenAI's are."""

import base64
from typing import Any

import numpy as np

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class MorphEmbeddingFunction(ServiceFunction[Documents]):
    """Texts and code through api.morphllm.com.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `morph-embedding-v2`.
        api_base: Where the endpoint is.
        encoding_format: How the vectors travel: `float` or `base64`.
        api_key_env_var: The environment variable with the key.
    """

    stored_as = "morph"
    provider = "Morph"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "morph-embedding-v2",
        api_base: str = "https://api.morphllm.com/v1",
        encoding_format: str = "float",
        api_key_env_var: str = "MORPH_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var)
        self.model_name = model_name
        self.api_base = api_base
        self.encoding_format = encoding_format

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask in the encoding of the caller's choice."""
        del query
        body = {"model": self.model_name, "input": items, "encoding_format": self.encoding_format}
        return f"{self.api_base.rstrip('/')}/embeddings", body

    def vectors(self, answer: Any) -> list[Any]:
        """Read numbers, or base64 of little-endian float32."""
        return [_numbers(vector) for vector in super().vectors(answer)]


def _numbers(vector: Any) -> Any:
    return np.frombuffer(base64.b64decode(vector), "<f4") if isinstance(vector, str) else vector

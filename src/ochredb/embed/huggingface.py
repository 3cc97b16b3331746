"""Hugging Face's inference service, and its server of embeddings that one runs oneself."""

import os
from typing import Any

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class HuggingFaceEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through Hugging Face's inference service, for models whose pipeline gives one vector a text.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: A model of the hub.
        api_key_env_var: The environment variable with the key; `HUGGINGFACE_API_KEY` comes before it.
    """

    stored_as = "huggingface"
    provider = "Hugging Face"
    # Chroma's own address, api-inference.huggingface.co, was given up in 2025.
    endpoint = "https://router.huggingface.co/hf-inference/models"
    batch = 32
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "sentence-transformers/all-MiniLM-L6-v2",
        api_key_env_var: str = "CHROMA_HUGGINGFACE_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "HUGGINGFACE_API_KEY")
        self.model_name = model_name

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask, and wait for a model that is not loaded yet."""
        del query
        url = f"{self.endpoint}/{self.model_name}/pipeline/feature-extraction"
        return url, {"inputs": items, "options": {"wait_for_model": True}}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which are the whole answer."""
        return _listed(answer)


class HuggingFaceEmbeddingServer(ServiceFunction[Documents]):
    """Texts through a server of `text-embeddings-inference`, which knows its model.

    Args:
        url: Its address with the path, such as `http://localhost:8080/embed`.
        api_key_env_var: The environment variable with the key, if it wants one; `HUGGINGFACE_API_KEY` comes before it.
        api_key: The key; better in the environment, because it is not stored with the collection.
    """

    stored_as = "huggingface_server"
    provider = "Hugging Face server"
    batch = 32
    required = ("url",)
    fixed = ("url",)

    def __init__(self, url: str, api_key_env_var: str | None = None, api_key: str | None = None) -> None:
        self.url = url
        self.api_key = None
        self.api_key_env_var = "HUGGINGFACE_API_KEY" if "HUGGINGFACE_API_KEY" in os.environ else api_key_env_var
        if api_key is not None or os.environ.get(self.api_key_env_var or ""):
            self.api_key, _ = find_key(api_key, self.api_key_env_var or "")

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return self.url, {"inputs": items}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which are the whole answer."""
        return _listed(answer)


def _listed(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError(answer)
    return answer

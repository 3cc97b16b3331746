"""Mistral's embeddings."""

from typing import Any

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class MistralEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through api.mistral.ai; the package `mistralai` is not needed.

    Args:
        model: Such as `mistral-embed`.
        api_key_env_var: The environment variable with the key.
    """

    stored_as = "mistral"
    provider = "Mistral"
    endpoint = "https://api.mistral.ai/v1/embeddings"
    batch = 64
    required = ("api_key_env_var", "model")
    fixed = ("model",)

    def __init__(self, model: str, api_key_env_var: str = "MISTRAL_API_KEY") -> None:
        self.model = model
        self.api_key, self.api_key_env_var = find_key(None, api_key_env_var)

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return self.endpoint, {"model": self.model, "input": items}

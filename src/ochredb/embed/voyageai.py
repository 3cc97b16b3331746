"""Voyage AI's embeddings."""

from typing import Any

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class VoyageAIEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through api.voyageai.com; the package `voyageai` is not needed.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `voyage-3.5`.
        api_key_env_var: The environment variable with the key; `VOYAGE_API_KEY` comes before it.
        input_type: `document`, `query`, or None for neither.
        truncation: Whether a text that is too long is cut; otherwise it is refused.
    """

    stored_as = "voyageai"
    provider = "Voyage AI"
    endpoint = "https://api.voyageai.com/v1/embeddings"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "voyage-large-2",
        api_key_env_var: str = "CHROMA_VOYAGE_API_KEY",
        input_type: str | None = None,
        truncation: bool = True,
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "VOYAGE_API_KEY")
        self.model_name = model_name
        self.input_type = input_type
        self.truncation = truncation

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch; a query is embedded as a document is, as in Chroma."""
        del query
        body = {
            "model": self.model_name,
            "input": items,
            "input_type": self.input_type,
            "truncation": self.truncation,
        }
        return self.endpoint, body

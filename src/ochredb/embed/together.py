"""Together AI's embeddings."""

from typing import Any

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class TogetherAIEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through api.together.xyz.

    Args:
        model_name: Such as `BAAI/bge-base-en-v1.5`.
        api_key: The key; better in the environment, because it is not stored with the collection.
        api_key_env_var: The environment variable with the key; `TOGETHER_API_KEY` comes before it.
    """

    stored_as = "together_ai"
    provider = "Together AI"
    endpoint = "https://api.together.xyz/v1/embeddings"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self, model_name: str, api_key: str | None = None, api_key_env_var: str = "CHROMA_TOGETHER_AI_API_KEY"
    ) -> None:
        self.model_name = model_name
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "TOGETHER_API_KEY")

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        return self.endpoint, {"model": self.model_name, "input": items}

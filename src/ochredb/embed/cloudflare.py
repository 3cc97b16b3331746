"""Embeddings of Cloudflare's Workers AI."""

from typing import Any

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class CloudflareWorkersAIEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through Workers AI, directly or by way of an AI gateway.

    Args:
        model_name: Such as `@cf/baai/bge-m3`.
        account_id: The account's.
        api_key: The key; better in the environment, because it is not stored with the collection.
        api_key_env_var: The environment variable with the key; `CLOUDFLARE_API_KEY` comes before it.
        gateway_id: The gateway's, if there is one.
    """

    stored_as = "cloudflare_workers_ai"
    provider = "Cloudflare Workers AI"
    endpoint = "https://api.cloudflare.com/client/v4/accounts"
    gateway = "https://gateway.ai.cloudflare.com/v1"
    batch = 100
    required = ("api_key_env_var", "model_name", "account_id")
    fixed = ("model_name",)

    def __init__(
        self,
        model_name: str,
        account_id: str,
        api_key: str | None = None,
        api_key_env_var: str = "CHROMA_CLOUDFLARE_API_KEY",
        gateway_id: str | None = None,
    ) -> None:
        self.model_name = model_name
        self.account_id = account_id
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "CLOUDFLARE_API_KEY")
        self.gateway_id = gateway_id

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch."""
        del query
        if self.gateway_id:
            return f"{self.gateway}/{self.account_id}/{self.gateway_id}/workers-ai/{self.model_name}", {"text": items}
        return f"{self.endpoint}/{self.account_id}/ai/run/{self.model_name}", {"text": items}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors of the result."""
        return list(answer["result"]["data"])

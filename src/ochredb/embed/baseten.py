"""Models deployed at Baseten, which answer as OpenAI does."""

from typing import Any

from ochredb.core.errors import BadValue
from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class BasetenEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through a deployment of one's own at Baseten.

    Args:
        api_key: The key, or None; better in the environment, because it is not stored with the collection.
        api_base: The deployment's address, which ends in `/v1`.
        api_key_env_var: The environment variable with the key; `BASETEN_API_KEY` comes before it.
    """

    stored_as = "baseten"
    provider = "Baseten"
    required = ("api_base", "api_key_env_var")

    def __init__(self, api_key: str | None, api_base: str, api_key_env_var: str = "CHROMA_BASETEN_API_KEY") -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "BASETEN_API_KEY")
        if not api_base:
            raise BadValue("The api_base argument must be provided: the address of your deployment at Baseten")
        self.api_base = api_base

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> "BasetenEmbeddingFunction":
        """Make one from what `get_config` gave, with the key from the environment."""
        return cls(None, **cls._arguments(config))

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask the deployment, which has one model whatever the request calls it."""
        del query
        body = {"model": "baseten-embedding-model", "input": items, "encoding_format": "float"}
        return f"{self.api_base.rstrip('/')}/embeddings", body

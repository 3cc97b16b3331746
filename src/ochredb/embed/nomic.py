"""Nomic's embeddings."""

from typing import Any, TypedDict

from ochredb.embed.base import find_key
from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class NomicQueryConfig(TypedDict):
    """What is different for queries."""

    task_type: str


class NomicEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through api-atlas.nomic.ai; the package `nomic` is not needed.

    Args:
        model: Such as `nomic-embed-text-v1.5`.
        task_type: `search_document`, `search_query`, `classification` or `clustering`.
        query_config: The task of queries, if it is another one.
        api_key_env_var: The environment variable with the key.
    """

    stored_as = "nomic"
    provider = "Nomic"
    endpoint = "https://api-atlas.nomic.ai/v1/embedding/text"
    required = ("model", "api_key_env_var", "task_type")
    fixed = ("model",)

    def __init__(
        self,
        model: str,
        task_type: str,
        query_config: NomicQueryConfig | None,
        api_key_env_var: str = "NOMIC_API_KEY",
    ) -> None:
        self.model = model
        self.task_type = task_type
        self.query_config = query_config
        self.api_key, self.api_key_env_var = find_key(None, api_key_env_var)

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> "NomicEmbeddingFunction":
        """Make one from what `get_config` gave, or from a configuration without settings for queries."""
        return cls(**{"query_config": None, **cls._arguments(config)})

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for the task at hand."""
        task = self.query_config["task_type"] if query and self.query_config else self.task_type
        return self.endpoint, {"model": self.model, "texts": items, "task_type": task}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which stand alone."""
        return list(answer["embeddings"])

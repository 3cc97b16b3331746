"""Jina AI's embeddings of texts and of images."""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from ochredb.embed.base import chosen, encoded, find_key
from ochredb.embed.protocol import Embeddable
from ochredb.embed.service import ServiceFunction


class JinaQueryConfig(TypedDict):
    """What is different for queries; any other of the service's settings may be added."""

    task: str


class JinaEmbeddingFunction(ServiceFunction[Embeddable]):
    """Texts, and images as arrays, through api.jina.ai; images need `pillow`.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `jina-embeddings-v4`.
        api_key_env_var: The environment variable with the key; `JINA_API_KEY` comes before it.
        task: What the vectors are for, such as `retrieval.passage`.
        late_chunking: Whether the texts of a call are read as parts of one text.
        truncate: Whether a text that is too long is cut; otherwise it is refused.
        dimensions: How long the vectors are to be.
        embedding_type: How the vectors travel; `float` is the one that is read here.
        normalized: Whether vectors have length 1.
        query_config: Settings that queries have in place of these, such as `{"task": "retrieval.query"}`.
    """

    stored_as = "jina"
    provider = "Jina AI"
    endpoint = "https://api.jina.ai/v1/embeddings"
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "jina-embeddings-v2-base-en",
        api_key_env_var: str = "CHROMA_JINA_API_KEY",
        task: str | None = None,
        late_chunking: bool | None = None,
        truncate: bool | None = None,
        dimensions: int | None = None,
        embedding_type: str | None = None,
        normalized: bool | None = None,
        query_config: Mapping[str, Any] | None = None,
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "JINA_API_KEY")
        self.model_name = model_name
        self.task = task
        self.late_chunking = late_chunking
        self.truncate = truncate
        self.dimensions = dimensions
        self.embedding_type = embedding_type
        self.normalized = normalized
        self.query_config = query_config

    def items(self, given: Any) -> list[Any]:
        """Take texts and images, mixed as they are."""
        found = list(given)
        super().items([item for item in found if not isinstance(item, np.ndarray)])
        return found

    def size(self, items: list[Any]) -> int:
        """Keep the texts of a call together where each is read in the light of the others."""
        return len(items) if self.late_chunking else self.batch

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask with the settings that were made, those for queries last."""
        settings = chosen(
            task=self.task,
            late_chunking=self.late_chunking,
            truncate=self.truncate,
            dimensions=self.dimensions,
            embedding_type=self.embedding_type,
            normalized=self.normalized,
        )
        texts = all(isinstance(item, str) for item in items)
        body = {"model": self.model_name, "input": items if texts else [_labelled(item) for item in items], **settings}
        return self.endpoint, {**body, **((self.query_config or {}) if query else {})}


def _labelled(item: Any) -> dict[str, str]:
    return {"text": item} if isinstance(item, str) else {"image": encoded(item, "PNG")}

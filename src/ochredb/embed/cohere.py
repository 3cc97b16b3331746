"""Cohere's embeddings of texts and of images."""

import os
from typing import Any

import numpy as np

from ochredb.core.errors import BadValue
from ochredb.core.model import Space
from ochredb.embed.base import encoded, find_key
from ochredb.embed.protocol import Embeddable
from ochredb.embed.service import ServiceFunction

SPACES: dict[str, list[Space]] = {
    "embed-english-v2.0": ["cosine"],
    "embed-english-light-v2.0": ["cosine"],
    "embed-multilingual-v2.0": ["ip"],
}
"""The spaces of the models that were made for one only."""


class CohereEmbeddingFunction(ServiceFunction[Embeddable]):
    """Texts, or images as arrays, through api.cohere.com; the package `cohere` is not needed, `pillow` for images is.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        model_name: Such as `embed-v4.0`.
        api_key_env_var: The environment variable with the key; `COHERE_API_KEY` comes before it.
    """

    stored_as = "cohere"
    provider = "Cohere"
    endpoint = "https://api.cohere.com"
    batch = 96
    required = ("api_key_env_var", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "large",
        api_key_env_var: str = "CHROMA_COHERE_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "COHERE_API_KEY")
        self.model_name = model_name

    def default_space(self) -> Space:
        """Give the space of the model."""
        return self.supported_spaces()[0]

    def supported_spaces(self) -> list[Space]:
        """Give the spaces of the model."""
        return SPACES.get(self.model_name) or super().supported_spaces()

    def items(self, given: Any) -> list[Any]:
        """Take texts or images, not both."""
        found = list(given)
        if all(isinstance(item, np.ndarray) for item in found):
            return found
        if any(isinstance(item, np.ndarray) for item in found):
            raise BadValue(
                "Input contains a mix of text documents and images, which is not supported. "
                "Provide either all texts or all images."
            )
        return super().items(found)

    def size(self, items: list[Any]) -> int:
        """Take one image a request, as Cohere does."""
        return 1 if items and isinstance(items[0], np.ndarray) else self.batch

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for documents, also where a query is embedded, as Chroma does; `CO_API_URL` moves the endpoint."""
        del query
        url = f"{(os.environ.get('CO_API_URL') or self.endpoint).rstrip('/')}/v1/embed"
        if isinstance(items[0], np.ndarray):
            images = [f"data:image/png;base64,{encoded(image, 'PNG')}" for image in items]
            return url, {"model": self.model_name, "images": images, "input_type": "image"}
        return url, {"model": self.model_name, "texts": items, "input_type": "search_document"}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which stand alone."""
        return list(answer["embeddings"])

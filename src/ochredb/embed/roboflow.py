"""CLIP at Roboflow, or on an inference server of one's own: texts and images in one space."""

from typing import Any
from urllib.parse import quote

import numpy as np

from ochredb.embed.base import encoded, find_key
from ochredb.embed.protocol import Embeddable
from ochredb.embed.service import ServiceFunction


class RoboflowEmbeddingFunction(ServiceFunction[Embeddable]):
    """Texts, and images as arrays, through Roboflow's CLIP, one a request; images need `pillow`.

    Args:
        api_key: The key; better in the environment, because it is not stored with the collection.
        api_url: The inference server's address.
        api_key_env_var: The environment variable with the key; `ROBOFLOW_API_KEY` comes before it.
    """

    stored_as = "roboflow"
    provider = "Roboflow"
    batch = 1
    required = ("api_key_env_var", "api_url")

    def __init__(
        self,
        api_key: str | None = None,
        api_url: str = "https://infer.roboflow.com",
        api_key_env_var: str = "CHROMA_ROBOFLOW_API_KEY",
    ) -> None:
        self.api_key, self.api_key_env_var = find_key(api_key, api_key_env_var, "ROBOFLOW_API_KEY")
        self.api_url = api_url

    def headers(self) -> dict[str, str]:
        """Give none: the key is part of the address."""
        return {}

    def items(self, given: Any) -> list[Any]:
        """Take texts and images, mixed as they are."""
        found = list(given)
        super().items([item for item in found if not isinstance(item, np.ndarray)])
        return found

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for one text or one image."""
        del query
        (item,) = items
        verb, body = ("embed_text", {"text": item}) if isinstance(item, str) else ("embed_image", _jpeg(item))
        return f"{self.api_url.rstrip('/')}/clip/{verb}?api_key={quote(str(self.api_key))}", body

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which stand alone."""
        return list(answer["embeddings"])


def _jpeg(image: Any) -> dict[str, Any]:
    return {"image": {"type": "base64", "value": encoded(image, "JPEG")}}

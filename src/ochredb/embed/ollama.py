"""Models that Ollama runs."""

from typing import Any

from ochredb.embed.protocol import Documents
from ochredb.embed.service import ServiceFunction


class OllamaEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through a server of Ollama; the package `ollama` is not needed.

    Args:
        url: The server's address.
        model_name: A model that the server has.
        timeout: Seconds that connecting, and each wait for data, may take.
    """

    stored_as = "ollama"
    provider = "Ollama"
    batch = 64
    required = ("url", "model_name")
    fixed = ("model_name",)

    def __init__(
        self,
        url: str = "http://localhost:11434",
        model_name: str = "chroma/all-minilm-l6-v2-f32",
        timeout: int = 60,
    ) -> None:
        self.url = url
        self.model_name = model_name
        self.timeout = timeout

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask the server, also where the path of its older interface was given."""
        del query
        base = self.url.rstrip("/").removesuffix("/api/embeddings")
        return f"{base}/api/embed", {"model": self.model_name, "input": items}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which stand alone."""
        return list(answer["embeddings"])

"""Models of the Sentence Transformers library, run in this process."""

from typing import Any

from ochredb.embed.base import Dense, Loading, library, plain, refuse_unless_texts, require
from ochredb.embed.protocol import Documents, Embeddings

PACKAGE = "sentence_transformers"


class SentenceTransformerEmbeddingFunction(Loading, Dense[Documents]):
    """Texts through a model of Sentence Transformers; needs `sentence-transformers`.

    Args:
        model_name: A model of the hub, or the path of a folder that holds one.
        device: Such as `cpu` or `cuda`.
        normalize_embeddings: Whether vectors are brought to length 1.
        **kwargs: What else the library's class takes.
    """

    stored_as = "sentence_transformer"
    required = ("model_name", "device", "normalize_embeddings")

    def __init__(
        self,
        model_name: str = "all-MiniLM-L6-v2",
        device: str = "cpu",
        normalize_embeddings: bool = False,
        **kwargs: Any,
    ) -> None:
        require(PACKAGE, PACKAGE)
        self.model_name = model_name
        self.device = device
        self.normalize_embeddings = normalize_embeddings
        self.kwargs = plain(kwargs)

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text."""
        texts = refuse_unless_texts(input, "Sentence Transformers")
        found: Embeddings = self.model().encode(
            texts, convert_to_numpy=True, normalize_embeddings=self.normalize_embeddings
        )
        return found

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class."""
        return {"model_name_or_path": self.model_name, "device": self.device, **self.kwargs}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model, from the hub if it is no folder and was not fetched before."""
        return library(PACKAGE, PACKAGE).SentenceTransformer(**settings)

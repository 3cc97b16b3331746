"""Models of the text2vec library, run in this process."""

from typing import Any

from ochredb.embed.base import Dense, Loading, library, refuse_unless_texts, require
from ochredb.embed.protocol import Documents, Embeddings

PACKAGE = "text2vec"


class Text2VecEmbeddingFunction(Loading, Dense[Documents]):
    """Texts through a model of text2vec; needs `text2vec`.

    Args:
        model_name: A model of the hub, or the path of a folder that holds one.
    """

    stored_as = "text2vec"
    required = ("model_name",)

    def __init__(self, model_name: str = "shibing624/text2vec-base-chinese") -> None:
        require(PACKAGE, PACKAGE)
        self.model_name = model_name

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text."""
        texts = refuse_unless_texts(input, "Text2Vec")
        found: Embeddings = self.model().encode(texts, convert_to_numpy=True)
        return found

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class."""
        return {"model_name_or_path": self.model_name}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model."""
        return library(PACKAGE, PACKAGE).SentenceModel(**settings)

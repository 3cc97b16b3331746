"""Instructor's models, which are told what the vectors are for; run in this process."""

from typing import Any

from ochredb.embed.base import Dense, Loading, library, refuse_unless_texts, require
from ochredb.embed.protocol import Documents, Embeddings

PACKAGE = "InstructorEmbedding"


class InstructorEmbeddingFunction(Loading, Dense[Documents]):
    """Texts through an Instructor model; needs `InstructorEmbedding`.

    Args:
        model_name: A model of the hub, or the path of a folder that holds one.
        device: Such as `cpu` or `cuda`.
        instruction: What is put before each text.
    """

    stored_as = "instructor"
    required = ("model_name", "device")

    def __init__(
        self, model_name: str = "hkunlp/instructor-base", device: str = "cpu", instruction: str | None = None
    ) -> None:
        require(PACKAGE, PACKAGE)
        self.model_name = model_name
        self.device = device
        self.instruction = instruction

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text."""
        texts = refuse_unless_texts(input, "Instructor")
        told = texts if self.instruction is None else [[self.instruction, text] for text in texts]
        found: Embeddings = self.model().encode(told, convert_to_numpy=True)
        return found

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class."""
        return {"model_name_or_path": self.model_name, "device": self.device}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model."""
        return library(PACKAGE, PACKAGE).INSTRUCTOR(**settings)

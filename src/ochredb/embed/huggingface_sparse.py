"""Sparse models of the Sentence Transformers library, such as SPLADE, run in this process."""

from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from ochredb.embed.base import Loading, library, ordered, plain, require
from ochredb.embed.protocol import Documents, SparseEmbeddingFunction, SparseVectors

PACKAGE = "sentence_transformers"
TaskType: TypeAlias = Literal["document", "query"]


class HuggingFaceSparseEmbeddingFunctionQueryConfig(TypedDict):
    """What is different for queries."""

    task: TaskType


class HuggingFaceSparseEmbeddingFunction(Loading, SparseEmbeddingFunction[Documents]):
    """Sparse vectors of texts through a sparse encoder; needs `sentence-transformers`.

    Args:
        model_name: A model of the hub, such as `naver/splade-v3`, or the path of a folder that holds one.
        device: Such as `cpu` or `cuda`.
        task: What texts are embedded as.
        query_config: What queries are embedded as, if not as `task` says.
        **kwargs: What else the library's class takes.
    """

    stored_as = "huggingface_sparse"
    required = ("model_name", "device")

    def __init__(
        self,
        model_name: str,
        device: str,
        task: TaskType | None = "document",
        query_config: HuggingFaceSparseEmbeddingFunctionQueryConfig | None = None,
        **kwargs: Any,
    ) -> None:
        require(PACKAGE, PACKAGE)
        self.model_name = model_name
        self.device = device
        self.task = task
        self.query_config = query_config
        self.kwargs = plain(kwargs)

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text."""
        return self._embedded(input, self.task)

    def embed_query(self, input: Documents) -> SparseVectors:  # noqa: A002 # as above
        """Embed search texts."""
        return self._embedded(input, self.query_config["task"] if self.query_config else self.task)

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class."""
        return {"model_name_or_path": self.model_name, "device": self.device, **self.kwargs}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model, from the hub if it is no folder and was not fetched before."""
        return library(PACKAGE, PACKAGE).SparseEncoder(**settings)

    def _embedded(self, texts: Documents, task: TaskType | None) -> SparseVectors:
        model = self.model()
        encode = model.encode_query if task == "query" else model.encode_document
        return [_sparse(row) for row in encode(list(texts))]


def _sparse(row: Any) -> Any:
    dense = row.to_dense().cpu().numpy()
    indices = np.flatnonzero(dense)
    return ordered(indices.tolist(), dense[indices].tolist())

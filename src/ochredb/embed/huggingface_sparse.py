"""Sparse models of the Sentence Transformers library, such as SPLADE, run in this process."""

from typing import Any, TypedDict

import numpy as np

from ochredb.embed.base import SparseByTask, TaskType, library, ordered, plain, require
from ochredb.embed.protocol import Documents, SparseVectors

PACKAGE = "sentence_transformers"


class HuggingFaceSparseEmbeddingFunctionQueryConfig(TypedDict):
    """What is different for queries."""

    task: TaskType


class HuggingFaceSparseEmbeddingFunction(SparseByTask):
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

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class."""
        return {"model_name_or_path": self.model_name, "device": self.device, **self.kwargs}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model, from the hub if it is no folder and was not fetched before."""
        return library(PACKAGE, PACKAGE).SparseEncoder(**settings)

    def embedded(self, texts: Documents, task: TaskType | None) -> SparseVectors:
        """Embed each text as a document or as a query."""
        model = self.model()
        encode = model.encode_query if task == "query" else model.encode_document
        return [_sparse(row) for row in encode(list(texts))]


def _sparse(row: Any) -> Any:
    dense = row.to_dense().cpu().numpy()
    indices = np.flatnonzero(dense)
    return ordered(indices.tolist(), dense[indices].tolist())

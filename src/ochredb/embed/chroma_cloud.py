"""The models of Chroma's cloud: Qwen for dense vectors, SPLADE for sparse ones."""

import os
from enum import Enum
from typing import Any, TypeAlias

from ochredb.core.errors import BadValue
from ochredb.embed.base import ordered
from ochredb.embed.protocol import Documents, SparseEmbeddingFunction, SparseVectors
from ochredb.embed.service import Asking, ServiceFunction

ENDPOINT = "https://embed.trychroma.com"


class ChromaCloudQwenEmbeddingModel(Enum):
    """The models there are."""

    QWEN3_EMBEDDING_0p6B = "Qwen/Qwen3-Embedding-0.6B"


class ChromaCloudQwenEmbeddingTarget(Enum):
    """What is embedded."""

    DOCUMENTS = "documents"
    QUERY = "query"


class ChromaCloudSpladeEmbeddingModel(Enum):
    """The models there are."""

    SPLADE_PP_EN_V1 = "prithivida/Splade_PP_en_v1"


ChromaCloudQwenEmbeddingInstructions: TypeAlias = dict[str, dict[ChromaCloudQwenEmbeddingTarget, str]]
"""By task and target, what the model is told before the text."""

CHROMA_CLOUD_QWEN_DEFAULT_INSTRUCTIONS: ChromaCloudQwenEmbeddingInstructions = {
    "nl_to_code": {
        ChromaCloudQwenEmbeddingTarget.DOCUMENTS: "",
        # From Qwen's own evaluation, with its grammar: another text gives other vectors.
        ChromaCloudQwenEmbeddingTarget.QUERY: (
            "Given a question about coding, retrieval code or passage that can solve user's question"
        ),
    }
}


class ChromaCloudQwenEmbeddingFunction(ServiceFunction[Documents]):
    """Texts through Qwen at Chroma's cloud.

    Args:
        model: One of `ChromaCloudQwenEmbeddingModel`.
        task: Which of the instructions are given; None or an unknown task is none.
        instructions: By task and target.
        api_key_env_var: The environment variable with the key.
    """

    stored_as = "chroma-cloud-qwen"
    provider = "Chroma Cloud"
    batch = 100
    required = ("model", "task")
    fixed = ("model", "task", "instructions")

    def __init__(
        self,
        model: ChromaCloudQwenEmbeddingModel,
        task: str | None,
        instructions: ChromaCloudQwenEmbeddingInstructions = CHROMA_CLOUD_QWEN_DEFAULT_INSTRUCTIONS,
        api_key_env_var: str = "CHROMA_API_KEY",
    ) -> None:
        self.model = model
        self.task = task
        self.instructions = instructions
        self.api_key, self.api_key_env_var = _key(api_key_env_var), api_key_env_var

    def headers(self) -> dict[str, str]:
        """Give the key and the model."""
        return {"x-chroma-token": str(self.api_key), "x-chroma-embedding-model": self.model.value}

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask with the instruction for documents or for queries."""
        target = ChromaCloudQwenEmbeddingTarget.QUERY if query else ChromaCloudQwenEmbeddingTarget.DOCUMENTS
        instruction = self.instructions.get(self.task or "", {}).get(target, "")
        return _url(""), {"instructions": instruction, "texts": items}

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, which stand alone."""
        return list(answer["embeddings"])


class ChromaCloudSpladeEmbeddingFunction(Asking, SparseEmbeddingFunction[Documents]):
    """Sparse vectors of texts through SPLADE at Chroma's cloud.

    Args:
        api_key_env_var: The environment variable with the key.
        model: One of `ChromaCloudSpladeEmbeddingModel`.
        include_tokens: Whether vectors name the token of each dimension.
    """

    stored_as = "chroma-cloud-splade"
    provider = "Chroma Cloud"
    batch = 100
    required = ("api_key_env_var", "model")
    fixed = ("include_tokens", "model")

    def __init__(
        self,
        api_key_env_var: str = "CHROMA_API_KEY",
        model: ChromaCloudSpladeEmbeddingModel = ChromaCloudSpladeEmbeddingModel.SPLADE_PP_EN_V1,
        include_tokens: bool = False,
    ) -> None:
        self.api_key, self.api_key_env_var = _key(api_key_env_var), api_key_env_var
        self.model = model
        self.include_tokens = include_tokens

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002 # the name is part of Chroma's contract
        """Embed each text.

        Raises:
            ServiceError: The service refused, failed or could not be reached.
        """
        return self.ask(input, query=False)

    def headers(self) -> dict[str, str]:
        """Give the key and the model."""
        return {"x-chroma-token": str(self.api_key), "x-chroma-embedding-model": self.model.value}

    def request(self, items: list[Any], query: bool) -> tuple[str, dict[str, Any]]:
        """Ask for a batch; the service takes the wish for tokens as a word."""
        del query
        body = {"texts": items, "task": "", "target": "", "fetch_tokens": str(self.include_tokens).lower()}
        return _url("/embed_sparse"), body

    def vectors(self, answer: Any) -> list[Any]:
        """Read the vectors, their dimensions in whatever order."""
        return [
            ordered(each["indices"], each["values"], each.get("labels") if self.include_tokens else None)
            for each in answer["embeddings"]
        ]


def _key(variable: str) -> str:
    key = os.environ.get(variable)
    if not key:
        raise BadValue(f"API key not found in environment variable {variable}. Set it to your key of Chroma's cloud.")
    return key


def _url(path: str) -> str:
    return (os.environ.get("CHROMA_EMBED_URL") or ENDPOINT).rstrip("/") + path

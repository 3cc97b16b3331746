"""Sparse models of the FastEmbed library, run in this process."""

import warnings
from typing import Any, TypedDict

from ochredb.embed.base import SparseByTask, TaskType, chosen, library, ordered, plain, require
from ochredb.embed.protocol import Documents, SparseVectors

PACKAGE = "fastembed"


class FastembedSparseEmbeddingFunctionQueryConfig(TypedDict):
    """What is different for queries."""

    task: TaskType


Bm25EmbeddingFunctionQueryConfig = FastembedSparseEmbeddingFunctionQueryConfig


class _Fastembed(SparseByTask):
    def embedded(self, texts: Documents, task: TaskType | None) -> SparseVectors:
        """Embed each text as a document or as a query."""
        model = self.model()
        embed = model.query_embed if task == "query" else model.embed
        return [ordered(found.indices.tolist(), found.values.tolist()) for found in embed(list(texts))]


class FastembedSparseEmbeddingFunction(_Fastembed):
    """Sparse vectors of texts through a model of FastEmbed; needs `fastembed`.

    Args:
        model_name: Such as `prithivida/Splade_PP_en_v1`.
        task: What texts are embedded as.
        cache_dir: Where the library keeps its models.
        threads: How many it runs.
        cuda: Whether it runs on the graphics card.
        device_ids: Which ones.
        lazy_load: Whether it loads the model at the first text.
        query_config: What queries are embedded as, if not as `task` says.
        **kwargs: What else the library's class takes.
    """

    stored_as = "fastembed_sparse"
    required = ("model_name",)

    def __init__(
        self,
        model_name: str,
        task: TaskType | None = "document",
        cache_dir: str | None = None,
        threads: int | None = None,
        cuda: bool | None = None,
        device_ids: list[int] | None = None,
        lazy_load: bool | None = None,
        query_config: FastembedSparseEmbeddingFunctionQueryConfig | None = None,
        **kwargs: Any,
    ) -> None:
        require(PACKAGE, PACKAGE)
        self.model_name = model_name
        self.task = task
        self.cache_dir = cache_dir
        self.threads = threads
        self.cuda = cuda
        self.device_ids = device_ids
        self.lazy_load = lazy_load
        self.query_config = query_config
        self.kwargs = plain(kwargs)

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class that are not left to it."""
        settings = chosen(
            cache_dir=self.cache_dir,
            threads=self.threads,
            cuda=self.cuda,
            device_ids=self.device_ids,
            lazy_load=self.lazy_load,
        )
        return {"model_name": self.model_name, **settings, **self.kwargs}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the model, from the hub if it was not fetched before."""
        return library(PACKAGE, PACKAGE).SparseTextEmbedding(**settings)


class Bm25EmbeddingFunction(_Fastembed):
    """BM25 weights of a text's words through FastEmbed; needs `fastembed`. Prefer `ChromaBm25EmbeddingFunction`.

    Args:
        avg_len: Words in a document of ordinary length.
        task: What texts are embedded as.
        cache_dir: Where the library keeps its lists of words.
        k: How soon a word that comes again counts no more.
        b: How much the length of a document counts, 0 to 1.
        language: Of the stemmer.
        token_max_length: Longer words are left out.
        disable_stemmer: Whether words are left as they are.
        specific_model_path: A folder with the lists of words.
        query_config: What queries are embedded as, if not as `task` says.
        **kwargs: What else the library's class takes.
    """

    stored_as = "bm25"

    def __init__(
        self,
        avg_len: float | None = None,
        task: TaskType | None = "document",
        cache_dir: str | None = None,
        k: float | None = None,
        b: float | None = None,
        language: str | None = None,
        token_max_length: int | None = None,
        disable_stemmer: bool | None = None,
        specific_model_path: str | None = None,
        query_config: Bm25EmbeddingFunctionQueryConfig | None = None,
        **kwargs: Any,
    ) -> None:
        warnings.warn(
            "Bm25EmbeddingFunction is deprecated. Please use ChromaBm25EmbeddingFunction instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        require(PACKAGE, PACKAGE)
        self.avg_len = avg_len
        self.task = task
        self.cache_dir = cache_dir
        self.k = k
        self.b = b
        self.language = language
        self.token_max_length = token_max_length
        self.disable_stemmer = disable_stemmer
        self.specific_model_path = specific_model_path
        self.query_config = query_config
        self.kwargs = plain(kwargs)

    def settings(self) -> dict[str, Any]:
        """Give the arguments of the library's class that are not left to it."""
        settings = chosen(
            cache_dir=self.cache_dir,
            k=self.k,
            b=self.b,
            avg_len=self.avg_len,
            language=self.language,
            token_max_length=self.token_max_length,
            disable_stemmer=self.disable_stemmer,
            specific_model_path=self.specific_model_path,
        )
        return {"model_name": "Qdrant/bm25", **settings, **self.kwargs}

    def load(self, settings: dict[str, Any]) -> Any:
        """Load the lists of words, from the hub if they were not fetched before."""
        return library("fastembed.sparse.bm25", PACKAGE).Bm25(**settings)

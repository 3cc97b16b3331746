"""Embedding functions by name: how a collection remembers its function, and how it gets it back.

Law: what is stored never decides what code is loaded. A name is looked up among the classes that this process
registered and in the table of our own; it is never imported, and a configuration never names a class or a module.
"""

import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple, TypeVar, overload

import msgspec

from ochredb.core.errors import BadValue
from ochredb.embed.protocol import EmbeddingFunction, SparseEmbeddingFunction

AnyFunction = EmbeddingFunction[Any]
AnySparse = SparseEmbeddingFunction[Any]
C = TypeVar("C", bound=type[AnyFunction])
S = TypeVar("S", bound=type[AnySparse])

BUILT_IN = {
    "amazon_bedrock": ("amazon_bedrock", "AmazonBedrockEmbeddingFunction"),
    "baseten": ("baseten", "BasetenEmbeddingFunction"),
    "chroma-cloud-qwen": ("chroma_cloud", "ChromaCloudQwenEmbeddingFunction"),
    "chroma_langchain": ("langchain", "ChromaLangchainEmbeddingFunction"),
    "cloudflare_workers_ai": ("cloudflare", "CloudflareWorkersAIEmbeddingFunction"),
    "cohere": ("cohere", "CohereEmbeddingFunction"),
    "default": ("minilm", "DefaultEmbeddingFunction"),
    "google_gemini": ("google", "GoogleGeminiEmbeddingFunction"),
    "google_genai": ("google", "GoogleGeminiEmbeddingFunction"),
    "google_generative_ai": ("google", "GoogleGenerativeAiEmbeddingFunction"),
    "google_palm": ("google", "GooglePalmEmbeddingFunction"),
    "google_vertex": ("google", "GoogleVertexEmbeddingFunction"),
    "huggingface": ("huggingface", "HuggingFaceEmbeddingFunction"),
    "huggingface_server": ("huggingface", "HuggingFaceEmbeddingServer"),
    "instructor": ("instructor", "InstructorEmbeddingFunction"),
    "jina": ("jina", "JinaEmbeddingFunction"),
    "langchain": ("langchain", "ChromaLangchainEmbeddingFunction"),
    "mistral": ("mistral", "MistralEmbeddingFunction"),
    "morph": ("morph", "MorphEmbeddingFunction"),
    "nomic": ("nomic", "NomicEmbeddingFunction"),
    "ollama": ("ollama", "OllamaEmbeddingFunction"),
    "onnx_mini_lm_l6_v2": ("minilm", "ONNXMiniLM_L6_V2"),
    "open_clip": ("open_clip", "OpenCLIPEmbeddingFunction"),
    "openai": ("openai", "OpenAIEmbeddingFunction"),
    "perplexity": ("perplexity", "PerplexityEmbeddingFunction"),
    "roboflow": ("roboflow", "RoboflowEmbeddingFunction"),
    "sentence_transformer": ("sentence_transformers", "SentenceTransformerEmbeddingFunction"),
    "text2vec": ("text2vec", "Text2VecEmbeddingFunction"),
    "together_ai": ("together", "TogetherAIEmbeddingFunction"),
    "voyageai": ("voyageai", "VoyageAIEmbeddingFunction"),
}
"""The files and classes of our own functions, by the name that they are stored under; imported when first asked for."""

BUILT_IN_SPARSE = {
    "bm25": ("fastembed", "Bm25EmbeddingFunction"),
    "chroma-cloud-splade": ("chroma_cloud", "ChromaCloudSpladeEmbeddingFunction"),
    "chroma_bm25": ("chroma_bm25", "ChromaBm25EmbeddingFunction"),
    "fastembed_sparse": ("fastembed", "FastembedSparseEmbeddingFunction"),
    "huggingface_sparse": ("huggingface_sparse", "HuggingFaceSparseEmbeddingFunction"),
}
"""Likewise for sparse ones."""

known_embedding_functions: dict[str, type[AnyFunction]] = {}
"""The classes that this process can rebuild; those of `BUILT_IN` join it when first used."""

sparse_known_embedding_functions: dict[str, type[AnySparse]] = {}
"""Likewise for sparse ones."""


class _Kind(NamedTuple):
    """Where functions of one kind are looked for, and what errors say."""

    known: dict[str, Any]
    built_in: dict[str, tuple[str, str]]
    word: str
    decorator: str


_DENSE = _Kind(known_embedding_functions, BUILT_IN, "Embedding function", "register_embedding_function")
_SPARSE = _Kind(
    sparse_known_embedding_functions, BUILT_IN_SPARSE, "Sparse embedding function", "register_sparse_embedding_function"
)


@overload
def register_embedding_function(ef_class: C) -> C: ...
@overload
def register_embedding_function(ef_class: None = None) -> Callable[[C], C]: ...
def register_embedding_function(ef_class: C | None = None) -> C | Callable[[C], C]:
    """File a class under its `name()`: as a decorator, with or without parentheses, or as a plain call.

    Raises:
        BadValue: The class has no name of its own.
    """
    registered: C | Callable[[C], C] = _registered(ef_class, _DENSE)
    return registered


@overload
def register_sparse_embedding_function(ef_class: S) -> S: ...
@overload
def register_sparse_embedding_function(ef_class: None = None) -> Callable[[S], S]: ...
def register_sparse_embedding_function(ef_class: S | None = None) -> S | Callable[[S], S]:
    """File a class of sparse functions under its `name()`, in the same ways.

    Raises:
        BadValue: The class has no name of its own.
    """
    registered: S | Callable[[S], S] = _registered(ef_class, _SPARSE)
    return registered


def know_built_in() -> None:
    """Put all of our own classes among the known ones, where nobody has registered another of that name."""
    for kind in (_DENSE, _SPARSE):
        for name in kind.built_in:
            _find(name, kind)


def config_to_embedding_function(config: dict[str, Any]) -> AnyFunction:
    """Build a function from `{"name": ..., "config": {...}}`.

    Raises:
        BadValue: Nobody registered the name, or the class refuses the configuration.
    """
    found = _find(config.get("name"), _DENSE)
    if found is None:
        raise BadValue(f"Unsupported embedding function: {config.get('name')}")
    built: AnyFunction = _build(found, config.get("config"))
    return built


def persisted_form(function: object) -> dict[str, Any] | None:
    """Give what a collection stores of its function, and register the class so that this process can rebuild it.

    Args:
        function: An `EmbeddingFunction`, a `SparseEmbeddingFunction`, anything else with their `__call__`, or None.

    Raises:
        BadValue: Its `get_config()` is not a dictionary of JSON.
    """
    if function is None:
        return None
    if not isinstance(function, EmbeddingFunction | SparseEmbeddingFunction) or function.is_legacy():
        warnings.warn(
            f"{type(function).__name__} is an embedding function without name, get_config and build_from_config: "
            "the collection cannot remember it, so pass it again whenever you open the collection",
            DeprecationWarning,
            stacklevel=2,
        )
        return {"type": "legacy"}
    kind = _SPARSE if isinstance(function, SparseEmbeddingFunction) else _DENSE
    kind.known[function.name()] = type(function)
    return {"type": "known", "name": function.name(), "config": _json(function)}


def rebuild(form: dict[str, Any] | None) -> AnyFunction | None:
    """Give the function that a collection remembers; None if it remembers none that could be rebuilt.

    Args:
        form: What `persisted_form` gave, in this process or in another one.

    Raises:
        BadValue: Nobody registered the name here, the class refuses the configuration, or it is no such form.
    """
    built: AnyFunction | None = _rebuilt(form, _DENSE)
    return built


def rebuild_sparse(form: dict[str, Any] | None) -> AnySparse | None:
    """Give the sparse function that a schema remembers, as `rebuild` does."""
    built: AnySparse | None = _rebuilt(form, _SPARSE)
    return built


def _registered(ef_class: Any, kind: _Kind) -> Any:
    if ef_class is None:
        return partial(_registered, kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a class without a name is refused below, not warned of
        name = ef_class.name()
    if not isinstance(name, str):
        raise BadValue(f"{ef_class.__name__} cannot be registered: its static method name() must give a str")
    kind.known[name] = ef_class
    return ef_class


def _rebuilt(form: dict[str, Any] | None, kind: _Kind) -> Any:
    match form:
        case None | {"type": "legacy" | "unknown"}:
            return None
        case {"type": "known", "name": str(name)}:
            found = _find(name, kind)
            if found is None:
                raise BadValue(
                    f"{kind.word} {name} not found. Add @{kind.decorator} decorator to the class definition."
                )
            return _build(found, deepcopy(form.get("config")))  # which may be of more than one collection
        case _:
            raise BadValue(f"embedding_function: expected a stored form with a 'type', got {form!r}")


def _find(name: object, kind: _Kind) -> Any:
    if not isinstance(name, str):
        return None
    if name in kind.built_in and name not in kind.known:
        file, attribute = kind.built_in[name]
        kind.known[name] = getattr(import_module(f"ochredb.embed.{file}"), attribute)
    return kind.known.get(name)


def _build(ef_class: Any, config: dict[str, Any] | None) -> Any:
    ef_class.validate_config(config or {})
    return ef_class.build_from_config(config or {})


def _json(function: AnyFunction | AnySparse) -> dict[str, Any]:
    config = function.get_config()
    try:
        # The copy is what will be read back: later changes to the function's own dictionary do not reach it.
        return msgspec.json.decode(msgspec.json.encode(config), type=dict[str, Any])
    except (TypeError, ValueError) as error:
        raise BadValue(f"get_config() of embedding function {function.name()} must give JSON: {error}") from error

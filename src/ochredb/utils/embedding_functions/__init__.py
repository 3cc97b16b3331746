"""Chroma's home for embedding functions; the classes are those of `ochredb.embed`, which load no library."""

from ochredb.embed.amazon_bedrock import AmazonBedrockEmbeddingFunction
from ochredb.embed.baseten import BasetenEmbeddingFunction
from ochredb.embed.chroma_bm25 import ChromaBm25EmbeddingFunction
from ochredb.embed.chroma_cloud import ChromaCloudQwenEmbeddingFunction, ChromaCloudSpladeEmbeddingFunction
from ochredb.embed.cloudflare import CloudflareWorkersAIEmbeddingFunction
from ochredb.embed.cohere import CohereEmbeddingFunction
from ochredb.embed.fastembed import Bm25EmbeddingFunction, FastembedSparseEmbeddingFunction
from ochredb.embed.google import (
    GoogleGeminiEmbeddingFunction,
    GoogleGenaiEmbeddingFunction,
    GoogleGenerativeAiEmbeddingFunction,
    GooglePalmEmbeddingFunction,
    GoogleVertexEmbeddingFunction,
)
from ochredb.embed.huggingface import HuggingFaceEmbeddingFunction, HuggingFaceEmbeddingServer
from ochredb.embed.huggingface_sparse import HuggingFaceSparseEmbeddingFunction
from ochredb.embed.instructor import InstructorEmbeddingFunction
from ochredb.embed.jina import JinaEmbeddingFunction, JinaQueryConfig
from ochredb.embed.langchain import ChromaLangchainEmbeddingFunction, create_langchain_embedding
from ochredb.embed.minilm import DefaultEmbeddingFunction, ONNXMiniLM_L6_V2
from ochredb.embed.mistral import MistralEmbeddingFunction
from ochredb.embed.morph import MorphEmbeddingFunction
from ochredb.embed.nomic import NomicEmbeddingFunction, NomicQueryConfig
from ochredb.embed.ollama import OllamaEmbeddingFunction
from ochredb.embed.open_clip import OpenCLIPEmbeddingFunction
from ochredb.embed.openai import OpenAIEmbeddingFunction
from ochredb.embed.perplexity import PerplexityEmbeddingFunction
from ochredb.embed.protocol import EmbeddingFunction, SparseEmbeddingFunction
from ochredb.embed.registry import (
    BUILT_IN,
    BUILT_IN_SPARSE,
    config_to_embedding_function,
    know_built_in,
    known_embedding_functions,
    register_embedding_function,
    register_sparse_embedding_function,
    sparse_known_embedding_functions,
)
from ochredb.embed.roboflow import RoboflowEmbeddingFunction
from ochredb.embed.sentence_transformers import SentenceTransformerEmbeddingFunction
from ochredb.embed.text2vec import Text2VecEmbeddingFunction
from ochredb.embed.together import TogetherAIEmbeddingFunction
from ochredb.embed.voyageai import VoyageAIEmbeddingFunction

__all__ = [
    "AmazonBedrockEmbeddingFunction",
    "BasetenEmbeddingFunction",
    "Bm25EmbeddingFunction",
    "ChromaBm25EmbeddingFunction",
    "ChromaCloudQwenEmbeddingFunction",
    "ChromaCloudSpladeEmbeddingFunction",
    "ChromaLangchainEmbeddingFunction",
    "CloudflareWorkersAIEmbeddingFunction",
    "CohereEmbeddingFunction",
    "DefaultEmbeddingFunction",
    "EmbeddingFunction",
    "FastembedSparseEmbeddingFunction",
    "GoogleGeminiEmbeddingFunction",
    "GoogleGenaiEmbeddingFunction",
    "GoogleGenerativeAiEmbeddingFunction",
    "GooglePalmEmbeddingFunction",
    "GoogleVertexEmbeddingFunction",
    "HuggingFaceEmbeddingFunction",
    "HuggingFaceEmbeddingServer",
    "HuggingFaceSparseEmbeddingFunction",
    "InstructorEmbeddingFunction",
    "JinaEmbeddingFunction",
    "JinaQueryConfig",
    "MistralEmbeddingFunction",
    "MorphEmbeddingFunction",
    "NomicEmbeddingFunction",
    "NomicQueryConfig",
    "ONNXMiniLM_L6_V2",
    "OllamaEmbeddingFunction",
    "OpenAIEmbeddingFunction",
    "OpenCLIPEmbeddingFunction",
    "PerplexityEmbeddingFunction",
    "RoboflowEmbeddingFunction",
    "SentenceTransformerEmbeddingFunction",
    "SparseEmbeddingFunction",
    "Text2VecEmbeddingFunction",
    "TogetherAIEmbeddingFunction",
    "VoyageAIEmbeddingFunction",
    "config_to_embedding_function",
    "create_langchain_embedding",
    "get_builtins",
    "known_embedding_functions",
    "register_embedding_function",
    "register_sparse_embedding_function",
    "sparse_known_embedding_functions",
]


def get_builtins() -> set[str]:
    """Give the names of the classes that come with Ochre."""
    return {name for _, name in (*BUILT_IN.values(), *BUILT_IN_SPARSE.values())} | {"GoogleGenaiEmbeddingFunction"}


know_built_in()

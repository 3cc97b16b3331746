"""The functions that run a model in this process: what they ask of the library, and when."""

from typing import Any

import numpy as np
import pytest

from ochredb.core.errors import BadValue
from ochredb.core.model import SparseVector
from ochredb.embed import base
from ochredb.embed.registry import persisted_form, rebuild, rebuild_sparse
from ochredb.utils.embedding_functions import (
    Bm25EmbeddingFunction,
    ChromaBm25EmbeddingFunction,
    FastembedSparseEmbeddingFunction,
    HuggingFaceSparseEmbeddingFunction,
    InstructorEmbeddingFunction,
    OpenCLIPEmbeddingFunction,
    SentenceTransformerEmbeddingFunction,
    Text2VecEmbeddingFunction,
)

# Each library below tells in its vectors what it was asked for, and counts its models.
ENCODER = """
import numpy as np

loaded = []

class NAME:
    def __init__(self, **settings):
        loaded.append(settings)

    def encode(self, texts, convert_to_numpy, **more):
        assert convert_to_numpy
        return np.array([[len(str(text)), more.get("normalize_embeddings", -1)] for text in texts])
"""


@pytest.fixture(autouse=True)
def unmade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without models."""
    monkeypatch.setattr(base, "_made", {})


def test_sentence_transformers_load_once_and_late(library: Any) -> None:
    """Rebuilding what a collection remembers loads nothing; functions that differ only in length share a model."""
    library("sentence_transformers", ENCODER.replace("NAME", "SentenceTransformer"))
    form = persisted_form(SentenceTransformerEmbeddingFunction("a model", "cuda", True, cache_folder="here"))
    first, second = rebuild(form), rebuild(form)
    assert first is not None
    assert second is not None
    import sentence_transformers

    assert sentence_transformers.loaded == []
    assert [found.tolist() for found in first(["a", "three"])] == [[1.0, 1.0], [5.0, 1.0]]
    second(["a"])
    SentenceTransformerEmbeddingFunction("a model", "cuda", False, cache_folder="here")(["a"])
    assert sentence_transformers.loaded == [
        {"model_name_or_path": "a model", "device": "cuda", "cache_folder": "here"},
    ]
    SentenceTransformerEmbeddingFunction("a model", "cpu", cache_folder="here")(["a"])
    assert len(sentence_transformers.loaded) == 2


def test_instructor_is_told_what_for(library: Any) -> None:
    """The instruction stands before each text."""
    library("InstructorEmbedding", ENCODER.replace("NAME", "INSTRUCTOR"))
    assert InstructorEmbeddingFunction()(["a"])[0].tolist() == [1.0, -1.0]
    assert InstructorEmbeddingFunction(instruction="b")(["a"])[0].tolist() == [float(len("['b', 'a']")), -1.0]


def test_text2vec_embeds(library: Any) -> None:
    """Texts only."""
    library("text2vec", ENCODER.replace("NAME", "SentenceModel"))
    function = Text2VecEmbeddingFunction("a model")
    assert function(["three"])[0].tolist() == [5.0, -1.0]
    with pytest.raises(BadValue, match=r"Text2Vec only supports text documents, not images: got a ndarray at input\[0"):
        function([np.zeros(2)])


TORCH = """
from contextlib import contextmanager

import numpy as np

off = 0

@contextmanager
def no_grad():
    global off
    off += 1
    yield
    off -= 1

class Tensor:
    def __init__(self, array):
        self.array = np.asarray(array, float)

    def to(self, device):
        assert device == "cpu"
        return self

    def unsqueeze(self, axis):
        return Tensor(self.array[None])

    def squeeze(self):
        return Tensor(self.array.squeeze())

    def norm(self, dim, keepdim):
        return np.linalg.norm(self.array, axis=dim, keepdims=keepdim)

    def __truediv__(self, other):
        return Tensor(self.array / other)

    def cpu(self):
        return self

    def to_dense(self):
        return self

    def numpy(self):
        return self.array
"""
OPEN_CLIP = """
import torch
from torch import Tensor

class _Model:
    def to(self, device):
        assert device == "cpu"

    def encode_text(self, tokens):
        assert torch.off
        return tokens

    def encode_image(self, pictures):
        assert torch.off
        return pictures

def create_model_and_transforms(model_name, pretrained):
    assert (model_name, pretrained) == ("ViT-B-32", "laion2b_s34b_b79k")
    return _Model(), None, lambda picture: Tensor([0.0, float(picture)])

def get_tokenizer(model_name):
    return lambda text: Tensor([[float(len(text)), 0.0]])
"""


def test_open_clip_puts_texts_and_images_in_one_space(library: Any) -> None:
    """Vectors have length 1."""
    library("torch", TORCH)
    library("PIL.Image", "def fromarray(array): return array.sum()")
    library("open_clip", OPEN_CLIP)
    found = OpenCLIPEmbeddingFunction()(["three", np.ones((2, 2, 3))])
    assert [vector.tolist() for vector in found] == [[1.0, 0.0], [0.0, 1.0]]


SPARSE = """
import numpy as np
from types import SimpleNamespace

loaded = []

class NAME:
    def __init__(self, **settings):
        loaded.append(settings)

    def embed(self, texts):
        return (SimpleNamespace(indices=np.array([9, len(text)]), values=np.array([0.5, 1.0])) for text in texts)

    def query_embed(self, texts):
        return (SimpleNamespace(indices=np.array([1]), values=np.array([1.0])) for _ in texts)
"""
DOCUMENT, QUERY = SparseVector([3, 9], [1.0, 0.5]), SparseVector([1], [1.0])


def test_fastembed_gives_sparse_vectors(library: Any) -> None:
    """Dimensions are put in order, queries are embedded as such, and what was not set is left to the library."""
    library("fastembed", SPARSE.replace("NAME", "SparseTextEmbedding"))
    function = FastembedSparseEmbeddingFunction("a model", threads=2, query_config={"task": "query"}, other=1)
    again = rebuild_sparse(persisted_form(function))
    assert again is not None
    assert again(["abc"]) == [DOCUMENT]
    assert again.embed_query(["abc"]) == [QUERY]
    assert FastembedSparseEmbeddingFunction("a model", task="query")(["abc"]) == [QUERY]
    import fastembed

    assert fastembed.loaded[0] == {"model_name": "a model", "threads": 2, "other": 1}


def test_fastembeds_bm25_is_there_and_not_advised(library: Any) -> None:
    """A warning names the one to use."""
    library("fastembed.sparse.bm25", SPARSE.replace("NAME", "Bm25"))
    with pytest.warns(DeprecationWarning, match="Please use ChromaBm25EmbeddingFunction instead"):
        function = Bm25EmbeddingFunction(k=1.5, avg_len=100.0, query_config={"task": "query"})
    assert function(["abc"]) == [DOCUMENT]
    assert function.embed_query(["abc"]) == [QUERY]
    from fastembed.sparse import bm25

    assert bm25.loaded == [{"model_name": "Qdrant/bm25", "k": 1.5, "avg_len": 100.0}]


SPLADE = """
from torch import Tensor

class SparseEncoder:
    def __init__(self, **settings):
        assert settings == {"model_name_or_path": "a model", "device": "cpu"}

    def encode_document(self, texts):
        return [Tensor([0.0, 0.0, len(text)]) for text in texts]

    def encode_query(self, texts):
        return [Tensor([1.0, 0.0, 0.0]) for text in texts]
"""


def test_a_sparse_encoder_gives_what_is_not_zero(library: Any) -> None:
    """Documents and queries apart."""
    library("torch", TORCH)
    library("sentence_transformers", SPLADE)
    function = HuggingFaceSparseEmbeddingFunction("a model", "cpu", query_config={"task": "query"})
    assert function(["three"]) == [SparseVector([2], [5.0])]
    assert function.embed_query(["three"]) == [SparseVector([0], [1.0])]


# A stemmer that takes a plural's s off, and numbers that can be read.
STEMMER = """
class _Stemmer:
    def stemWord(self, word):
        return word.removesuffix("s")

def stemmer(language):
    assert language == "english"
    return _Stemmer()
"""
MURMUR = "def hash(text, seed): return -len(text) if text[0] in 'ab' else len(text)"


@pytest.fixture
def words(library: Any) -> None:
    """Install what splits and numbers words."""
    library("snowballstemmer", STEMMER)
    library("mmh3", MURMUR)


@pytest.mark.usefixtures("words")
def test_bm25_weighs_words() -> None:
    """Stop words and long words are left out, and a word counts less the more often it comes."""
    function = ChromaBm25EmbeddingFunction(avg_doc_length=3, token_max_length=5, include_tokens=True)
    (found,) = function(["The cats, the CAT; and 12 pelicans-pie!"])
    assert found.labels == ["12", "cat"]  # "pie" has the number of "cat", and came later
    assert found.indices == [2, 3]
    length = 1.2 * (1 - 0.75 + 0.75 * 4 / 3)
    assert found.values == pytest.approx([1 * 2.2 / (1 + length), 3 * 2.2 / (3 + length)])
    assert function.embed_query(["cats"]) == function(["cat"])


@pytest.mark.usefixtures("words")
def test_a_text_without_words_has_an_empty_vector() -> None:
    """It is legal, as is a list of stop words of one's own."""
    assert ChromaBm25EmbeddingFunction()(["", "the, of!"]) == [SparseVector([], [])] * 2
    function = ChromaBm25EmbeddingFunction(stopwords=["CAT"])
    assert function.get_config()["stopwords"] == ["CAT"]
    again = rebuild_sparse(persisted_form(function))
    assert again is not None
    (found,) = again(["cat of"])
    assert (found.indices, found.labels) == ([2], None)
    assert found.values == pytest.approx([2.2 / (1 + 1.2 * (0.25 + 0.75 / 256))])

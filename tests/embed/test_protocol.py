"""What an embedding function may be and may return, and what its callers get."""

from typing import Any

import numpy as np
import pytest

from ochredb.core.errors import BadValue
from ochredb.core.model import SparseVector
from ochredb.embed.protocol import (
    Documents,
    EmbeddingFunction,
    Embeddings,
    SparseEmbeddingFunction,
    SparseVectors,
    check_signature,
    normalize_embeddings,
)


class Given(EmbeddingFunction[Documents]):
    """Returns what it was made with."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002, ARG002 - the name is the contract
        """Give what it was made with."""
        return self.result


TWO = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (TWO, TWO),
        ([[1, 2], [3, 4]], TWO),
        ([np.array([1.0, 2.0]), np.array([3, 4])], TWO),
        ([[1.0, 2.0], np.array([3.0, 4.0], np.float16)], TWO),
        (np.array(TWO), TWO),
        (np.asfortranarray(np.array(TWO, np.float32)), TWO),
        (np.array(TWO, np.int32), TWO),
        ([1, 2.5], [[1.0, 2.5]]),
        ([np.float32(1), np.float32(2)], [[1.0, 2.0]]),
        (np.array([1.0, 2.0]), [[1.0, 2.0]]),
        ([16777217], [[16777216.0]]),
        ([[1.0], [2.0, 3.0]], [[1.0], [2.0, 3.0]]),
    ],
)
def test_any_usual_result_becomes_float32_vectors(result: object, wanted: list[list[float]]) -> None:
    """Lists and arrays, one vector or many, are given to callers as a list of float32 arrays."""
    found = Given(result)(["text"])
    assert isinstance(found, list)
    assert all(vector.dtype == np.float32 and vector.ndim == 1 and vector.flags.c_contiguous for vector in found)
    assert [vector.tolist() for vector in found] == wanted


@pytest.mark.parametrize(
    "result",
    [
        *(None, "text", 5, {"a": 1}, (1.0, 2.0), [(1.0, 2.0)], [[1.0], None], [[]], [[[1.0]]], [[1.0, [2.0]]]),
        *(["a", "b"], [True, False], [["a"]], [{}], [2**70], np.float32(1), np.zeros((1, 1, 1)), [np.zeros((1, 1))]),
    ],
)
def test_what_is_no_vector_is_refused(result: object) -> None:
    """A result of another shape raises with Chroma's text."""
    with pytest.raises(BadValue, match="Expected embeddings to be a list of floats or ints, a list of lists"):
        Given(result)(["text"])


@pytest.mark.parametrize("result", [[], np.zeros((0, 3))])
def test_no_vectors_are_refused(result: object) -> None:
    """An empty result raises with Chroma's text."""
    with pytest.raises(BadValue, match="Expected Embeddings to be non-empty list or numpy array"):
        Given(result)(["text"])


@pytest.mark.parametrize("result", [np.zeros((1, 2), np.int8), np.zeros(2, np.bool_), [np.array(["a"])]])
def test_what_is_no_number_is_refused(result: object) -> None:
    """An array of another dtype raises with Chroma's text."""
    with pytest.raises(BadValue, match="Expected each value in the embedding to be a int or float, got an embedding"):
        Given(result)(["text"])


def test_what_float32_cannot_hold_becomes_infinite() -> None:
    """No warning is given here; `add` refuses the infinity and names it."""
    assert normalize_embeddings([1e39])[0].tolist() == [np.inf]


def test_embed_query_calls_the_function() -> None:
    """Unless it is overridden, a search text is embedded as a document is."""
    assert Given([1.0]).embed_query(["text"])[0].tolist() == [1.0]


def test_an_overridden_embed_query_is_normalised() -> None:
    """It may return what `__call__` may return."""

    class Both(Given):
        def embed_query(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
            return [[7.0] for _ in input]

    assert Both([1.0]).embed_query(["text"])[0].dtype == np.float32


def test_a_mixin_may_bring_the_call() -> None:
    """A `__call__` from a class that is no EmbeddingFunction is normalised in the subclass, and not in the mixin."""

    class Mixin:
        def __call__(self, input: Documents) -> Any:  # noqa: A002 - the name is the contract
            return list(range(len(input) + 1))

    class Mixed(Mixin, EmbeddingFunction[Documents]):
        pass

    assert Mixed()(["text"])[0].tolist() == [0.0, 1.0]
    assert Mixin()(["text"]) == [0, 1]


def test_the_base_class_is_abstract() -> None:
    """A subclass without `__call__` cannot be made."""

    class Empty(EmbeddingFunction[Documents]):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Empty()


class Duck:
    """No EmbeddingFunction, and called like one."""

    def __call__(self, input: Documents) -> Any:  # noqa: A002 - the name is the contract
        """Give a vector each."""
        return [[1.0] for _ in input]


@pytest.mark.parametrize("function", [Given(TWO), Duck()])
def test_a_right_signature_passes(function: object) -> None:
    """A subclass and anything called in the same way are embedding functions."""
    check_signature(function)


class Old:
    """As before Chroma 0.4.16."""

    def __call__(self, texts: Documents) -> Any:
        """Give a vector each."""
        return [[1.0] for _ in texts]


def plain(input: Documents) -> Any:  # noqa: A002 - as in users' code
    """Give a vector each, without a class."""
    return [[1.0] for _ in input]


@pytest.mark.parametrize("function", [Old(), plain, 5, None, Duck, Given])
def test_a_wrong_signature_is_refused(function: object) -> None:
    """Another parameter, a plain function, no function and a class instead of an instance raise with Chroma's text."""
    with pytest.raises(
        ValueError,
        match=r"Expected EmbeddingFunction\.__call__ to have the following signature: "
        r"odict_keys\(\['self', 'input'\]\), got odict_keys\(\[",
    ):
        check_signature(function)


def test_the_found_signature_is_named() -> None:
    """The error shows the parameters that the function has."""
    with pytest.raises(ValueError, match=r"got odict_keys\(\['self', 'texts'\]\)"):
        check_signature(Old())


class Flaky(EmbeddingFunction[Documents]):
    """Fails a number of times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - the name is the contract
        """Fail, or give a vector each."""
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionError(f"call {self.calls}")
        return [[1.0] for _ in input]


def test_retries_until_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is twice the last, up to the longest."""
    pauses: list[float] = []
    monkeypatch.setattr("ochredb.embed.protocol.time.sleep", pauses.append)
    found = Flaky(4).embed_with_retries(["text"], attempts=5, wait=1, longest=3)
    assert pauses == [1, 2, 3, 3]
    assert len(found) == 1


def test_the_last_error_is_raised() -> None:
    """After the last attempt its own error comes through, and errors that were not to be retried come at once."""
    with pytest.raises(ConnectionError, match="call 2"):
        Flaky(9).embed_with_retries(["text"], attempts=2, wait=0)
    with pytest.raises(ConnectionError, match="call 1"):
        Flaky(9).embed_with_retries(["text"], attempts=2, wait=0, retry_on=KeyError)


def test_what_is_missing_warns_when_asked_for() -> None:
    """A legacy function answers NotImplemented with a warning, and telling that it is one warns of nothing."""
    function = Given(TWO)
    assert function.is_legacy()
    with pytest.warns(DeprecationWarning, match=r"without name\(\)"):
        assert function.name() is NotImplemented
    with pytest.warns(DeprecationWarning, match=r"without get_config\(\)"):
        assert function.get_config() is NotImplemented
    with pytest.warns(DeprecationWarning, match=r"without build_from_config\(\)"):
        assert function.build_from_config({}) is NotImplemented


def test_the_defaults() -> None:
    """A function that says nothing more is compared by l2, and may be compared in any space."""
    function = Given(TWO)
    assert function.default_space() == "l2"
    assert function.supported_spaces() == ["cosine", "l2", "ip"]
    function.validate_config({"any": "thing"})
    function.validate_config_update({}, {"any": "thing"})


class Sparse(SparseEmbeddingFunction[Documents]):
    """Returns what it was made with."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, input: Documents) -> SparseVectors:  # noqa: A002, ARG002 - the name is the contract
        """Give what it was made with."""
        return self.result


def test_sparse_vectors_are_given_as_they_are() -> None:
    """By a call, for a query and with retries."""
    vectors = [SparseVector([1, 2], [0.5, 1.0]), SparseVector([], [])]
    function = Sparse(vectors)
    assert function(["a", "b"]) is vectors
    assert function.embed_query(["a", "b"]) is vectors
    assert function.embed_with_retries(["a", "b"]) is vectors
    assert function.is_legacy()
    check_signature(function)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "Expected sparse vectors to be a list, got NoneType"),
        ([], "Expected sparse vectors to be a non-empty list, got 0 sparse vectors"),
        ([SparseVector([], []), [1.0]], "Expected SparseVector instance at position 1, got list"),
    ],
)
def test_what_is_no_sparse_vector_is_refused(result: object, text: str) -> None:
    """With Chroma's text."""
    with pytest.raises(BadValue, match=f"^{text}$"):
        Sparse(result)(["a"])

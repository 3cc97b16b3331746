"""Chroma's `validate_*` functions: what passes, and the texts of what does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ochredb.api import types
from ochredb.errors import DuplicateIDError

ARRAY = [np.array([1.0, 2.0], np.float32)]
SPARSE = [types.SparseVector([1], [1.0])]


@pytest.mark.parametrize(
    ("validate", "value"),
    [
        (types.validate_ids, ["a", "b"]),
        (types.validate_metadata, {"a": 1, "b": [True], "c": SPARSE[0]}),
        (types.validate_metadata, None),
        (types.validate_update_metadata, {"a": None}),
        (types.validate_metadatas, [{"a": 1}, None]),
        (types.validate_n_results, 3),
        (types.validate_embeddings, ARRAY),
        (types.validate_sparse_vectors, SPARSE),
    ],
)
def test_what_is_good_is_given_back(validate: Callable[[Any], Any], value: Any) -> None:
    """The very value comes back, for callers that go on with it."""
    assert validate(value) is value


@pytest.mark.parametrize(
    "call",
    [
        lambda: types.validate_where({"a": {"$gte": 1}}),
        lambda: types.validate_where_document({"$contains": "a"}),
        lambda: types.validate_include(["documents", "distances"]),
        lambda: types.validate_documents(["a"]),
        lambda: types.validate_documents(["a", None], nullable=True),
        lambda: types.validate_images([np.zeros((2, 2))]),
        lambda: types.validate_batch((["a"], None, None, None), {"max_batch_size": 1}),
        lambda: types.validate_embedding_function(types.DefaultEmbeddingFunction()),
    ],
)
def test_what_is_good_passes(call: Callable[[], Any]) -> None:
    """Nothing is said of it."""
    assert call() is None


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: types.validate_ids("a"), ValueError, "Expected IDs to be a list, got str as IDs"),
        (lambda: types.validate_ids([]), ValueError, "Expected IDs to be a non-empty list, got 0 IDs"),
        (lambda: types.validate_ids([1]), ValueError, "Expected ID to be a str, got 1"),
        (lambda: types.validate_ids(["a", "a"]), DuplicateIDError, "Expected IDs to be unique, found duplicates of: a"),
        (
            lambda: types.validate_metadata({"a": {}}),
            ValueError,
            "Expected metadata value to be a str, int, float, bool",
        ),
        (
            lambda: types.validate_metadata([1]),
            ValueError,
            "Expected metadata to be a dict or None, got list as metadata",
        ),
        (lambda: types.validate_metadata({}), ValueError, "Expected metadata to be a non-empty dict, got 0"),
        (lambda: types.validate_metadatas({"a": 1}), ValueError, "Expected metadatas to be a list, got {'a': 1}"),
        (lambda: types.validate_metadatas([{"a": {}}]), ValueError, "Expected metadata value to be a str"),
        (lambda: types.validate_where({"a": {"$gr": 1}}), ValueError, ""),
        (lambda: types.validate_where_document({"$like": "a"}), ValueError, ""),
        (lambda: types.validate_include("documents"), ValueError, "Expected include to be a list, got "),
        (lambda: types.validate_include(["x"]), ValueError, "Expected include item to be one of documents, embeddings"),
        (
            lambda: types.validate_include(["documents"], dissalowed=["documents"]),
            ValueError,
            "Include item cannot be one of documents, got documents",
        ),
        (lambda: types.validate_n_results(0), TypeError, "Number of requested results 0, cannot be negative, or zero."),
        (lambda: types.validate_n_results("3"), ValueError, "Expected requested number of results to be a int, got "),
        (
            lambda: types.validate_embeddings([[1.0]]),
            ValueError,
            "Expected each embedding in the embeddings to be a numpy array, got ['list']",
        ),
        (lambda: types.validate_embeddings([]), ValueError, "Expected"),
        (lambda: types.validate_documents("a"), ValueError, "Expected documents to be a list, got str"),
        (lambda: types.validate_documents([None]), ValueError, "Expected document to be a str, got None"),
        (lambda: types.validate_images("a"), ValueError, "Expected images to be a list, got str"),
        (lambda: types.validate_images([1]), ValueError, "Expected image to be a numpy array, got 1"),
        (lambda: types.validate_sparse_vectors([]), ValueError, "Expected sparse vectors to be a non-empty list"),
        (
            lambda: types.validate_sparse_vectors([1]),
            ValueError,
            "Expected SparseVector instance at position 0, got int",
        ),
        (
            lambda: types.validate_batch((["a", "b"], None, None, None), {"max_batch_size": 1}),
            ValueError,
            "Batch size 2 exceeds maximum batch size 1",
        ),
        (
            lambda: types.validate_embedding_function(len),
            ValueError,
            "Expected EmbeddingFunction.__call__ to have the following signature: odict_keys(['self', 'input']), got",
        ),
    ],
)
def test_what_is_bad_is_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    """Class and beginning of the text are Chroma's."""
    with pytest.raises(error) as refused:
        call()
    assert str(refused.value).startswith(text)


def test_one_becomes_many() -> None:
    """A list stays a list, None stays None, and anything else is one."""
    assert [types.maybe_cast_one_to_many(value) for value in ("a", ["a"], None)] == [["a"], ["a"], None]


def test_embeddings_become_arrays() -> None:
    """One vector or many come as a list of float32 arrays, None as None."""
    assert types.normalize_embeddings(None) is None
    for value in ([1.0, 2.0], [[1.0, 2.0]], np.array([[1.0, 2.0]])):
        (row,) = types.normalize_embeddings(value) or []
        assert (row.dtype, row.tolist()) == (np.float32, [1.0, 2.0])


FIELDS = ("ids", "embeddings", "metadatas", "documents", "images", "uris")
RECORD_SETS: list[tuple[str, dict[str, Any], tuple[Any, ...], str | None]] = [
    ("base_record_set", {}, (), "At least one of one of ids, embeddings"),
    ("base_record_set", {"documents": ["a"], "uris": ["a", "b"]}, (), "lengths for fields: documents: 1, uris: 2"),
    ("base_record_set", {"documents": [5]}, (), "document"),
    ("base_record_set", {"documents": ["a"], "metadatas": [{"x": 1}]}, (), None),
    ("insert_record_set", {"ids": ["a", "b"], "documents": ["a"]}, (), "lengths for fields: ids: 2, documents: 1"),
    ("insert_record_set", {"ids": ["a", "a"], "documents": ["a", "b"]}, (), "found duplicates of: a"),
    ("insert_record_set", {"ids": ["a"]}, (), None),
    ("record_set_contains_any", {}, ({"documents", "uris"},), "At least one of documents, uris must be provided"),
    ("record_set_contains_any", {"uris": ["a"]}, ({"documents", "uris"},), None),
    ("record_set_contains_one", {"documents": ["a"], "uris": ["a"]}, ({"documents", "uris"},), "Exactly one of"),
    ("record_set_contains_one", {"documents": ["a"]}, ({"nope"},), "Invalid field in contains: nope, available fields"),
    ("record_set_for_embedding", {"embeddings": [1]}, (), "Attempting to embed a record that already has embeddings."),
    ("record_set_for_embedding", {"documents": ["a"], "images": [1]}, (), "Exactly one of documents, images, uris"),
    ("record_set_for_embedding", {"documents": ["a"]}, ({"images"},), "Exactly one of images must be provided"),
    ("record_set_for_embedding", {"documents": ["a"]}, (), None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "more", "text"), RECORD_SETS)
def test_columns_of_records(name: str, given: dict[str, Any], more: tuple[Any, ...], text: str | None) -> None:
    """Each refusal says what Chroma's says."""
    validate = getattr(types, f"validate_{name}")
    columns = {**dict.fromkeys(FIELDS), **given}
    if text is None:
        validate(columns, *more)
        return
    with pytest.raises((ValueError, DuplicateIDError), match=text):
        validate(columns, *more)


def test_filters_together() -> None:
    """Either may be None, and each is looked at."""
    types.validate_filter_set({"where": {"a": 1}, "where_document": None})
    for bad in ({"where": {"$a": 1}, "where_document": None}, {"where": None, "where_document": {"$a": "x"}}):
        with pytest.raises(ValueError, match="here"):
            types.validate_filter_set(bad)

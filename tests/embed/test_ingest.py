"""Ingesting while the service that embeds fails: for a while, and for good."""

from typing import Any

import pytest

import ochredb
from ochredb.core.errors import ServiceError
from ochredb.transfer.pipeline import Pipeline
from ochredb.utils.embedding_functions import OllamaEmbeddingFunction

TEXTS = [{"id": f"t{n}", "document": f"text {n}"} for n in range(40)]
FAULT: tuple[int, dict[str, str], Any] = (500, {}, {"error": "over capacity"})


@pytest.fixture
def collection(provider: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Give an empty collection that asks the provider, without pauses."""
    monkeypatch.setattr("ochredb.embed.service.time.sleep", lambda _: None)
    monkeypatch.setattr(Pipeline, "pauses", (0.0, 0.0))
    provider.answer = lambda body: {"embeddings": [[float(len(text)), 1.0] for text in body["input"]]}
    with ochredb.PersistentClient(tmp_path / "db") as client:
        yield client.create_collection("asked", embedding_function=OllamaEmbeddingFunction(provider.url, "model"))


def asked(provider: Any) -> list[str]:
    """Give the texts of the requests that were answered."""
    return [text for request in provider.requests for text in request.body["input"]]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_service_that_fails_for_a_while_is_not_noticed(workers: int, collection: Any, provider: Any) -> None:
    """Neither is a record missing, nor is one embedded anew once it was."""
    provider.failures += [FAULT] * 7  # more than one call of the function asks again
    assert ochredb.ingest(collection, iter(TEXTS), batch=5, workers=workers).rows == 40
    assert collection.get(include=["documents"])["documents"] == [row["document"] for row in TEXTS]
    assert len(asked(provider)) == 40 + 7 * 5


def test_a_service_that_fails_for_good_leaves_what_it_gave(collection: Any, provider: Any) -> None:
    """The error is the service's, whole batches are in the collection, and the next run asks only for the rest."""
    provider.failures += [(200, {}, {"embeddings": [[1.0, 1.0]] * 5})] * 2 + [FAULT] * 999
    with pytest.raises(ServiceError, match=r"answered 500 .* over capacity"):
        ochredb.ingest(collection, iter(TEXTS), batch=5)
    assert collection.get()["ids"] == [f"t{n}" for n in range(10)]
    provider.requests.clear()
    provider.failures.clear()
    assert ochredb.ingest(collection, iter(TEXTS), batch=5).known == 10
    assert sorted(asked(provider)) == sorted(row["document"] for row in TEXTS[10:])
    assert collection.count() == 40

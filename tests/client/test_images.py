"""Images and URIs: embedded, kept, searched by and loaded."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import ochredb
from ochredb import errors
from ochredb.api.types import EmbeddingFunction

Loads = list[list[str | None]]


class Brightness(EmbeddingFunction[Any]):
    """Embeds an image as its mean, a text as its length; the second number tells which it was."""

    def __init__(self) -> None:
        pass

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give two numbers an item."""
        return [[len(item), 1.0] if isinstance(item, str) else [item.mean(), -1.0] for item in input]

    @staticmethod
    def name() -> str:
        """Give the name that a collection remembers."""
        return "tests_brightness"

    def get_config(self) -> dict[str, Any]:
        """Give nothing: there is nothing to set."""
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Brightness":
        """Make one."""
        del config
        return Brightness()


class Grey:
    """Loads a URI that is a number as an image of that brightness, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: Loads = []

    def __call__(self, uris: Any) -> Any:
        """Give an image a URI, None for none."""
        self.asked.append(list(uris))
        return [None if uri is None else image(float(uri)) for uri in uris]


def image(brightness: float) -> Any:
    """Give an image of two by three pixels."""
    return np.full((2, 3), brightness)


def brightness(images: Any) -> Any:
    """Give the brightness of each of some images, None for none, in whatever lists they are."""
    if isinstance(images, list):
        return [brightness(one) for one in images]
    return None if images is None else float(images.mean())


@pytest.fixture
def loader() -> Grey:
    """Give a loader that nobody has used."""
    return Grey()


@pytest.fixture
def pictures(client: ochredb.ClientAPI, loader: Grey) -> Iterator[ochredb.Collection]:
    """Give a collection of two pictures that are at URIs, and a text that is at none."""
    found = client.create_collection("pictures", embedding_function=Brightness(), data_loader=loader)
    found.add(ids=["dark", "bright"], uris=["10", "200"])
    found.add(ids=["text"], documents=["abc"])
    loader.asked.clear()
    return found


def test_images_are_embedded_and_not_kept(client: ochredb.ClientAPI) -> None:
    """A record of an image has its vector, and neither a document nor the pixels; a bare array is one image."""
    found = client.create_collection("images", embedding_function=Brightness())
    found.add(ids=["a", "b"], images=[image(1), image(2)], metadatas=[{"n": 1}, None])
    found.add(ids="c", images=image(3))
    kept = found.get(include=["embeddings", "documents", "uris", "metadatas"])
    assert kept["embeddings"].tolist() == [[1, -1], [2, -1], [3, -1]]
    assert (kept["documents"], kept["uris"]) == ([None] * 3, [None] * 3)
    assert kept["metadatas"] == [{"n": 1}, None, None]


def test_new_images_embed_anew(client: ochredb.ClientAPI) -> None:
    """`update` and `upsert` take images too, and a URI beside them."""
    found = client.create_collection("images", embedding_function=Brightness())
    found.upsert(ids=["a", "b"], images=[image(1), image(2)], uris=["1", "2"])
    found.update(ids=["a"], images=[image(9)])
    found.upsert(ids=["b"], images=image(8), uris="8")
    kept = found.get(include=["embeddings", "uris"])
    assert kept["embeddings"].tolist() == [[9, -1], [8, -1]]
    assert kept["uris"] == ["1", "8"]


def test_searching_by_image(pictures: ochredb.Collection) -> None:
    """One image or several find what is nearest to each, as texts find texts in the same collection."""
    assert pictures.query(query_images=[image(190), image(20)], n_results=1)["ids"] == [["bright"], ["dark"]]
    assert pictures.query(query_images=image(10), n_results=1)["distances"] == [[0.0]]
    assert pictures.query(query_texts="xyz", n_results=1)["ids"] == [["text"]]


def test_searching_by_uri(pictures: ochredb.Collection, loader: Grey) -> None:
    """The loader gives the image to search by, and the images that were found."""
    found = pictures.query(query_uris=["190", "20"], n_results=1, include=["data", "distances"])
    assert found["ids"] == [["bright"], ["dark"]]
    assert brightness(found["data"]) == [[200.0], [10.0]]
    assert found["uris"] == [["200"], ["10"]]
    assert found["included"] == ["data", "distances", "uris"]
    assert loader.asked == [["190", "20"], ["200"], ["10"]]
    assert pictures.query(query_uris="20", n_results=1)["ids"] == [["dark"]]


def test_data_comes_with_a_get(pictures: ochredb.Collection, loader: Grey) -> None:
    """What the records' URIs point at is loaded, None for a record without one; and nothing if it is not asked for."""
    asked = ["data"]
    found = pictures.get(include=asked)  # type: ignore[arg-type]
    assert brightness(found["data"]) == [10.0, 200.0, None]
    assert found["uris"] == ["10", "200", None]
    assert asked == ["data", "uris"]
    assert found["included"] is asked
    assert pictures.get(ids=["nobody"], include=["data"])["data"] == []
    loader.asked.clear()
    assert pictures.get(include=["uris"])["data"] is None
    assert loader.asked == []


def test_a_new_uri_keeps_the_vector(pictures: ochredb.Collection, loader: Grey) -> None:
    """`update` with a URI alone changes where the data is, and embeds nothing, as in Chroma."""
    pictures.update(ids=["dark"], uris=["77"])
    assert loader.asked == []
    found = pictures.get(ids=["dark"], include=["embeddings", "data"])
    assert found["embeddings"].tolist() == [[10, -1]]
    assert brightness(found["data"]) == [77.0]


def test_a_collection_that_is_opened_takes_a_loader(client: ochredb.ClientAPI, pictures: ochredb.Collection) -> None:
    """A loader is not stored: who opens the collection passes it."""
    with pytest.raises(ValueError, match="You must set a data loader on the collection if loading from URIs"):
        client.get_collection(pictures.name).get(include=["data"])
    for opened in (
        client.get_collection("pictures", data_loader=Grey()),
        client.get_or_create_collection("pictures", data_loader=Grey()),
        client.get_collection_by_id(pictures.id, data_loader=Grey()),
    ):
        assert brightness(opened.get(include=["data"])["data"]) == [10.0, 200.0, None]


NO_LOADER = "You must set a data loader on the collection if loading from URIs."
REFUSED: list[tuple[str, Callable[[ochredb.Collection], Any]]] = [
    ("Expected image to be a numpy array, got 5", lambda c: c.add(ids=["a"], images=[5])),  # type: ignore[list-item]
    ("Expected image to be a numpy array, got ", lambda c: c.add(ids=["a"], images=np.zeros(3))),
    ("Expected image to be a numpy array, got ", lambda c: c.query(query_images=[[[1, 2]]])),  # type: ignore[list-item]
    ("Unequal lengths for fields: ids: 1, images: 2", lambda c: c.add(ids=["a"], images=[image(1), image(2)])),
    ("Exactly one of ", lambda c: c.add(ids=["a"], images=[image(1)], documents=["x"])),
    ("Exactly one of ", lambda c: c.add(ids=["a"], images=[image(1)], uris=["1"])),
    ("Exactly one of ", lambda c: c.upsert(ids=["a"], uris=["1"])),
    ("Exactly one of ", lambda c: c.query(query_texts=["x"], query_images=[image(1)])),
    (NO_LOADER, lambda c: c.add(ids=["a"], uris=["1"])),
    (NO_LOADER, lambda c: c.query(query_uris=["1"])),
    (NO_LOADER, lambda c: c.get(include=["data"])),
]


@pytest.mark.parametrize(("text", "call"), REFUSED)
def test_what_cannot_be_embedded(
    client: ochredb.ClientAPI, text: str, call: Callable[[ochredb.Collection], Any]
) -> None:
    """No image, too many sources of one vector, or no loader for a URI: a ValueError, and nothing is changed."""
    found = client.create_collection("images", embedding_function=Brightness())
    found.add(ids=["there"], images=[image(1)])
    with pytest.raises(ValueError) as refused:  # noqa: PT011 # the text is looked at below
        call(found)
    assert str(refused.value).startswith(text)
    assert isinstance(refused.value, errors.ChromaError)
    assert found.get(include=["embeddings"])["embeddings"].tolist() == [[1, -1]]

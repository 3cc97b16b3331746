"""URIs become what they point at."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb.utils.data_loaders import ChromaLangchainPassthroughDataLoader, ImageLoader

needs_pillow = pytest.mark.skipif(find_spec("PIL") is None, reason="images need Pillow: pip install pillow")


class Colour(ochredb.EmbeddingFunction[list[np.ndarray]]):
    """Embeds an image as its mean colour, and so does a query."""

    def __call__(self, input: list[np.ndarray]) -> list[np.ndarray]:  # noqa: A002 # the name is part of the contract
        """Embed each image."""
        return [np.asarray(image, np.float32).mean(axis=(0, 1)) for image in input]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Make twelve images of a colour each."""
    from PIL import Image

    for n in range(12):
        Image.fromarray(np.full((4, 5, 3), (n * 20, 0, 255 - n * 20), np.uint8)).save(tmp_path / f"{n}.png")
    return [str(tmp_path / f"{n}.png") for n in range(12)]


@needs_pillow
@pytest.mark.parametrize("workers", [1, 4])
def test_images_come_in_order(files: list[str], workers: int) -> None:
    """Each file is an array (height, width, channels) in the place of its URI; None stays None."""
    images = ImageLoader(max_workers=workers)([*files, None])
    assert images[-1] is None
    for n, image in enumerate(images[:-1]):
        assert image is not None
        assert (image.shape, image[0, 0].tolist()) == ((4, 5, 3), [n * 20, 0, 255 - n * 20])


@needs_pillow
def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    """The error is the library's own, with the path."""
    (tmp_path / "text.png").write_text("no image")
    for name in ("text.png", "absent.png"):
        with pytest.raises(OSError, match=name):
            ImageLoader()([str(tmp_path / name)])


@needs_pillow
@pytest.mark.filterwarnings("ignore:.*embedding function without name:DeprecationWarning")
def test_a_collection_of_images(files: list[str]) -> None:
    """Images are added, searched and given back by their URIs."""
    with ochredb.EphemeralClient() as client:
        made = client.create_collection("images", embedding_function=Colour(), data_loader=ImageLoader())
        made.add(ids=[str(n) for n in range(12)], uris=files)
        found = made.query(query_uris=files[3], n_results=2, include=["data", "distances"])
        assert found["ids"][0][0] == "3"
        assert found["distances"] is not None
        assert found["distances"][0][0] == 0
        assert found["data"] is not None
        assert np.array_equal(found["data"][0][0], ImageLoader()([files[3]])[0])
        client.delete_collection("images")


def test_without_pillow_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is Chroma's, and names what to install."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ValueError, match=r"^The PIL python package is not installed\. .*`pip install pillow`"):
        ImageLoader()


def test_uris_pass_through() -> None:
    """LangChain's functions load by themselves."""
    assert ChromaLangchainPassthroughDataLoader()(["a", "b"]) == ("images", ["a", "b"])

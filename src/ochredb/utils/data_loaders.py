"""Chroma's loaders: from the URIs of records to what they point at."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ochredb.chroma.types import URI, URIs
from ochredb.embed.base import library
from ochredb.embed.protocol import Image

__all__ = ["ChromaLangchainPassthroughDataLoader", "ImageLoader"]


class ImageLoader:
    """Reads images from files, several at a time; needs Pillow.

    Args:
        max_workers: How many files are read at a time.

    Raises:
        BadValue: Pillow is not installed.
    """

    def __init__(self, max_workers: int = os.cpu_count() or 1) -> None:
        self._open = library("PIL.Image", "pillow").open
        self._max_workers = max_workers

    def __call__(self, uris: Sequence[URI | None]) -> list[Image | None]:
        """Give each file as an array (height, width, channels), or (height, width) of one channel; None for None.

        Raises:
            OSError: A file that is not there, or is no image.
        """
        with ThreadPoolExecutor(max_workers=self._max_workers) as pool:
            return list(pool.map(self._load, uris))

    def _load(self, uri: URI | None) -> Image | None:
        if uri is None:
            return None
        with self._open(uri) as image:
            return np.array(image)


class ChromaLangchainPassthroughDataLoader:
    """Gives the URIs themselves, for an embedding function that loads what they point at."""

    def __call__(self, uri: URIs) -> tuple[str, URIs]:
        """Give the kind, which is "images", and the URIs."""
        return "images", uri

"""Chroma's older names for a collection's configuration, which packages still name; neither product takes them."""

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = [
    "CollectionConfiguration",
    "CollectionConfigurationInterface",
    "CollectionConfigurationInternal",
    "HNSWConfiguration",
    "HNSWConfigurationInterface",
    "HNSWConfigurationInternal",
]


class CollectionConfigurationInternal(Absent):
    """The configuration that Chroma 0.5 had."""

    instead: ClassVar[str] = 'give configuration={"hnsw": {"space": "cosine"}} to create_collection'


class CollectionConfigurationInterface(CollectionConfigurationInternal):
    """The same, as users met it."""


class HNSWConfigurationInternal(Absent):
    """The settings of the index that Chroma 0.5 had."""

    instead: ClassVar[str] = CollectionConfigurationInternal.instead


class HNSWConfigurationInterface(HNSWConfigurationInternal):
    """The same, as users met it."""


CollectionConfiguration = CollectionConfigurationInterface
HNSWConfiguration = HNSWConfigurationInterface

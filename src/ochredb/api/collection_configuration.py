"""Chroma's names for what a collection's configuration is made of."""

from ochredb.chroma.types import (
    CollectionConfiguration,
    CreateCollectionConfiguration,
    HNSWConfiguration,
    SpannConfiguration,
    UpdateCollectionConfiguration,
    UpdateHNSWConfiguration,
    UpdateSpannConfiguration,
)

__all__ = [
    "CollectionConfiguration",
    "CreateCollectionConfiguration",
    "CreateHNSWConfiguration",
    "CreateSpannConfiguration",
    "HNSWConfiguration",
    "SpannConfiguration",
    "UpdateCollectionConfiguration",
    "UpdateHNSWConfiguration",
    "UpdateSpannConfiguration",
]

CreateHNSWConfiguration = HNSWConfiguration
CreateSpannConfiguration = SpannConfiguration

"""When two engines gave the same: what is exact, and how near a distance must be."""

from typing import Any

import numpy as np
from msgspec.structs import asdict

from ochredb.core.errors import OchreError
from ochredb.core.model import CollectionInfo, Floats, Hits, Records

NEAR = 1e-5
TIE = 1e-6


def typed(value: Any) -> Any:
    """Give a value that is equal only to values of the same type: 1, 1.0 and True are three.

    >>> typed({"n": 1}) == typed({"n": 1.0})
    False
    """
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value), value


def same_info(found: CollectionInfo, wanted: CollectionInfo) -> None:
    """Assert that two engines describe a collection alike; the UUID is each engine's own."""
    assert typed(asdict(found) | {"id": None}) == typed(asdict(wanted) | {"id": None})


def same_records(found: Records, wanted: Records) -> None:
    """Assert equal records in equal order; embeddings may be off by the rounding of an engine that normalises them."""
    assert found.ids == wanted.ids
    assert found.documents == wanted.documents
    assert typed(found.metadatas) == typed(wanted.metadatas)
    assert found.uris == wanted.uris
    same_embeddings(found.embeddings, wanted.embeddings)


def same_embeddings(found: Floats | None, wanted: Floats | None) -> None:
    """Assert near equal embeddings as float32 (n, d); none at all have any width."""
    assert (found is None) == (wanted is None)
    if found is None or wanted is None:
        return
    assert found.dtype == np.float32
    assert len(found) == len(wanted)
    if len(wanted):
        np.testing.assert_allclose(found, wanted, rtol=TIE, atol=TIE)


def same_hits(found: Hits, ranking: Hits, k: int) -> None:
    """Assert that hits are the head of a ranking, in its order except where distances tie.

    Args:
        found: The hits to judge.
        ranking: All records in their true order, with the same fields.
        k: How many were wanted.
    """
    assert len(found.records) == len(found.distances) == len(ranking.records)
    for records, distances, truth, exact in zip(
        found.records, found.distances, ranking.records, ranking.distances, strict=True
    ):
        place = {name: at for at, name in enumerate(truth.ids)}
        assert set(records.ids) <= set(place)
        places = [place[name] for name in records.ids]
        assert len(records) == len(set(places)) == min(k, len(truth))
        same_records(records, truth.take(places))
        np.testing.assert_allclose(distances, [exact[at] for at in places], rtol=NEAR, atol=NEAR)
        # A tie may fall either way, so it is the distance that belongs to a place, not the id.
        np.testing.assert_allclose([exact[at] for at in places], exact[: len(places)], rtol=TIE, atol=TIE)


def same_error(found: OchreError, wanted: OchreError) -> None:
    """Assert that one error's class is the other's or a base of it: over a wire, a class arrives as its base."""
    assert isinstance(found, type(wanted)) or isinstance(wanted, type(found)), f"{found!r} is not {wanted!r}"

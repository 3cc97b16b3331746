"""Values to the dictionaries that Chroma returns (contract 1.10 and 1.11)."""

from collections.abc import ItemsView
from typing import Any

import numpy as np

from ochredb.core.model import Hits, Records


class _Result(dict[str, Any]):
    """A plain dictionary, but that `items()`, which the `json` module reads a dictionary by, gives arrays as lists.

    So `json.dump(collection.get(include=["embeddings"]), file)` works, while `result["embeddings"]` is the array.
    """

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override] # a view of the converted twin
        return {key: _plain(value) for key, value in super().items()}.items()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(super().items()),)  # a copy has the arrays themselves


class GetResult(_Result):
    """What `get` and `peek` return: ids, embeddings, documents, uris, included, data, metadatas.

    A key that was not included is None. `embeddings` is a float64 array (n, dimension), or of shape (0,) for no record.
    """


class QueryResult(_Result):
    """What `query` returns: the keys of `GetResult` and distances, each a list with one entry a query vector.

    `embeddings` is a list of float64 arrays (n, dimension); `distances` ascend.
    """


def get_result(records: Records, included: list[str]) -> GetResult:
    """Shape the answer to a `get`."""
    return GetResult(
        ids=records.ids,
        embeddings=_embeddings(records) if "embeddings" in included else None,
        documents=records.documents if "documents" in included else None,
        uris=records.uris if "uris" in included else None,
        included=included,
        data=None,
        metadatas=_metadatas(records) if "metadatas" in included else None,
    )


def query_result(hits: Hits, included: list[str]) -> QueryResult:
    """Shape the answer to a `query`."""
    each = hits.records
    return QueryResult(
        ids=[records.ids for records in each],
        embeddings=[_embeddings(records) for records in each] if "embeddings" in included else None,
        documents=[records.documents for records in each] if "documents" in included else None,
        uris=[records.uris for records in each] if "uris" in included else None,
        included=included,
        data=None,
        metadatas=[_metadatas(records) for records in each] if "metadatas" in included else None,
        distances=hits.distances if "distances" in included else None,
    )


def _embeddings(records: Records) -> Any:
    if records.embeddings is None or not len(records):
        return np.empty(0, np.float64)
    return records.embeddings.astype(np.float64)


def _metadatas(records: Records) -> list[dict[str, Any] | None]:
    """Give metadata as Chroma reads it back: {} where a record has nothing but a URI, None where it has nothing."""
    metadatas = records.metadatas or []
    if records.uris is None:
        return metadatas
    return [
        {} if metadata is None and uri is not None else metadata
        for metadata, uri in zip(metadatas, records.uris, strict=True)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [_plain(item) for item in value]
    return value

"""Values to the dictionaries that Chroma returns (contract 1.10 and 1.11)."""

from collections.abc import ItemsView
from typing import TYPE_CHECKING, Any

import numpy as np

from ochredb.chroma.types import Include
from ochredb.core.model import Hits, Records, SparseVector


class _Result(dict[str, Any]):
    """A plain dictionary, but that `items()`, which the `json` module reads a dictionary by, gives arrays as lists, and
    sparse vectors as dictionaries.

    So `json.dump(collection.get(include=["embeddings"]), file)` works, while `result["embeddings"]` is the array.
    """

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override] # a view of the converted twin
        return {key: _plain(value) for key, value in super().items()}.items()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(super().items()),)  # a copy has the arrays themselves


if TYPE_CHECKING:  # a type checker knows each key by its type; a TypedDict can have no `items` of its own
    from ochredb.chroma.types import GetResult as GetResult
    from ochredb.chroma.types import QueryResult as QueryResult
else:

    class GetResult(_Result):
        """What `get` and `peek` return: ids, embeddings, documents, uris, included, data, metadatas.

        A key that was not included is None. `embeddings` is a float64 array (n, dimension), or of shape (0,) for no
        record.
        """

    class QueryResult(_Result):
        """What `query` returns: the keys of `GetResult` and distances, each a list with one entry a query vector.

        `embeddings` is a list of float64 arrays (n, dimension); `distances` ascend.
        """


def get_result(records: Records, included: Include) -> GetResult:
    """Shape the answer to a `get`."""
    make: Any = GetResult  # Chroma's types do not say that a document, a URI or metadata may be None
    result: GetResult = make(
        ids=records.ids,
        embeddings=_embeddings(records) if "embeddings" in included else None,
        documents=records.documents if "documents" in included else None,
        uris=records.uris if "uris" in included else None,
        included=included,
        data=None,
        metadatas=metadatas(records) if "metadatas" in included else None,
    )
    return result


def query_result(hits: Hits, included: Include) -> QueryResult:
    """Shape the answer to a `query`."""
    each = hits.records
    make: Any = QueryResult  # as above
    result: QueryResult = make(
        ids=[records.ids for records in each],
        embeddings=[_embeddings(records) for records in each] if "embeddings" in included else None,
        documents=[records.documents for records in each] if "documents" in included else None,
        uris=[records.uris for records in each] if "uris" in included else None,
        included=included,
        data=None,
        metadatas=[metadatas(records) for records in each] if "metadatas" in included else None,
        distances=hits.distances if "distances" in included else None,
    )
    return result


def _embeddings(records: Records) -> Any:
    if records.embeddings is None or not len(records):
        return np.empty(0, np.float64)
    return records.embeddings.astype(np.float64)


def metadatas(records: Records) -> list[dict[str, Any] | None]:
    """Give metadata as Chroma reads it back: {} where a record has nothing but a URI, None where it has nothing."""
    found = records.metadatas or []
    if records.uris is None:
        return found
    return [
        {} if metadata is None and uri is not None else metadata
        for metadata, uri in zip(found, records.uris, strict=True)
    ]


def _plain(value: Any) -> Any:
    match value:
        case np.ndarray():
            return value.tolist()
        case SparseVector():
            return value.to_dict()
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value

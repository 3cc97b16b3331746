"""Values to Chroma's dictionaries."""

import json

import numpy as np
import pytest
from hypothesis import given

from ochredb.chroma.check import INCLUDABLE, fields, include
from ochredb.chroma.shape import get_result, query_result
from ochredb.core.model import Hits, Records
from ochredb.testing import strategies


@given(strategies.records(min_size=0))
def test_a_result_holds_what_the_records_hold(records: Records) -> None:
    """Whatever the records, ids, documents and URIs are theirs, embeddings theirs as float64, and all of it is JSON."""
    names = ["documents", "embeddings", "metadatas", "uris"]
    found = get_result(records, names)
    assert (found["ids"], found["documents"], found["uris"]) == (records.ids, records.documents, records.uris)
    assert found["embeddings"].tolist() == (records.embeddings.tolist() if len(records) else [])
    for shown, metadata, uri in zip(found["metadatas"], records.metadatas or [], records.uris or [], strict=True):
        assert shown == ({} if metadata is None and uri is not None else metadata)
    hits = query_result(Hits([records, records], [[0.5] * len(records)] * 2), [*names, "distances"])
    assert [hits["ids"][n] for n in range(2)] == [records.ids] * 2
    assert json.loads(json.dumps(hits))["embeddings"] == [found["embeddings"].tolist()] * 2
    assert json.loads(json.dumps(found, indent=1))["ids"] == records.ids


@pytest.mark.parametrize("item", INCLUDABLE)
def test_only_what_is_included_is_fetched(item: str) -> None:
    """Each item asks for its own field; metadata needs the URIs, which decide whether it is None or empty."""
    wanted = {"distances": set(), "data": {"uris"}, "metadatas": {"metadatas", "uris"}}.get(item, {item})
    assert fields(include([item], distances=True)) == wanted


def test_changing_a_result_changes_no_record() -> None:
    """The array in a result is the caller's own."""
    records = Records(["a"], np.ones((1, 2), np.float32))
    get_result(records, ["embeddings"])["embeddings"][0, 0] = 7
    assert records.embeddings is not None
    assert records.embeddings.tolist() == [[1, 1]]

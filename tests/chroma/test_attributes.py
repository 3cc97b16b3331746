"""Metadata that callers give: what is taken comes out whole."""

from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma import attributes
from ochredb.core.errors import OchreError
from ochredb.core.model import Metadata
from ochredb.testing import strategies
from ochredb.testing.compare import typed


@given(st.lists(strategies.metadatas(), min_size=1, max_size=5))
def test_metadata_comes_out_as_it_went_in(metadatas: list[Metadata | None]) -> None:
    """Metadata of every type that is taken keeps its values and their types, and what was given is not changed."""
    before = typed(metadatas)
    try:
        found, _ = attributes.record_metadatas(metadatas)
    except OchreError:
        assert any("\0" in key for metadata in metadatas for key in metadata or {})
        return
    assert typed(found) == typed(metadatas) == before

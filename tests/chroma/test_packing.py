"""Embeddings as base64."""

from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma.packing import optional_base64_strings_to_embeddings, optional_embeddings_to_base64_strings

ROWS = st.one_of(st.none(), st.lists(st.one_of(st.none(), st.lists(st.floats(width=32, allow_nan=False)))))


@given(ROWS)
def test_vectors_survive(rows: list[list[float] | None] | None) -> None:
    """What is unpacked is what was packed, None included."""
    assert optional_base64_strings_to_embeddings(optional_embeddings_to_base64_strings(rows)) == rows


def test_the_form_is_chromas() -> None:
    """Little-endian float32, as Chroma 1.5.9 sends it."""
    assert optional_embeddings_to_base64_strings([[1.0, 2.0]]) == ["AACAPwAAAEA="]

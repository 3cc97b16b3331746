"""Loose arguments to values: what is taken comes out whole, whatever form it had."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ochredb.chroma import attributes, check, matrix
from ochredb.core.errors import InvalidArgumentError, OchreError
from ochredb.core.model import Metadata
from ochredb.testing import strategies
from ochredb.testing.compare import typed

DTYPES = st.sampled_from(["float16", "float32", "float64", "int32", "int64"])
TABLES = DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, st.tuples(st.integers(1, 4), st.integers(1, 4))))


@given(TABLES, st.sampled_from(["array", "fortran", "arrays", "lists", "strided"]))
def test_embeddings_in_any_form(table: Any, form: str) -> None:
    """Every accepted form of the same numbers gives the same float32 in C order, or is refused for the same reason."""
    forms: dict[str, Any] = {
        "array": table,
        "fortran": np.asfortranarray(table),
        "arrays": list(table),
        "lists": table.tolist(),
        "strided": np.repeat(table, 2, axis=1)[:, ::2],
    }
    with np.errstate(over="ignore"):
        wanted = table.astype(np.float32)
    if not np.isfinite(wanted).all():
        with pytest.raises(InvalidArgumentError, match="NaN or Infinity"):
            matrix.embeddings(forms[form])
        return
    found = matrix.embeddings(forms[form])
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, wanted)


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


@given(st.lists(strategies.text(5).filter(bool), min_size=1, max_size=6))
def test_ids_come_out_as_they_went_in(ids: list[str]) -> None:
    """Ids of any script are taken as they are; what is given twice, or has a NUL, is refused."""
    if len(set(ids)) < len(ids) or any("\0" in id_ for id_ in ids):
        with pytest.raises(OchreError):
            check.record_ids(ids)
    else:
        assert check.record_ids(ids) == ids
        assert check.record_ids(ids) is not ids
        assert check.record_ids(ids[0]) == [ids[0]]


@pytest.mark.parametrize("length", [1, check.LONGEST_ID])
def test_the_longest_id(length: int) -> None:
    """An id may be as long as it is said; one more byte, also of a letter that has two, is too long."""
    assert check.record_ids(["x" * length]) == ["x" * length]
    with pytest.raises(ValueError, match="65536 bytes"):
        check.record_ids(["y", "x" * (check.LONGEST_ID - 1) + "é"])
    assert len(check.record_ids(["x" * 60_000] + [str(n) for n in range(9)])) == 10

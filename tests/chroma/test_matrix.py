"""Vectors in any form that callers give: the same numbers come out."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ochredb.chroma import matrix
from ochredb.core.errors import InvalidArgumentError

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

"""Loose arguments to values: what is taken comes out whole, whatever form it had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.chroma import check
from ochredb.core.errors import OchreError
from ochredb.testing import strategies


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

"""A large write is cut to what one call may hold."""

import pytest

from ochredb.utils.batch_utils import create_batches


class Client:
    """Takes three records a call."""

    def get_max_batch_size(self) -> int:
        """Give the limit."""
        return 3


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_batches_are_whole_and_in_order(count: int, sizes: list[int]) -> None:
    """Every record is in one batch, in its place, with its own columns; a column that was not given stays None."""
    ids = [str(n) for n in range(count)]
    embeddings = [[float(n)] for n in range(count)]
    batches = create_batches(Client(), ids, embeddings, documents=ids[:])
    assert [len(batch[0]) for batch in batches] == sizes
    assert [one for batch in batches for one in batch[0]] == ids
    assert [one for batch in batches for one in batch[1] or []] == embeddings
    assert all(metadatas is None for _, _, metadatas, _ in batches)
    assert [one for batch in batches for one in batch[3] or []] == ids

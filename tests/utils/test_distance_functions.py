"""The three distances, in the units that a query returns."""

import numpy as np
import pytest

from ochredb.utils.distance_functions import cosine, ip, l2

Q, A = (np.array(vector, np.float32) for vector in ([1, 2, 3], [3, 1.5, 1]))


@pytest.mark.parametrize(
    ("distance", "x", "y", "wanted"),
    [
        (l2, Q, A, 8.25),
        (l2, Q, Q, 0.0),
        (ip, Q, A, -8.0),
        (ip, Q, Q, -13.0),
        (cosine, Q, A, 1 - 9 / np.sqrt(14 * 12.25)),
        (cosine, Q, 2 * Q, 0.0),
        (cosine, Q, np.zeros(3, np.float32), 1.0),
        (cosine, np.zeros(3, np.float16), np.zeros(3, np.float16), 1.0),
        (cosine, Q, -Q, 2.0),
    ],
)
def test_smaller_is_nearer(distance, x: np.ndarray, y: np.ndarray, wanted: float) -> None:  # noqa: ANN001
    """l2 is squared, cosine is 1 - cos with 1 for a zero vector, ip is 1 - dot; all are Python floats."""
    found = distance(x, y)
    assert isinstance(found, float)
    assert found == pytest.approx(wanted, abs=1e-6)

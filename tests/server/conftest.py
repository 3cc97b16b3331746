"""A server that the tests of a session share; each makes collections of its own."""

from collections.abc import Iterator

import pytest

from tests.serving import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server on a new folder, on which time-outs are short."""
    folder = tmp_path_factory.mktemp("served") / "data"
    with serving(folder, "--timeout", "2", variables={"OCHRE_HEAD_TIMEOUT": "1"}) as server:
        yield server

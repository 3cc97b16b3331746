"""The real package, where `make test-compat` says where it is."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.compat.peers import Chroma

pytest.register_assert_rewrite("tests.compat.compare", "tests.compat.peers")


@pytest.fixture(scope="session")
def chroma() -> Iterator["Chroma"]:
    """Give the real package in a process of its own."""
    python = os.environ.get("CHROMA_PYTHON")
    if python is None:
        pytest.skip("needs the real chromadb: make test-compat installs it and sets CHROMA_PYTHON")
    from tests.compat.peers import Chroma  # the other environment that runs tests of this folder has no use for it

    peer = Chroma(python)
    yield peer
    peer.close()

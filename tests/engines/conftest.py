"""Where the real engines are: `python -m tests.engines` starts Milvus and says so in `OCHRE_TEST_MILVUS_URL`."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings

from ochredb.core.engine import Engine

if "OCHRE_TEST_ENGINES" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

settings.register_profile("engines", max_examples=12, deadline=None)
"""An example makes a collection or two, and Milvus takes three seconds to load one."""

_databases = (f"test_{os.getpid()}_{n}" for n in count())


@pytest.fixture(scope="session")
def milvus_url() -> str:
    """Give the URL of a running Milvus, with a database of this process."""
    if "OCHRE_TEST_MILVUS_URL" not in os.environ:
        pytest.skip("needs a Milvus: make test-engines starts one where the package `milvus` has a wheel")
    return f"{os.environ['OCHRE_TEST_MILVUS_URL']}/{next(_databases)}"


@pytest.fixture(scope="session")
def milvus_session(milvus_url: str) -> Iterator[Engine]:
    """Give the engine of this process: its catalog is loaded once."""
    from ochredb.remote.milvus import engine

    opened = engine(milvus_url)
    yield opened
    opened.reset()
    opened.close()


@pytest.fixture
def milvus(milvus_session: Engine) -> Engine:
    """Give an engine without collections."""
    milvus_session.reset()
    return milvus_session

"""A folder to begin with."""

from pathlib import Path

import pytest

from tests.crash import children
from tests.crash.writer import write

STEPS = 200


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a `database` that has views on disk, and its `ledger`; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("filled")
    ended = children.run(write, folder / "database", folder / "ledger", 3, None, STEPS)
    assert ended.value == STEPS, ended
    for view in ("vectors", "text"):
        assert list(folder.glob(f"database/*/{view}.json")), f"no view {view} was written"
    return folder

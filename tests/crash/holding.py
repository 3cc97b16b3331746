"""A process that takes the write lock and keeps it."""

import time
from pathlib import Path

from ochredb.local.engine import LocalEngine


def hold(folder: Path, verb: str) -> None:
    """Hold the write lock for a long time, and say so by a file `held`."""
    engine = LocalEngine(folder)
    with engine._store.writing(verb):
        (folder / "held").touch()
        time.sleep(600)

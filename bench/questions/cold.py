"""Ask how long the first answer takes when nothing of the store is in memory, and how large the store is."""

import os
from collections.abc import Iterator
from pathlib import Path

from bench.case import Case, Counted, Session
from bench.memory import MEGABYTE
from bench.questions.open import first_answer


def cases(session: Session) -> Iterator[Case]:
    """Drop the store's files from the page cache and open once; the runner repeats the process."""
    yield Counted("disk", "MB", allocated(session.store))
    note = "" if evict(session.store) else "the files could not be dropped from the page cache"
    peer, seconds = first_answer(session)
    yield Counted("cold open and first query", "s", seconds, note)
    peer.close()


def allocated(store: Path) -> float:
    """Give the megabytes that the files occupy, which for a sparse file are fewer than its length."""
    return sum(path.stat().st_blocks for path in store.rglob("*")) * 512 / MEGABYTE


def evict(store: Path) -> bool:
    """Drop the files from the page cache, if the system can."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in filter(Path.is_file, store.rglob("*")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)  # what is not yet written is not dropped
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True

"""Memory that was let go of, given back to the system."""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Have the C library return the pages that nobody uses.

    The lists of an index are many small pieces, which glibc keeps for later once they are freed.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # not glibc: nothing of the kind, or no need of it
        return None

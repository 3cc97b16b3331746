"""How much memory this process holds."""

import resource
import sys
from pathlib import Path

MEGABYTE = 1e6


def resident() -> float:
    """Give the resident memory in megabytes; where there is no /proc, its peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak()
    return pages * resource.getpagesize() / MEGABYTE


def peak() -> float:
    """Give the largest resident memory so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE

"""What a sample was measured on, as far as it explains the figure; nothing that names the host."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.data import ROOT


def context() -> dict[str, Any]:
    """Give the date, the commit and the machine."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}


def machine() -> dict[str, Any]:
    """Give processor, cores, memory and kernel."""
    return {
        "cpu": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory": _line("/proc/meminfo", "MemTotal") or "unknown",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def commit() -> str:
    """Give the commit, marked `-dirty` if the tree has changes that are not in it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return f"{head}-dirty" if _git("status", "--porcelain", "--", "src", "bench", ":!bench/results") else head


def _git(*arguments: str) -> str | None:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository: an unpacked archive
        return None


def _line(path: str, key: str) -> str | None:
    """Give the value of the first `key: value` in a file of /proc."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)

"""The part of the lock that goes into the image."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_lock_is_cut_into_entries() -> None:
    """Each has its version and its checksums, and nothing of the lock is lost between them."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = runpy.run_path(str(ROOT / "docker" / "locked.py"))["entries"](lock)
    assert lock.endswith("".join(entry for _, entry in entries))
    assert lock.count("==") >= len(entries) > 40
    assert all(entry.startswith(f"{name}==") and "--hash=sha256:" in entry for name, entry in entries)
    assert {"apsw", "uvicorn", "pytest"} <= {name for name, _ in entries}


def test_what_the_image_is_made_of_is_let_in() -> None:
    """What the Dockerfile copies is not kept out by `.dockerignore`, and nothing else is let in."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {
        name.partition("/")[0]
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    assert copied == {line[1:] for line in ignore if line.startswith("!")}

"""A disk that is really full: a small file system in memory, filled to its last byte."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import children
from tests.crash.children import needs_fork
from tests.crash.filling import begin, fill

SIZE = "6m"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of a few megabytes."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.name == "nt":
        pytest.skip("the system has no mount")
    place = tmp_path / "tiny"
    place.mkdir()
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run([umount, "--lazy", place], check=True)


@needs_fork
def test_a_full_disk_loses_nothing(tiny: Path) -> None:
    """Writes are refused with the reason, reads go on, deleting and vacuuming work, and then so does writing."""
    ended = children.run(fill, tiny)
    assert ended.value == "done", ended


@needs_fork
def test_a_full_disk_refuses_to_open_a_new_database(tiny: Path) -> None:
    """Nothing can be made there, and the process is told so; afterwards it can."""
    ended = children.run(begin, tiny)
    assert ended.value == "done", ended

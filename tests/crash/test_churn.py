"""A long life in a short time: neither memory nor disk grow with what was written and is gone."""

import sys
from pathlib import Path

import pytest

from tests.crash import children
from tests.crash.churn import churn, growth

SAMPLES = 12
MEMORY, DISK = 12 << 20, 256 << 10
"""Bytes that are taken for noise: the allocator's, and that of lengths of texts and of B-trees."""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process takes is read from /proc")
def test_what_is_gone_takes_no_room(tmp_path: Path) -> None:
    """After many times the records that there are were written and removed, all is as small as it was early on."""
    ended = children.run(churn, tmp_path / "database", 1, SAMPLES, patience=110)
    assert ended.value is not None, ended
    memory, disk = growth(ended.value)
    assert memory < MEMORY, ended.value
    assert disk < DISK, ended.value

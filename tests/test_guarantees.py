"""Every promise in `docs/guarantees.md` names tests, and they are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise")]


def test_there_are_promises() -> None:
    """The page is read."""
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:50])
def test_a_promise_is_held(row: str) -> None:
    """It names at least one test file, with a test in it."""
    promise, tests = row.strip("| ").split(" | ")
    named = re.findall(r"`(tests/[^`]+)`", tests)
    assert promise.endswith(".")
    assert named
    for name in named:
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function in defined or (not function and any(name.startswith("test_") for name in defined)), name

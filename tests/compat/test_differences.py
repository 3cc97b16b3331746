"""Each difference that the page states is one: both packages answer as it says, neither as the other."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.compat import calls
from tests.compat.calls import call, shown
from tests.compat.compare import differ, told
from tests.compat.differences import ANSWERS, DIFFERENCES, Difference, shows
from tests.compat.peers import Chroma, Ours, ochre

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
EVERY = [*DIFFERENCES, *ANSWERS]


@pytest.fixture
def both(chroma: Chroma) -> Iterator[tuple[Chroma, Ours]]:
    """Give both packages, each with a stocked collection and an empty one."""
    folder = Path(mkdtemp())
    chroma.begin(folder / "theirs")
    ours = ochre(folder / "ours")
    for peer in (chroma, ours):
        for name, handle in (("first", "0"), ("second", "1")):
            assert peer.answer(call("client", "create_collection", {"name": name}, handle))[0] == "answer"
        assert peer.answer(calls.STOCK)[0] == "answer"
    yield chroma, ours
    ours.close()
    shutil.rmtree(folder, ignore_errors=True)  # the real package keeps its files open until the next begins


@pytest.mark.parametrize("difference", EVERY, ids=lambda difference: f"{difference.row}-{difference.call['verb']}")
def test_both_answer_as_the_page_says(both: tuple[Chroma, Ours], difference: Difference) -> None:
    """The real package still does what the page says of it, and Ochre does the other thing."""
    for peer in both:
        for one in difference.before:
            peer.answer(one)
    theirs, ours = (peer.answer(difference.call) for peer in both)
    assert differ(difference.call, theirs, ours) is not None
    assert shows(difference, theirs, ours), f"{shown(difference.call)[:300]}: {told(theirs)[:300]} / {told(ours)[:300]}"


def test_the_page_has_a_row_for_each() -> None:
    """What differs is named on the page, in a row of its own."""
    rows = set(re.findall(r"^\| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {difference.row for difference in EVERY} - rows == set()

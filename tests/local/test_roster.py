"""Slots of labels, against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.model import Labels
from ochredb.local.roster import Roster


def array(labels: list[int]) -> Labels:
    return np.array(sorted(labels), np.int64)


@pytest.mark.parametrize("gaps", [1, 5])
@given(data=st.data())
def test_a_roster_follows_a_dictionary(gaps: int, data: st.DataObject) -> None:
    """Labels keep their slots, new ones get the next, those that go are dead for good; unknown ones have no slot."""
    steps = st.lists(st.integers(1, gaps), max_size=8)
    labels = (np.cumsum(data.draw(steps)) - 1).astype(np.int64)
    roster, slots, dead = Roster(labels), {int(label): slot for slot, label in enumerate(labels)}, set[int]()
    for _ in range(data.draw(st.integers(1, 6))):
        if data.draw(st.booleans()):
            more = roster.last + np.cumsum(data.draw(steps)).astype(np.int64)
            slots |= {int(label): len(slots) + n for n, label in enumerate(more)}
            roster.extend(more)
        else:
            gone = array(list(data.draw(st.sets(st.integers(0, 60)))))
            known = [int(label) for label in gone if int(label) in slots and int(label) not in dead]
            assert roster.remove(gone).tolist() == [slots[label] for label in known]
            dead |= set(known)
        asked = array(list(data.draw(st.sets(st.integers(0, 60)))))
        assert roster.slots(asked).tolist() == [slots[label] for label in asked.tolist() if label in slots]
        wanted = np.zeros(len(slots), np.bool_)
        wanted[[slots[label] for label in asked.tolist() if label in slots and label not in dead]] = True
        np.testing.assert_array_equal(roster.mask(asked), wanted)
    assert roster.labels.tolist() == list(slots)
    assert roster.alive.tolist() == [label not in dead for label in slots]
    assert (len(roster), roster.dead, roster.last) == (len(slots), len(dead), max(slots, default=-1))

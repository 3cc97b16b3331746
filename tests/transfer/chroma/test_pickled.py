"""Pickles are read, and nothing that they ask for is done."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.transfer.chroma import pickled

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS
LABELS = st.dictionaries(TEXTS, st.integers(0, 2**40), max_size=8)
STATES = st.fixed_dictionaries(
    {"id_to_label": LABELS, "label_to_id": st.dictionaries(st.integers(0, 2**40), TEXTS, max_size=8), "other": SCALARS}
)


class PersistentData:
    """Stands for the class of this name in Chroma 0.4 to 0.6."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


@given(STATES, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_dictionaries(state: dict[str, Any], protocol: int) -> None:
    """A dictionary of dictionaries, as 1.x writes it, comes back as it was."""
    assert pickled.read(pickle.dumps(state, protocol)) == (state, None)


@given(STATES, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_attributes(state: dict[str, Any], protocol: int) -> None:
    """The attributes of the one known class, as 0.4 to 0.6 write it, come back as a dictionary."""
    assert pickled.read(pickle.dumps(PersistentData(state), protocol)) == (state, None)


@given(STATES, st.integers(2, pickle.HIGHEST_PROTOCOL), st.floats(0, 1, exclude_max=True))
def test_one_that_breaks_off(state: dict[str, Any], protocol: int, place: float) -> None:
    """What was whole before the break is there, nothing else, and the break is told."""
    content = pickle.dumps(state, protocol)
    found, fault = pickled.read(content[: int(place * len(content))])
    assert fault is not None
    for name in ("id_to_label", "label_to_id"):
        assert found.get(name, {}).items() <= state[name].items()


@given(st.binary(max_size=60) | STATES.map(pickle.dumps), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255))))
def test_rubbish(content: bytes, changes: list[tuple[int, int]]) -> None:
    """Any bytes at all give a dictionary, and a text if something is wrong; nothing is raised."""
    spoiled = bytearray(content)
    for place, byte in changes:
        if place < len(spoiled):
            spoiled[place] = byte
    found, fault = pickled.read(bytes(spoiled))
    assert isinstance(found, dict)
    assert fault is None or fault


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(protocol: int, tmp_path: Path) -> None:
    """A pickle that makes a file when it is loaded makes none, and what came before the call is there."""
    made = tmp_path / "made"
    attack = {"id_to_label": {"a": 1}, "then": Hostile(os.mkdir, str(made))}
    found, fault = pickled.read(pickle.dumps(attack, protocol))
    assert not made.exists()
    assert fault is not None
    assert "where only PersistentData is known" in fault
    assert found == {"id_to_label": {"a": 1}}
    pickle.loads(pickle.dumps(attack, protocol))
    assert made.exists()  # it would have worked


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([1, 2]),
        pickle.dumps("text"),
        pickle.dumps({1}),
        b"\x80\x04\x8c\x01a\x8c\x0ePersistentData\x93\x8c\x01b\x85R.",  # it calls the class
        b"\x80\x04\x8c\x01a\x8c\x0ePersistentData\x93.",  # the class itself
        b"c__builtin__\neval\n.",
        b"}u.",
        b"h\x00.",
        b"}q\x00\x85R.",
    ],
)
def test_what_is_no_dictionary(content: bytes) -> None:
    """Everything else is refused with a text that says what it is."""
    found, fault = pickled.read(content)
    assert not found
    assert fault

"""Random calls, good and bad, get the same answers from Ochre, its reference engine and the real chromadb 1.5.9."""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.compat import calls, differences
from tests.compat.calls import Call, call
from tests.compat.compare import differ
from tests.compat.peers import Chroma, ochre, reference

HANDLES = st.sampled_from(calls.HANDLES)
STEPS = (*calls.WRITES * 3, *calls.READS * 3, *calls.CATALOG, "restart")
EXAMPLES = 2 * settings().max_examples


class SameAnswers(RuleBasedStateMachine):
    """Asks all three the same, and compares every answer and what each write leaves."""

    chroma: Chroma
    moved = False
    refused = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.chroma.begin(self.folder / "theirs")
        self.ours = {"ochre": ochre(self.folder / "ours"), "the reference": reference()}

    def teardown(self) -> None:
        """Leave nothing open, and nothing behind."""
        for one in self.ours.values():
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)  # the real package keeps its files open until the next begins

    @initialize(spaces=st.tuples(st.sampled_from(calls.SPACES), st.sampled_from(calls.SPACES)))
    def begin(self, spaces: tuple[str, str]) -> None:
        """Give each handle a collection."""
        for handle, space in zip(calls.HANDLES, spaces, strict=True):
            self.make(handle, space)

    # One rule, because Hypothesis draws rules alike, and a restart between all other steps would leave few of them.
    @rule(data=st.data(), handle=HANDLES, verb=st.sampled_from(STEPS), bad=st.integers(0, 3))
    def step(self, data: st.DataObject, handle: str, verb: str, bad: int) -> None:
        """Call a verb, one time in four with something wrong among its arguments, and compare what it leaves."""
        keep = handle if verb in calls.KEEPING else None
        arguments = calls.arguments(data.draw, verb, spoil=bad == 1)
        if verb == "delete_collection":
            self.empty(arguments["name"])
        if verb == "delete_database" and self.moved:
            return
        if not self.ask(call(calls.holder(verb, handle), verb, arguments, keep)):
            self.ask(call("client", "set_tenant", {"tenant": "default_tenant"}))
            self.ask(call("client", "reset", {}))  # one took what another refused, so that they hold different things
            self.begin(("l2", "cosine"))
        self.moved |= verb in ("set_tenant", "set_database")
        if verb not in calls.READS:
            self.look(handle)

    def make(self, handle: str, space: str) -> None:
        """Give a handle a stocked collection of its own, whatever was there."""
        self.empty(f"own-{handle}")
        self.ask(call("client", "delete_collection", {"name": f"own-{handle}"}))
        arguments = {"name": f"own-{handle}", "configuration": {"hnsw": {"space": space}}}
        self.ask(call("client", "create_collection", arguments, handle))
        self.ask({**calls.STOCK, "on": handle})

    def empty(self, name: Any) -> None:
        """Delete the records of a collection that is to be deleted: see ANSWERS in differences.py.

        A database with collections elsewhere cannot be emptied so, and is not deleted.
        """
        self.ask(call("client", "get_collection", {"name": name}, "going"))
        if not self.refused:
            self.ask(call("going", "delete", {"where": {"nowhere": {"$ne": 1}}}))

    def look(self, handle: str) -> None:
        """Compare all that can be seen: what was refused must have changed nothing. Then replace what is gone."""
        self.ask(call("client", "list_collections", {}))
        self.ask(call(handle, "count", {}))
        self.ask(call(handle, "get", {"include": list(calls.GET)}))
        if self.refused:
            self.make(handle, "ip")

    def ask(self, one: Call) -> bool:
        """Compare the answers to a call; tell whether they were the same, rather than known to differ."""
        theirs = self.chroma.answer(one)
        self.refused = theirs[0] == "error"
        same = True
        for name, peer in self.ours.items():
            found = peer.answer(one)
            why = differ(one, theirs, found)
            if why is not None:
                assert differences.known(one, theirs, found), f"{name} at {calls.shown(one)}: {why}"
                same = False
        return same


@pytest.mark.timeout(900)  # it is many tests in one
def test_answers_are_those_of_the_real_package(chroma: Chroma) -> None:
    """Results, their types and order, classes of errors and how their texts begin are Chroma's, after every step.

    What differs stands in `docs/differences.md`, and `test_differences.py` holds each of it.
    """
    machine: Any = type("Machine", (SameAnswers,), {"chroma": chroma})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )

"""The same random calls on an engine and on the reference, their answers compared after every one."""

from collections.abc import Callable
from sys import maxsize
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from ochredb.core.engine import Engine
from ochredb.core.errors import NotSupported, OchreError
from ochredb.core.model import (
    ALL_FIELDS,
    Change,
    Delete,
    Fields,
    Get,
    NewCollection,
    Query,
    Records,
    Scope,
    Space,
    Write,
)
from ochredb.testing import strategies
from ochredb.testing.compare import same_error, same_hits, same_info, same_records
from ochredb.testing.reference import ReferenceEngine

Call: TypeAlias = Callable[[Engine, str], Any]
"""A verb on an engine and the id that it gave to a collection."""

Same: TypeAlias = Callable[[Any, Any], None]
"""An assertion that what the engine gave is what the reference gave."""

SCOPE = Scope()
EVERYTHING = Get(fields=ALL_FIELDS)
NOWHERE = str(UUID(int=4))
HANDLES = st.integers(0, 1)
NAMES = st.sampled_from(("first", "second", "third"))
SPACES: st.SearchStrategy[Space] = st.sampled_from(("l2", "cosine", "ip"))

# What a collection often begins with, so that the calls find something: drawing it each time would leave few steps.
STOCK = Records(
    list(strategies.NAMES[:6]),
    np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0], [-0.5, 2, 1], [0, 2, -1], [0, 0, 1.5]], dtype=np.float32),
    ["the quick fox", None, "", "The ÄPFEL 東京 ٣", "2015 a*b", "quick"],
    [
        {"n": 1, "tags": [1, 2**53 + 1]},
        {"n": 1.0, "tags": [1.0, -0.0], "год": "1"},
        {"n": True, "tags": [True]},
        {"n": "1", "tags": ["1", "", "1"], "год": 2**53 + 1},
        {"n": 0, "год": float(2**53)},
        None,
    ],
    [None, "file:a", "", None, None, "é"],
)


def engine_machine(
    make_engine: Callable[[], Engine], reopen: Callable[[Engine], Engine] | None = None
) -> type[RuleBasedStateMachine]:
    """Give a state machine that drives a new engine and the reference alike.

    Its `TestCase` is collected by pytest; `run_state_machine_as_test` runs it within a test.

    Args:
        make_engine: Make an engine that is empty but for the default tenant and database.
        reopen: Close an engine and open what it left; it is then called now and then, between two verbs.
    """

    class EngineMachine(_Machine):
        def make(self) -> Engine:
            return make_engine()

        @precondition(lambda _: reopen is not None)
        @rule()
        def reopen(self) -> None:
            if reopen is not None:
                self.engine = reopen(self.engine)

    # Fifty steps make an example worth many of another test's.
    EngineMachine.TestCase.settings = settings(max_examples=max(1, settings().max_examples // 2))
    return EngineMachine


class _Machine(RuleBasedStateMachine):
    """Drives two engines.

    A handle is the ids that both gave to one collection; when that is gone the handle stays, and every verb is refused.
    """

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.engine = self.make()
        self.reference = ReferenceEngine()
        self.handles: dict[int, tuple[str, str]] = {}

    def make(self) -> Engine:
        raise NotImplementedError  # each machine made below says how it opens its engine

    @initialize(spaces=st.tuples(SPACES, SPACES))
    def begin(self, spaces: tuple[Space, Space]) -> None:
        self.create(0, "first", spaces[0], exist_ok=False, stock=True)
        self.create(1, "second", spaces[1], exist_ok=False, stock=True)

    @rule(handle=HANDLES, name=NAMES, space=SPACES, exist_ok=st.booleans(), stock=st.booleans())
    def create(self, handle: int, name: str, space: Space, exist_ok: bool, stock: bool) -> None:
        new = NewCollection(name, space, metadata={"by": "hand", "n": 1}, configuration={"hnsw": {"space": space}})
        made = self._both(lambda engine, _: engine.create_collection(SCOPE, new, exist_ok), handle, same_info)
        if made is not None:
            self.handles[handle] = made[0].id, made[1].id
            if stock:
                self.write(handle, Write("add", STOCK))

    @rule(handle=HANDLES, change=strategies.changes(NAMES))
    def modify(self, handle: int, change: Change) -> None:
        self._both(lambda engine, id_: engine.modify_collection(id_, change), handle, same_info)
        self._compare(handle)

    @rule(handle=HANDLES, space=SPACES, stock=st.booleans())
    def drop(self, handle: int, space: Space, stock: bool) -> None:
        name = self.reference.get_collection_by_id(self.handles[handle][1]).name
        self._both(lambda engine, _: engine.delete_collection(SCOPE, name), handle)
        self._compare(handle)
        for gone in [one for one, ids in self.handles.items() if ids == self.handles[handle]]:
            self.create(gone, name, space, exist_ok=True, stock=stock)

    # Three kinds of write to one of everything else: it is they that make a difference to the rest.
    @rule(handle=HANDLES, write=strategies.writes("add"))
    def add(self, handle: int, write: Write) -> None:
        self.write(handle, write)

    @rule(handle=HANDLES, write=strategies.writes("upsert"))
    def upsert(self, handle: int, write: Write) -> None:
        self.write(handle, write)

    @rule(handle=HANDLES, write=strategies.writes("update"))
    def update(self, handle: int, write: Write) -> None:
        self.write(handle, write)

    def write(self, handle: int, write: Write) -> None:
        self._both(lambda engine, id_: engine.write(id_, write), handle)
        self._compare(handle)

    @rule(handle=HANDLES, get=strategies.gets())
    def get(self, handle: int, get: Get) -> None:
        self._both(lambda engine, id_: engine.get(id_, get), handle, same_records)

    @rule(handle=HANDLES, query=strategies.queries())
    def query(self, handle: int, query: Query) -> None:
        whole = replace(query, k=maxsize)
        self._both(
            lambda engine, id_: engine.query(id_, whole if engine is self.reference else query),
            handle,
            lambda found, ranking: same_hits(found, ranking, query.k),
        )

    @rule(handle=HANDLES, delete=strategies.deletes())
    def delete(self, handle: int, delete: Delete) -> None:
        self._both(lambda engine, id_: engine.delete(id_, delete), handle, _equal)
        self._compare(handle)

    @rule(handle=HANDLES, fields=strategies.fields(), batch=st.integers(1, 4))
    def scan(self, handle: int, fields: Fields, batch: int) -> None:
        self._both(lambda engine, id_: list(engine.scan(id_, fields, batch)), handle, _each(same_records))

    def teardown(self) -> None:
        self.engine.close()

    def _compare(self, handle: int) -> None:
        # A refused call must have changed nothing, the dimension that a first write fixes included.
        self._both(lambda engine, id_: engine.get_collection_by_id(id_), handle, same_info)
        self._both(lambda engine, _: engine.list_collections(SCOPE), handle, _each(same_info))
        self._both(lambda engine, id_: engine.count(id_), handle, _equal)
        self._both(lambda engine, id_: engine.get(id_, EVERYTHING), handle, same_records)

    def _both(self, call: Call, handle: int, same: Same | None = None) -> tuple[Any, Any] | None:
        """Give what both answered, after comparing it; None if both refused or the engine cannot do it at all."""
        ours, theirs = self.handles.get(handle, (NOWHERE, NOWHERE))
        found = _outcome(call, self.engine, ours)
        if isinstance(found, NotSupported):
            return None
        wanted = _outcome(call, self.reference, theirs)
        if isinstance(found, OchreError) and isinstance(wanted, OchreError):
            same_error(found, wanted)
            return None
        if isinstance(found, OchreError):
            raise found
        assert not isinstance(wanted, OchreError), f"{found!r} instead of {wanted!r}"
        if same is not None:
            same(found, wanted)
        return found, wanted


def _outcome(call: Call, engine: Engine, collection: str) -> Any:
    try:
        return call(engine, collection)
    except OchreError as error:
        return error


def _equal(found: object, wanted: object) -> None:
    assert found == wanted


def _each(same: Same) -> Same:
    def compare(found: list[Any], wanted: list[Any]) -> None:
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)

    return compare

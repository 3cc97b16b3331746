"""Thresholds so low that a few hundred records are indexed, saved, renewed, trimmed and checkpointed all the time."""

from types import ModuleType

import apsw

from ochredb.local import collection, engine, indexer, log, plan, text, vectors
from ochredb.local.store import Store

CHECKPOINT_PAGES = 40
KEPT = 120
"""How many calls the log keeps: a check in a process whose thresholds are the usual ones has to know it."""

LOWERED: tuple[tuple[ModuleType, str, object], ...] = (
    (vectors, "INDEXED_FROM", 300),
    (engine, "INDEXED_FROM", 300),
    (vectors, "TAIL", 150),
    (engine, "TAIL", 150),
    (collection, "TAIL", 150),
    (indexer, "_QUIET_SECONDS", 0.02),
    (plan, "EXACT_ROWS", 50),
    (text, "INDEXED_FROM", 200),
    (log, "KEPT", KEPT),
)


def lower_thresholds() -> None:
    """Lower them in this process, for good: it is one that a test has started."""
    for module, name, value in LOWERED:
        assert hasattr(module, name), f"{module.__name__} has no {name} any more"
        setattr(module, name, value)
    connect = Store._connect

    def impatient(store: Store) -> apsw.Connection:
        db = connect(store)
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
        return db

    Store._connect = impatient  # type: ignore[method-assign]

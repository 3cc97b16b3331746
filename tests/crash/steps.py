"""What a writer does: steps drawn from a seed, each told by a few numbers, so that a ledger of them is short.

The same function carries a step out on the engine and, when a ledger is read, on the reference: `change`.
"""

import shutil
from collections.abc import Callable
from random import Random

import msgspec
import numpy as np
from msgspec.structs import replace

from ochredb.core.engine import Engine
from ochredb.core.model import (
    NO_FIELDS,
    Change,
    Delete,
    Floats,
    Get,
    Metadata,
    Mode,
    NewCollection,
    Query,
    Records,
    Scope,
    Space,
    Write,
)
from ochredb.core.where import Where, parse, parse_document
from ochredb.local.engine import LocalEngine
from ochredb.transfer.choice import Choice, Chosen, Redescribed
from ochredb.transfer.copy import Manner, copy
from ochredb.transfer.export import Order, to_folder
from ochredb.transfer.exported import ExportedFolder
from ochredb.transfer.manifest import MANIFEST, UNFINISHED
from ochredb.transfer.stored import Stored

SCOPE = Scope()
COPIES = Scope(database="copies")
"""Where imports go: the ledger is about `SCOPE`."""
EXPORTED = "exported"
LAYOUTS = ("jsonl", "npz")
POOL = 900
"""How many ids there are to a collection."""
PARTS = 7
BATCHES = (1, 2, 10, 40, 150)
COLLECTIONS: dict[str, tuple[Space, int]] = {"plain": ("l2", 8), "coded": ("cosine", 32), "brief": ("ip", 3)}
"""Space and dimension: too few dimensions for codes, enough of them, and one collection that comes and goes."""
WORDS = ("amber", "basalt", "copper", "dolomite", "ember", "flint")

FILTERS: tuple[Where, ...] = (
    parse({"part": 3}),
    parse({"$and": [{"n": {"$gte": POOL // 2}}, {"part": {"$ne": 1}}]}),
    parse({"tags": {"$contains": "flint"}}),
    parse_document({"$contains": "basalt 1"}),
    parse_document({"$regex": r"ember \d*7$"}),
)


class Step(msgspec.Struct, frozen=True):
    """One call that changes something, or one that does not: then `verb` is among `CARES`.

    Args:
        verb: A key of `CHANGES` or `CARES`.
        collection: A key of `COLLECTIONS`.
        numbers: Of the ids that it is about.
        version: What the contents are drawn from.
    """

    verb: str
    collection: str
    numbers: list[int] = []
    version: int = 0


def draw(random: Random, present: set[str]) -> Step:
    """Draw the next step, given the names of the collections that there are."""
    version = random.randrange(1 << 31)
    absent = sorted(COLLECTIONS.keys() - present)
    if absent and (not present or random.random() < 0.3):
        return Step("create", random.choice(absent), version=version)
    verb = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    collection = "brief" if verb == "drop" else random.choice(sorted(present))
    if collection not in present:
        return Step("create", collection, version=version)
    count = random.choice(BATCHES)
    first = random.randrange(POOL - count)
    numbers = list(range(first, first + count)) if verb == "add" else sorted(random.sample(range(POOL), count))
    return Step(verb, collection, numbers, version)


def change(engine: Engine, step: Step) -> None:
    """Carry out a step that changes something: one call of the engine, and what it needs to know for that."""
    CHANGES[step.verb](engine, step)


def records(step: Step) -> Records:
    """Give the records that a step writes."""
    numbers = step.numbers
    ids = [f"record {n}" for n in numbers]
    documents = [None if n % 11 == 0 else _document(n, step.version) for n in numbers]
    uris = [f"file:{n}/{step.version}" if n % 5 == 0 else None for n in numbers]
    metadatas = [_metadata(n, step) for n in numbers]
    return Records(ids, rows(step.collection, len(ids), step.version), documents, metadatas, uris)


def rows(collection: str, count: int, seed: int) -> Floats:
    """Draw float32 (count, dimension) of a collection."""
    dimension = COLLECTIONS[collection][1]
    return np.random.default_rng(seed).standard_normal((count, dimension), np.float32)


def _document(n: int, version: int) -> str:
    return f"{WORDS[(n + version) % len(WORDS)]} {(n * version) % 1000}"


def _metadata(n: int, step: Step) -> Metadata | None:
    if n % 13 == 0:
        return None
    word = WORDS[(n * 3 + step.version) % len(WORDS)]
    whole: Metadata = {"n": n, "part": (n + step.version) % PARTS, "share": n / 3, "even": n % 2 == 0, "tags": [word]}
    return whole | {"share": None} if step.verb == "update" and n % 3 == 0 else whole


def _id(engine: Engine, step: Step) -> str:
    return engine.get_collection(SCOPE, step.collection).id


def _write(engine: Engine, step: Step) -> None:
    mode: Mode = step.verb  # type: ignore[assignment] # the table below has the three modes as verbs
    engine.write(_id(engine, step), Write(mode, records(step)))


def _delete(engine: Engine, step: Step) -> None:
    engine.delete(_id(engine, step), Delete(ids=[f"record {n}" for n in step.numbers]))


def _delete_part(engine: Engine, step: Step) -> None:
    engine.delete(_id(engine, step), Delete(where=parse({"part": step.version % PARTS})))


def _create(engine: Engine, step: Step) -> None:
    space = COLLECTIONS[step.collection][0]
    engine.create_collection(SCOPE, NewCollection(step.collection, space, metadata={"version": step.version}))


def _drop(engine: Engine, step: Step) -> None:
    engine.delete_collection(SCOPE, step.collection)


def _modify(engine: Engine, step: Step) -> None:
    engine.modify_collection(_id(engine, step), Change(metadata={"version": step.version, "modified": True}))


CHANGES: dict[str, Callable[[Engine, Step], None]] = {
    "add": _write,
    "upsert": _write,
    "update": _write,
    "delete": _delete,
    "delete part": _delete_part,
    "create": _create,
    "drop": _drop,
    "modify": _modify,
}


def _query(engine: LocalEngine, step: Step) -> None:
    engine.query(_id(engine, step), Query(rows(step.collection, 3, step.version), 10))


def _filter(engine: LocalEngine, step: Step) -> None:
    where = FILTERS[step.version % len(FILTERS)]
    engine.get(_id(engine, step), Get(where=where, fields=NO_FIELDS))
    engine.query(_id(engine, step), Query(rows(step.collection, 1, step.version), 5, where=where))


def _settle(engine: LocalEngine, step: Step) -> None:
    _query(engine, step)
    engine.settle()


def _vacuum(engine: LocalEngine, _: Step) -> None:
    engine._store.vacuum(20)


def _export(engine: LocalEngine, step: Step) -> None:
    """Export everything, finishing what a process before this one was killed in."""
    assert engine.folder is not None
    out, layout = engine.folder / EXPORTED, LAYOUTS[step.version % len(LAYOUTS)]
    if not (out / UNFINISHED).exists():
        (out / MANIFEST).unlink(missing_ok=True)  # first, so that nobody takes what is left for an export
        shutil.rmtree(out, ignore_errors=True)
    else:
        layout = msgspec.json.decode((out / UNFINISHED).read_bytes().partition(b"\n")[0])["layout"]
    to_folder(Chosen(Stored(engine, "here"), Choice(database=SCOPE.database)), out, Order(layout, resume=True))


def _import(engine: LocalEngine, step: Step) -> None:
    """Bring the newest export into a database of its own, and see that it is there."""
    del step
    assert engine.folder is not None
    if (engine.folder / EXPORTED / MANIFEST).exists():
        elsewhere = Redescribed(ExportedFolder(engine.folder / EXPORTED), lambda one: replace(one, scope=COPIES))
        copy(elsewhere, engine, "copies", Manner("replace"))


# What keeps the views busy and changes no record of those that the ledger is about.
CARES: dict[str, Callable[[LocalEngine, Step], None]] = {
    "query": _query,
    "filter": _filter,
    "settle": _settle,
    "vacuum": _vacuum,
    "export": _export,
    "import": _import,
}

WEIGHTS = {
    "add": 12,
    "upsert": 10,
    "update": 5,
    "delete": 5,
    "delete part": 2,
    "drop": 1,
    "modify": 1,
    "query": 6,
    "filter": 6,
    "settle": 8,
    "vacuum": 2,
    "export": 1,
    "import": 1,
    "reopen": 2,
}

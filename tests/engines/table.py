"""The table of `docs/engines.md`, engine x verb x operator, made by trying: `python -m tests.engines.table URL ...`.

Each URL is of an engine whose data may be removed: its catalog is tried too.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ochredb.client.connect import engine as open_engine
from ochredb.core.engine import Engine
from ochredb.core.errors import NotSupported
from ochredb.core.model import Change, Delete, Get, NewCollection, Query, Records, Scope, Write
from ochredb.core.where import Where, parse, parse_document
from ochredb.remote.tables.engine import TableEngine

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
BETWEEN = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.DOTALL)
SCOPE = Scope()
VECTOR = np.ones((1, 2), np.float32)

Verb = Callable[[Engine, str], Any]
VERBS: dict[str, Verb] = {
    "create, get, list tenants": lambda engine, _: (engine.create_tenant("t"), engine.list_tenants()),
    "create, get, list, delete databases": lambda engine, _: (
        engine.create_database(Scope(database="d")),
        engine.delete_database(Scope(database="d")),
    ),
    "modify collections": lambda engine, id_: engine.modify_collection(id_, Change(metadata={"x": 1})),
    "add": lambda engine, id_: engine.write(id_, Write("add", Records(["a", "b"], np.ones((2, 2), np.float32)))),
    "upsert": lambda engine, id_: engine.write(id_, Write("upsert", Records(["c"], VECTOR))),
    "update": lambda engine, id_: engine.write(id_, Write("update", Records(["a"], None, ["x"]))),
    "get": lambda engine, id_: engine.get(id_, Get(limit=1, offset=1)),
    "query": lambda engine, id_: engine.query(id_, Query(VECTOR)),
    "count": lambda engine, id_: engine.count(id_),
    "scan": lambda engine, id_: list(engine.scan(id_)),
    "delete": lambda engine, id_: engine.delete(id_, Delete(ids=["a"])),
    "reset": lambda engine, _: engine.reset(),
}
OPERATORS: dict[str, Where] = {
    **{op: parse({"k": {op: 1}}) for op in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")},
    **{op: parse({"k": {op: [1, 2]}}) for op in ("$in", "$nin")},
    **{f"{op} of an array": parse({"k": {op: 1}}) for op in ("$contains", "$not_contains")},
    "$and": parse({"$and": [{"k": 1}, {"l": 2}]}),
    "$or": parse({"$or": [{"k": 1}, {"l": 2}]}),
    **{
        f"{op} of a document": parse_document({op: "x"})
        for op in ("$contains", "$not_contains", "$regex", "$not_regex")
    },
}


def column(url: str) -> dict[str, str]:
    """Try every verb and every operator on one engine."""
    engine = open_engine(url)
    engine.reset()
    try:
        collection = engine.create_collection(SCOPE, NewCollection("tried")).id
        operators = {name: operator(engine, collection, where) for name, where in OPERATORS.items()}
        return {**{name: verb(engine, collection, call) for name, call in VERBS.items()}, **operators}
    finally:
        engine.close()


def verb(engine: Engine, collection: str, call: Verb) -> str:
    """Say whether an engine has a verb."""
    try:
        call(engine, collection)
    except NotSupported:
        return "no"
    return "yes"


def operator(engine: Engine, collection: str, where: Where) -> str:
    """Say who answers a condition."""
    from ochredb.remote.tables.terms import split

    if verb(engine, collection, lambda engine, id_: engine.get(id_, Get(where=where))) == "no":
        return "no"
    if not isinstance(engine, TableEngine):
        return "engine"
    return "checked" if split(where, engine.backend.native)[1] is not None else "engine"


def table(columns: dict[str, dict[str, str]]) -> str:
    """Write columns as Markdown."""
    names = list(columns)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(columns[name][row] for name in names)} |" for row in (*VERBS, *OPERATORS)]
    return "\n".join(lines) + "\n"


def main(urls: list[str]) -> None:
    """Write the page's table."""
    tried = {named(url): column(url) for url in ("memory:", *urls)}
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BETWEEN.sub(lambda _: table(tried), text), encoding="utf-8")


def named(url: str) -> str:
    """Name an engine by its scheme, as a reader knows it."""
    scheme = url.partition(":")[0]
    return {"memory": "folder", "milvus": "Milvus", "qdrant": "Qdrant"}[scheme]


if __name__ == "__main__":
    main(sys.argv[1:])

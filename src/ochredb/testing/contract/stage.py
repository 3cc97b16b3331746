"""What the contract's tests stand on: collections made and filled in a line."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import InvalidArgumentError
from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Floats,
    Get,
    Metadata,
    Mode,
    NewCollection,
    Records,
    Scope,
    Space,
    Write,
)
from ochredb.core.where import Where
from ochredb.testing import examples
from ochredb.testing.compare import same_info, same_records

DEFAULT = Scope()
EVERYTHING = Get(fields=ALL_FIELDS)
NOWHERE = str(UUID(int=4))


def vectors(*rows: Sequence[float]) -> Floats:
    """Give embeddings (n, d) of these rows."""
    return np.array(rows, dtype=np.float32)


def make(engine: Engine, space: Space = "l2", name: str | None = None) -> str:
    """Add a collection, of a new name unless one is given, and give its id."""
    return engine.create_collection(DEFAULT, NewCollection(name or f"c-{uuid4()}", space)).id


def put(engine: Engine, collection: str, ids: list[str], mode: Mode = "add", **columns: Any) -> None:
    """Write records; new ones without `embeddings` get the unit vector [1, 0, 0]."""
    if mode != "update":
        columns = {"embeddings": vectors(*[[1, 0, 0]] * len(ids)), **columns}
    engine.write(collection, Write(mode, Records(ids, **columns)))


def fill(engine: Engine) -> str:
    """Add a collection of the eight records of `examples`."""
    collection = make(engine)
    put(
        engine,
        collection,
        list(examples.ALL),
        embeddings=np.eye(8, dtype=np.float32),
        metadatas=[examples.METADATAS[id_] for id_ in examples.ALL],
        documents=[examples.DOCUMENTS[id_] for id_ in examples.ALL],
    )
    return collection


def ids(engine: Engine, collection: str, where: Where | None = None) -> list[str]:
    """Give the ids that a get finds."""
    return engine.get(collection, Get(where=where, fields=NO_FIELDS)).ids


def metadata(engine: Engine, collection: str, id_: str) -> Metadata | None:
    """Give the metadata of one record."""
    (found,) = engine.get(collection, Get(ids=[id_])).metadatas or []
    return found


def refused(engine: Engine, collection: str, write: Write, text: str | None = None) -> None:
    """Assert that a write is refused with this text and that it changed nothing."""
    before = engine.get_collection_by_id(collection), engine.get(collection, EVERYTHING)
    with pytest.raises(InvalidArgumentError, match=text):
        engine.write(collection, write)
    same_info(engine.get_collection_by_id(collection), before[0])
    same_records(engine.get(collection, EVERYTHING), before[1])

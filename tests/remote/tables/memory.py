"""A backend in memory: the least that an engine may do, with limits so small that every call is cut."""

import threading
from collections.abc import Callable, Sequence
from typing import assert_never

import numpy as np
from msgspec.structs import replace

from ochredb.core.errors import InternalError
from ochredb.core.model import Fields, Floats, Space
from ochredb.core.where import ORDER, Among, And, Contains, Equal, Holds, Not, Or, Order, Regex, Where
from ochredb.index.exact import score
from ochredb.remote.tables.backend import Hit, Limits, NoTable, Place, Row, Unavailable
from ochredb.remote.tables.terms import Terms, array, code, element, halves, scalar

Table = dict[str, Row]


class Memory:
    """Tables as dictionaries; several engines may stand on one.

    Args:
        failing: Is asked before every call whether it fails.
        documents: Whether filters on documents are the engine's own.
    """

    engine = "memory"

    def __init__(self, failing: Callable[[str], bool] = lambda _: False, *, documents: bool = False) -> None:
        self.limits = Limits(
            rows=3, size=4096, keys=4, nearest=10_000, queries=2, head=9000, text=40, terms=4000, dimension=64
        )
        self._failing = failing
        self._documents = documents
        self._tables: dict[str, Table] = {}
        self._dimensions: dict[str, int] = {}
        self._lock = threading.Lock()

    def native(self, where: Where) -> bool:
        """Documents only if told so, patterns never, and of conditions on metadata those of most keys."""
        match where:
            case Regex():
                return False
            case Contains():
                return self._documents
            case Equal(key) | Order(key) | Among(key) | Holds(key):
                return key != "tags" or self._documents
        return True

    def create(self, table: str, dimension: int, space: Space) -> None:  # noqa: ARG002 - it is told at each search
        """Make a table."""
        self._fail("create")
        with self._lock:
            self._tables.setdefault(table, {})
            self._dimensions.setdefault(table, dimension)

    def dimension(self, table: str) -> int | None:
        """Give a table's dimension."""
        self._fail("dimension")
        return self._dimensions.get(table)

    def tables(self) -> list[str]:
        """Name the tables."""
        return list(self._tables)

    def drop(self, table: str) -> None:
        """Remove a table."""
        self._fail("drop")
        self._tables.pop(table, None)
        self._dimensions.pop(table, None)

    def upsert(self, table: str, rows: Sequence[Row]) -> None:
        """Write rows, and only such as the limits allow."""
        self._fail("upsert")
        rows = list(rows)
        if not 0 < len(rows) <= self.limits.rows:
            raise InternalError(f"{len(rows)} rows")
        for row in rows:
            for text, limit in ((row.head, self.limits.head), (row.document or "", self.limits.text)):
                if limit is not None and len(text.encode()) > limit:
                    raise InternalError(f"a text of {len(text.encode())} bytes")
            if row.embedding is None or len(row.embedding) != self._dimensions[table]:
                raise InternalError("no embedding")
        with self._lock:
            self._table(table).update({row.key: replace(row, embedding=row.embedding.copy()) for row in rows})

    def fetch(self, table: str, keys: Sequence[str], fields: Fields) -> list[Row]:
        """Give rows by key, in no order."""
        self._fail("fetch")
        self._refuse_many(keys)
        known = self._table(table)
        return [_part(known[key], fields) for key in sorted(keys) if key in known]

    def page(self, table: str, where: Where | None, after: int) -> list[Place]:
        """Give up to five places."""
        self._fail("page")
        rows = [row for row in list(self._table(table).values()) if row.seq > after and _fits(where, row)]
        return sorted(Place(row.seq, row.key) for row in rows)[:5]

    def search(
        self,
        table: str,
        space: Space,
        queries: Floats,
        k: int,
        where: Where | None,
        keys: Sequence[str] | None,
        fields: Fields,
        effort: int,  # noqa: ARG002 - every distance is computed anyway
    ) -> list[list[Hit]]:
        """Compute every distance; ties are in the order of keys, which is none."""
        self._fail("search")
        if len(queries) > self.limits.queries:
            raise InternalError(f"{len(queries)} queries")
        self._refuse_many(keys or ())
        rows = [row for key, row in sorted(self._table(table).items()) if keys is None or key in keys]
        rows = [row for row in rows if _fits(where, row)]
        if not rows:
            return [[] for _ in queries]
        distances = score(space, queries, np.array([row.embedding for row in rows]))
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return [
            [Hit(float(found[at]), _part(rows[at], fields)) for at in order]
            for found, order in zip(distances, nearest, strict=True)
        ]

    def count(self, table: str) -> int:
        """Count rows."""
        self._fail("count")
        return len(self._table(table))

    def delete(self, table: str, keys: Sequence[str]) -> None:
        """Remove rows by key."""
        self._fail("delete")
        self._refuse_many(keys)
        with self._lock:
            for key in keys:
                self._table(table).pop(key, None)

    def close(self) -> None:
        """Keep everything: another engine may stand on it."""

    def _fail(self, call: str) -> None:
        if self._failing(call):
            raise Unavailable(f"memory: {call} fails")

    def _table(self, table: str) -> Table:
        if table not in self._tables:
            raise NoTable(table)
        return self._tables[table]

    def _refuse_many(self, keys: Sequence[str]) -> None:
        if len(keys) > self.limits.keys:
            raise InternalError(f"{len(keys)} keys")


def _part(row: Row, fields: Fields) -> Row:
    return replace(
        row,
        terms={},
        document=row.document if "documents" in fields else None,
        embedding=row.embedding.copy() if "embeddings" in fields and row.embedding is not None else None,
    )


def _fits(where: Where | None, row: Row) -> bool:
    return where is None or fits(where, row.terms, row.document)


def fits(where: Where, terms: Terms, document: str | None = None) -> bool:
    """Tell whether terms, and a document, meet a native filter."""
    match where:
        case Equal(key, value):
            return terms.get(scalar(key)) == code(value)
        case Among(key, values):
            return terms.get(scalar(key)) in [code(value) for value in values]
        case Order(key, op, value):
            found = terms.get(scalar(key))
            return isinstance(found, str) and found[0] == "n" and ORDER[op](halves(found), halves(code(value)))
        case Holds(key, value):
            return element(value) in terms.get(array(key), ())
        case Contains(text):
            return document is not None and text in document
        case Not(node):
            return not fits(node, terms, document)
        case And(nodes):
            return all(fits(node, terms, document) for node in nodes)
        case Or(nodes):
            return any(fits(node, terms, document) for node in nodes)
        case Regex():
            raise InternalError("a pattern is not native")
        case _:
            assert_never(where)

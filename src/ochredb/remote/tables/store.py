"""Records in the tables of an engine: calls cut to its limits, in parallel, and made again when they fail.

Documents that are too long for the engine lie in pieces in a table beside; filters that it cannot answer are checked on
what it finds.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from uuid import uuid4

import numpy as np
from msgspec.structs import replace

from ochredb.core.errors import CorruptError, NotSupported, OchreError, PartlyWrittenError
from ochredb.core.model import NO_FIELDS, Fields, Floats, Space
from ochredb.core.where import Where, matches
from ochredb.remote.tables.backend import Backend, Hit, Place, Row, Unavailable
from ochredb.remote.tables.rows import Record, key_of, pieces, record_of, row_of
from ochredb.remote.tables.terms import split

T = TypeVar("T")
P = ParamSpec("P")
Found = list[tuple[float, Record]]
"""Distances and records, nearest first, ties by insertion."""

DOCUMENTS: Fields = frozenset(("documents",))
THREADS = 8
"""Parts of a call that are under way at the same time."""
SLACK = 8
"""So many more than the k nearest are asked for: those as near as the last one are then put in order of insertion."""
TIES = 1024
"""No more than these are asked for to put ties in order."""
PAUSES = (0.05, 2.0)
"""Seconds before the second attempt, and the longest pause; each is twice the one before."""
NAMED = 20
"""So many ids are named in an error's text; all of them are in its attributes."""
REST = "_rest"
"""The table of a table's long documents has its name and this."""
FLAT = 2
"""The dimension of tables that are not searched: some engines have no smaller one, and none has tables without."""


class Store:
    """What an engine's tables hold.

    Args:
        backend: The engine.
        wait: Seconds that a call which fails is made again for.
    """

    def __init__(self, backend: Backend, wait: float) -> None:
        self.backend = backend
        self._wait = wait
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"ochre-{backend.engine}")

    def close(self) -> None:
        """Give back threads and connections."""
        self._threads.shutdown(cancel_futures=True)
        self.backend.close()

    def patiently(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call until the engine answers, for as long as `wait` allows."""
        deadline, pause = time.monotonic() + self._wait, PAUSES[0]
        while True:
            try:
                return call(*args, **kwargs)
            except Unavailable:
                if time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, PAUSES[1])

    def dimension(self, table: str) -> int | None:
        """Give the dimension of a table, or None if there is no such table."""
        return self.patiently(self.backend.dimension, table)

    def drop(self, table: str) -> None:
        """Remove a table with all that belongs to it."""
        for name in (table, table + REST):
            self.patiently(self.backend.drop, name)

    def count(self, table: str) -> int:
        """Count the records."""
        return self.patiently(self.backend.count, table)

    def put(self, table: str, records: list[Record]) -> None:
        """Write whole records, each id once.

        Raises:
            NotSupported: One is larger than the engine takes; nothing was written.
            PartlyWrittenError: Some parts failed; the error says which ids are in.
        """
        laid, spilled = self._laid(records)
        rows = [row_of(record) for record in laid]
        self._refuse_large(rows, laid)
        if spilled:
            self.patiently(self.backend.create, table + REST, FLAT, "l2")
            for _, error in self._upsert(table + REST, spilled):
                raise error
        if failed := self._upsert(table, rows):
            raise self._partly(records, failed) from failed[0][1]
        self._forget_pieces(table, records)

    def refuse_large(self, records: list[Record]) -> None:
        """Refuse records that are larger than the engine takes, before there is a table for them."""
        laid, _ = self._laid(records)
        self._refuse_large([row_of(record) for record in laid], laid)

    def fetch(self, table: str, keys: Sequence[str], fields: Fields) -> list[Record]:
        """Give the records of those keys that are there, in the order of insertion."""
        parts = _slices(keys, self.backend.limits.keys)
        rows = self._each(lambda part: self.backend.fetch(table, part, fields), parts)
        found = self._whole(table, [row for part in rows for row in part], fields)
        return sorted(found, key=lambda record: record.seq)

    def places(self, table: str, where: Where | None) -> Iterator[Place]:
        """Give the places of all records that match, in the order of insertion."""
        native, rest = split(where, self.backend.native)
        after = -1
        while page := self.patiently(self.backend.page, table, native, after):
            if rest is None:
                yield from page
            else:
                good = self._matching(table, [place.key for place in page], rest)
                yield from (place for place in page if place.key in good)
            after = page[-1].seq

    def nearest(
        self,
        table: str,
        space: Space,
        queries: Floats,
        k: int,
        where: Where | None,
        keys: list[str] | None,
        fields: Fields,
        effort: int,
    ) -> list[Found]:
        """Give the k nearest records of each query, among those of the keys and the filter if given."""
        native, rest = split(where, self.backend.native)
        if where is not None and rest is not None:
            native = None
            keys = (
                [place.key for place in self.places(table, where)]
                if keys is None
                else sorted(self._matching(table, keys, where))
            )
        choices = [None] if keys is None else _slices(keys, self.backend.limits.keys)
        found: list[list[Hit]] = [[] for _ in queries]
        for choice in choices:
            for row, hits in enumerate(self._search(table, space, queries, k, native, choice, fields, effort)):
                found[row] = sorted([*found[row], *hits], key=lambda hit: (hit.distance, hit.row.seq))[:k]
        return self._ranked(table, found, fields)

    def delete(self, table: str, keys: list[str]) -> None:
        """Remove the records of those keys that are there."""
        spilled = self.backend.limits.text is not None and self.dimension(table + REST) is not None
        gone = self.fetch(table, keys, NO_FIELDS) if spilled else []
        self._each(lambda part: self.backend.delete(table, part), _slices(keys, self.backend.limits.keys))
        self._forget_pieces(table, gone)

    # Steps

    def _each(self, call: Callable[[Sequence[str]], T], parts: list[Sequence[str]]) -> list[T]:
        """Make a call for each part, several at a time."""
        if len(parts) == 1:
            return [self.patiently(call, parts[0])]
        return list(self._threads.map(lambda part: self.patiently(call, part), parts))

    def _upsert(self, table: str, rows: list[Row]) -> list[tuple[slice, OchreError]]:
        """Write rows, and give the parts that failed, unless there is but one."""
        parts = list(self._parts(rows))
        if len(parts) == 1:
            self.patiently(self.backend.upsert, table, rows)
            return []
        under_way = [self._threads.submit(self.patiently, self.backend.upsert, table, rows[part]) for part in parts]
        return [(part, error) for part, job in zip(parts, under_way, strict=True) if (error := _outcome(job))]

    def _partly(self, records: list[Record], failed: list[tuple[slice, OchreError]]) -> PartlyWrittenError:
        missing = [record.id for part, _ in failed for record in records[part]]
        lost = set(missing)
        written = [record.id for record in records if record.id not in lost]
        return PartlyWrittenError(
            f"{self.backend.engine}: {len(missing)} of {len(records)} records were not acknowledged ({failed[0][1]}); "
            f"written: {_named(written)}; not acknowledged: {_named(missing)}; write these again",
            written,
            missing,
        )

    def _parts(self, rows: list[Row]) -> Iterator[slice]:
        """Cut rows into runs that are within the limits of an upsert."""
        limits, start, size = self.backend.limits, 0, 0
        for at, row in enumerate(rows):
            grown = size + _size(row)
            if at > start and (at - start == limits.rows or grown > limits.size):
                yield slice(start, at)
                start, grown = at, _size(row)
            size = grown
        yield slice(start, len(rows))

    def _refuse_large(self, rows: list[Row], records: list[Record]) -> None:
        limits = self.backend.limits
        for row, record in zip(rows, records, strict=True):
            for what, limit, size in (
                ("id, metadata and uri", limits.head, len(row.head.encode())),
                ("metadata to filter by", limits.terms, len(str(row.terms).encode())),
                ("id, metadata, document and embedding together", limits.record, _size(row)),
            ):
                if limit is not None and size > limit:
                    raise self._large(record, what, size, limit)

    def _large(self, record: Record, what: str, size: int, limit: int) -> NotSupported:
        return NotSupported(
            f"{self.backend.engine} does not take records with more than {limit:,} bytes of {what}: "
            f"{record.id[:80]!r} has {size:,}"
        )

    def _laid(self, records: list[Record]) -> tuple[list[Record], list[Row]]:
        """Give the records with documents that the engine takes, and rows with the rest of those that it does not."""
        limit = self.backend.limits.text
        laid: list[Record] = []
        spilled: list[Row] = []
        for record in records:
            cut = [] if limit is None or record.document is None else pieces(record.document, limit)
            if len(cut) < 2:
                laid.append(replace(record, pieces=0, token=""))
                continue
            token = uuid4().hex
            laid.append(replace(record, document=cut[0], pieces=len(cut) - 1, token=token))
            nowhere = np.zeros(FLAT, np.float32)
            keys = _piece_keys(token, len(cut) - 1)
            spilled += [Row(key, 0, "", text, {}, nowhere) for key, text in zip(keys, cut[1:], strict=True)]
        return laid, spilled

    def _whole(self, table: str, rows: list[Row], fields: Fields) -> list[Record]:
        """Give rows as records, with all pieces of their documents if documents are wanted."""
        records = [record_of(row) for row in rows]
        if "documents" not in fields or not any(record.pieces for record in records):
            return records
        keys = [key for record in records for key in _piece_keys(record.token, record.pieces)]
        parts = _slices(keys, self.backend.limits.keys)
        found = self._each(lambda part: self.backend.fetch(table + REST, part, DOCUMENTS), parts)
        texts = {row.key: row.document or "" for part in found for row in part}
        return [self._joined(table, record, texts, fields) if record.pieces else record for record in records]

    def _joined(self, table: str, record: Record, texts: dict[str, str], fields: Fields) -> Record:
        keys = _piece_keys(record.token, record.pieces)
        if all(key in texts for key in keys):
            return replace(record, document=(record.document or "") + "".join(texts[key] for key in keys))
        now = self.patiently(self.backend.fetch, table, [key_of(record.id)], fields)
        if now and record_of(now[0]).token == record.token:
            raise CorruptError(f"{self.backend.engine}: the document of record {record.id[:80]!r} is not whole")
        # It was changed between the two calls; if it was removed, its first piece is as good as any other answer.
        return self._whole(table, now, fields)[0] if now else record

    def _forget_pieces(self, table: str, records: Iterable[Record]) -> None:
        keys = [key for record in records for key in _piece_keys(record.token, record.pieces)]
        if keys:
            parts = _slices(keys, self.backend.limits.keys)
            self._each(lambda part: self.backend.delete(table + REST, part), parts)

    def _matching(self, table: str, keys: Sequence[str], where: Where) -> set[str]:
        """Give those keys whose records match."""
        found = self.fetch(table, keys, DOCUMENTS)
        return {key_of(record.id) for record in found if matches(where, record.metadata, record.document)}

    def _search(
        self,
        table: str,
        space: Space,
        queries: Floats,
        k: int,
        where: Where | None,
        keys: Sequence[str] | None,
        fields: Fields,
        effort: int,
    ) -> list[list[Hit]]:
        """Search until nothing that is as near as the last of the k can be missing."""
        found: list[list[Hit]] = []
        limits = self.backend.limits
        for start in range(0, len(queries), limits.queries):
            some, asked = queries[start : start + limits.queries], min(k + SLACK, limits.nearest)
            while True:
                hits = self.patiently(self.backend.search, table, space, some, asked, where, keys, fields, effort)
                if asked >= TIES or not any(_tied(row, k, asked) for row in hits):
                    break
                asked = min(4 * asked, TIES, limits.nearest)
            found += hits
        return found

    def _ranked(self, table: str, found: list[list[Hit]], fields: Fields) -> list[Found]:
        records = iter(self._whole(table, [hit.row for hits in found for hit in hits], fields))
        return [[(hit.distance, next(records)) for hit in hits] for hits in found]


def _tied(hits: list[Hit], k: int, asked: int) -> bool:
    return len(hits) == asked > k and hits[k - 1].distance == hits[-1].distance


def _piece_keys(token: str, count: int) -> list[str]:
    return [key_of(token, str(n)) for n in range(count)]


def _size(row: Row) -> int:
    vector = 0 if row.embedding is None else row.embedding.nbytes
    codes = sum(1 if isinstance(found, str) else len(found) for found in row.terms.values())
    return 200 + len(row.head) + len(row.document or "") + 64 * codes + vector


def _slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _outcome(job: "Future[None]") -> OchreError | None:
    error = job.exception()
    if error is not None and not isinstance(error, OchreError):
        raise error
    return error


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return f"{[id_[:80] for id_ in ids[:NAMED]]}{more}"

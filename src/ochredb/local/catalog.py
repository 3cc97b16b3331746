"""Tenants, databases and collections in SQL."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import uuid4
from zlib import crc32

import apsw
import msgspec

from ochredb.core.errors import CorruptError, NotFoundError, UniqueConstraintError
from ochredb.core.model import Change, CollectionInfo, Database, NewCollection, Scope, Space
from ochredb.local.checksum import damaged
from ochredb.local.log import Moment

_decode = msgspec.json.Decoder().decode
_INFO = "SELECT c.*, d.tenant, d.name FROM collections c JOIN databases d ON d.id = c.database "


DEFAULTS = """
INSERT OR IGNORE INTO tenants VALUES ('default_tenant');
INSERT OR IGNORE INTO databases VALUES
    ('00000000-0000-0000-0000-000000000000', 'default_tenant', 'default_database');
"""


class Head(msgspec.Struct, frozen=True):
    """What a verb on records needs to know of its collection, at one moment."""

    number: int
    space: Space
    effort: int
    dimension: int | None
    rows: int
    next_label: int
    packed: int
    moment: Moment


class _Row(NamedTuple):
    """A row of `collections`, in the order of its columns."""

    number: int
    id: str
    database: str
    name: str
    space: Space
    effort: int
    metadata: str | None
    configuration: str
    schema: str | None
    dimension: int | None
    rows: int
    next_label: int
    seq: int
    token: int
    packed: int
    checksum: int


def head(db: apsw.Connection, collection: str) -> Head:
    """Give the head of a collection by its UUID, or raise `NotFoundError`."""
    found: Any = db.execute("SELECT * FROM collections WHERE id = ?", (collection,)).fetchone()
    if found is None:
        raise _no_collection(collection)
    row = _Row._make(found)
    if row.checksum != checksum_of(row):
        raise _changed(db, row.number)
    moment = Moment(row.seq, row.token)
    return Head(row.number, row.space, row.effort, row.dimension, row.rows, row.next_label, row.packed, moment)


def advance(db: apsw.Connection, head: Head) -> Head:
    """Note what a write has made of a collection."""
    db.execute(
        "UPDATE collections SET rows = ?, next_label = ?, dimension = ?, packed = ?, seq = ?, token = ? "
        "WHERE number = ?",
        (head.rows, head.next_label, head.dimension, head.packed, *head.moment, head.number),
    )
    seal(db, head.number)
    return head


def seal(db: apsw.Connection, number: int) -> None:
    """Write the checksum of a collection's row, after any change to it."""
    row: Any = db.execute("SELECT * FROM collections WHERE number = ?", (number,)).fetchone()
    db.execute("UPDATE collections SET checksum = ? WHERE number = ?", (checksum_of(row), number))


def create_tenant(db: apsw.Connection, tenant: str) -> None:
    """Add a tenant, or raise `UniqueConstraintError`."""
    try:
        db.execute("INSERT INTO tenants VALUES (?)", (tenant,))
    except apsw.ConstraintError as error:
        raise UniqueConstraintError(f"Tenant [{tenant}] already exists") from error


def get_tenant(db: apsw.Connection, tenant: str) -> str:
    """Give the name back, or raise `NotFoundError`."""
    if db.execute("SELECT name FROM tenants WHERE name = ?", (tenant,)).fetchone() is None:
        raise NotFoundError(f"Tenant [{tenant}] not found")
    return tenant


def list_tenants(db: apsw.Connection) -> list[str]:
    """Give all tenants by name."""
    rows: Any = db.execute("SELECT name FROM tenants ORDER BY name")
    return [name for (name,) in rows]


def create_database(db: apsw.Connection, scope: Scope) -> Database:
    """Add a database to a tenant that exists."""
    get_tenant(db, scope.tenant)
    made = Database(str(uuid4()), scope.database, scope.tenant)
    try:
        db.execute("INSERT INTO databases VALUES (?, ?, ?)", (made.id, made.tenant, made.name))
    except apsw.ConstraintError as error:
        raise UniqueConstraintError(f"Database [{scope.database}] already exists in tenant [{scope.tenant}]") from error
    return made


def get_database(db: apsw.Connection, scope: Scope) -> Database:
    """Give a database, or raise `NotFoundError`."""
    row = db.execute(
        "SELECT id, name, tenant FROM databases WHERE tenant = ? AND name = ?", (scope.tenant, scope.database)
    ).fetchone()
    if row is None:
        raise NotFoundError(f"Database [{scope.database}] not found. Are you sure it exists?")
    return Database(*row)


def list_databases(db: apsw.Connection, tenant: str, limit: int | None, offset: int) -> list[Database]:
    """Give the databases of a tenant by name."""
    rows = db.execute(
        "SELECT id, name, tenant FROM databases WHERE tenant = ? ORDER BY name LIMIT ? OFFSET ?",
        (tenant, -1 if limit is None else limit, offset),
    )
    return [Database(*row) for row in rows]


def delete_database(db: apsw.Connection, scope: Scope) -> list[str]:
    """Remove a database and give the UUIDs of the collections that went with it."""
    database = get_database(db, scope)
    rows: Any = db.execute("SELECT number, id FROM collections WHERE database = ?", (database.id,)).fetchall()
    for number, _ in rows:
        _delete(db, number)
    db.execute("DELETE FROM databases WHERE id = ?", (database.id,))
    return [collection for _, collection in rows]


def create_collection(db: apsw.Connection, scope: Scope, new: NewCollection, exist_ok: bool) -> CollectionInfo:
    """Add a collection, or give the one of this name if `exist_ok`."""
    database = get_database(db, scope)
    found = db.execute("SELECT id FROM collections WHERE database = ? AND name = ?", (database.id, new.name)).get
    if found is not None:
        if exist_ok:
            return get_collection_by_id(db, found)
        raise UniqueConstraintError(f"Collection [{new.name}] already exists")
    collection = str(uuid4())
    db.execute(
        "INSERT INTO collections (id, database, name, space, effort, metadata, configuration, schema) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            collection,
            database.id,
            new.name,
            new.space,
            new.effort,
            _json(new.metadata or None),
            _json(new.configuration),
            _json(new.schema),
        ),
    )
    seal(db, db.last_insert_rowid())
    return get_collection_by_id(db, collection)


def get_collection(db: apsw.Connection, scope: Scope, name: str) -> CollectionInfo:
    """Give a collection by name, or raise `NotFoundError`."""
    row = db.execute(_INFO + "WHERE d.tenant = ? AND d.name = ? AND c.name = ?", (*_pair(scope), name)).fetchone()
    if row is None:
        raise _no_collection(name)
    return _info(db, row)


def get_collection_by_id(db: apsw.Connection, collection: str) -> CollectionInfo:
    """Give a collection by its UUID, or raise `NotFoundError`."""
    row = db.execute(_INFO + "WHERE c.id = ?", (collection,)).fetchone()
    if row is None:
        raise _no_collection(collection)
    return _info(db, row)


def list_collections(db: apsw.Connection, scope: Scope, limit: int | None, offset: int) -> list[CollectionInfo]:
    """Give the collections of a database by name."""
    rows = db.execute(
        _INFO + "WHERE d.tenant = ? AND d.name = ? ORDER BY c.name LIMIT ? OFFSET ?",
        (*_pair(scope), -1 if limit is None else limit, offset),
    )
    decode = cache(_decode)  # collections by the thousand have one configuration; nobody may change what it gives
    return [_info(db, row, scope, decode) for row in rows]


def count_collections(db: apsw.Connection, scope: Scope) -> int:
    """Count the collections of a database."""
    count: int = db.execute(
        "SELECT count(*) FROM collections c JOIN databases d ON d.id = c.database WHERE d.tenant = ? AND d.name = ?",
        _pair(scope),
    ).get
    return count


def modify_collection(db: apsw.Connection, collection: str, change: Change) -> CollectionInfo:
    """Rename or redescribe a collection."""
    number = head(db, collection).number
    columns = {
        "name": change.name,
        "metadata": _json(change.metadata),
        "configuration": _json(change.configuration),
        "effort": change.effort,
    }
    for column, value in columns.items():
        if value is None:
            continue
        try:
            db.execute(f"UPDATE collections SET {column} = ? WHERE number = ?", (value, number))
        except apsw.ConstraintError as error:
            raise UniqueConstraintError(f"Collection [{change.name}] already exists") from error
    if change.metadata == {}:
        db.execute("UPDATE collections SET metadata = NULL WHERE number = ?", (number,))
    seal(db, number)
    return get_collection_by_id(db, collection)


def delete_collection(db: apsw.Connection, scope: Scope, name: str) -> str:
    """Remove a collection with its records and give the UUID that it had."""
    found = get_collection(db, scope, name)
    _delete(db, head(db, found.id).number)
    return found.id


def reset(db: apsw.Connection) -> list[str]:
    """Remove everything but the default tenant and database, and give the UUIDs of the collections that were."""
    rows: Any = db.execute("SELECT id FROM collections").fetchall()
    for table in ("records", "vectors", "log", "collections"):
        db.execute(f"DELETE FROM {table}")
    db.execute("DELETE FROM databases WHERE (tenant, name) <> (?, ?)", _pair(Scope()))
    db.execute("DELETE FROM tenants WHERE name <> ?", (Scope().tenant,))
    db.execute(DEFAULTS)
    return [collection for (collection,) in rows]


def span(number: int) -> tuple[int, int]:
    """Give the first and the last rowid that a collection's records can have."""
    return number << 40, (number + 1 << 40) - 1


def _delete(db: apsw.Connection, number: int) -> None:
    for table in ("records", "vectors"):
        db.execute(f"DELETE FROM {table} WHERE rowid BETWEEN ? AND ?", span(number))
    db.execute("DELETE FROM log WHERE collection = ?", (number,))
    db.execute("DELETE FROM collections WHERE number = ?", (number,))


def _info(
    db: apsw.Connection, found: Any, scope: Scope | None = None, decode: Callable[[str], Any] = _decode
) -> CollectionInfo:
    *columns, tenant, database = found
    row = _Row._make(columns)
    if row.checksum != _compute(*row[:-1]):  # kept for none: thousands of collections would drive out those in use
        raise _changed(db, row.number)
    return CollectionInfo(
        id=row.id,
        name=row.name,
        scope=scope or Scope(tenant, database),
        space=row.space,
        effort=row.effort,
        metadata=None if row.metadata is None else _decode(row.metadata),
        configuration=decode(row.configuration),
        schema=None if row.schema is None else _decode(row.schema),
        dimension=row.dimension,
    )


def _changed(db: apsw.Connection, number: int) -> CorruptError:
    return damaged(db, f"the description of collection {number} is not what was written")


def checksum_of(row: Sequence[Any]) -> int:
    """Compute the checksum of a row of `collections`, which is its last column."""
    return _checksum(*row[:-1])


def _compute(*columns: str | int | None) -> int:
    return crc32(msgspec.json.encode(columns))


_checksum = lru_cache(typed=True)(_compute)
"""Computes a checksum once for all reads of the same columns: it takes twice as long as reading them."""


def _pair(scope: Scope) -> tuple[str, str]:
    return scope.tenant, scope.database


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _no_collection(name: str) -> NotFoundError:
    return NotFoundError(f"Collection [{name}] does not exist")

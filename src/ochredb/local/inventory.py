"""What is left of the catalog in a wreck: tenants, databases, collections, and the removals in the log."""

from typing import Any, NamedTuple, get_args
from uuid import uuid4

import apsw
import msgspec

from ochredb.core.model import DEFAULT_TENANT, Labels, Space
from ochredb.local import catalog, log
from ochredb.local.catalog import Head
from ochredb.local.pages import Cell
from ochredb.local.records import LABEL_BITS
from ochredb.local.views import is_uuid
from ochredb.local.wreck import Use

_INTS = ("effort", "rows", "next_label", "seq", "token", "packed")
_NUMBERS = 1 << 63 - LABEL_BITS


class _Quality(NamedTuple):
    """How far a description can be believed; the higher, the better."""

    sound: bool
    used: bool
    use: int
    seq: int


class Inventory:
    """Rows of the catalog as they are found, the best version of each.

    Args:
        db: The new database.

    A collection that was removed may be found too, on a free page. It is brought back only if rows of it are in use.
    """

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._columns = [str(name) for _, name, *_ in db.execute("PRAGMA table_info(collections)")]
        self._collections: dict[int, tuple[_Quality, dict[str, Any]]] = {}
        self._ids: dict[int, str] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self.notes: list[str] = []
        self.removed: list[tuple[int, Labels]] = []

    @property
    def numbers(self) -> set[int]:
        """The numbers of the collections that there are for certain."""
        return {number for number, (quality, _) in self._collections.items() if quality.used}

    def dimension(self, number: int) -> int | None:
        """Give the dimension that a collection said that it has."""
        found = self._collections.get(number)
        return None if found is None else found[1]["dimension"]

    def take(self, cell: Cell, use: Use) -> None:
        """Look at a cell that is neither a record nor a vector."""
        match cell.values:
            case (None, *rest) if cell.rowid is not None and len(rest) == len(self._columns) - 1:
                self._collection(cell.rowid, rest, use)
            case _ if use is Use.FREE:
                return
            case (None, int(number), int(token), int(fields), upserted, removed) if cell.rowid is not None:
                self._removal(number, token, fields, upserted, removed)
            case ("collections", int(last)) if 0 < last < _NUMBERS:
                self._db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'collections'", (last,))
            case (str(tenant),) if cell.rowid is None:
                self._db.execute("INSERT OR IGNORE INTO tenants VALUES (?)", (tenant,))
            case (str(id_), str(tenant), str(name)) if cell.rowid is None and is_uuid(id_):
                self._database(id_, tenant, name)
            case (str(tenant), str(name), str(id_)) if cell.rowid is None and is_uuid(id_):
                self._database(id_, tenant, name)
            case (str(id_), int(number)) if cell.rowid is None and is_uuid(id_):
                self._ids[number] = id_
            case (str(database), str(name), int(number)) if cell.rowid is None and is_uuid(database):
                self._names[number] = database, name

    def restore(self, number: int, dimension: int | None) -> Head:
        """Write a collection's row, as far as it is known, and give what it says."""
        quality, row = self._collections.get(number, (None, self._unknown(number, dimension)))
        if quality is None:
            self.notes.append(
                f"collection {row['name']!r}: its description was lost, so that it has space l2 and no metadata now; "
                "if it had another space, copy its records into a new collection"
            )
        elif not quality.sound:
            self.notes.append(f"collection {row['name']!r}: its description was damaged; look at name, space, metadata")
        self._database(row["database"], DEFAULT_TENANT, f"recovered-{row['database'][:8]}")
        if not self._insert(row):
            row = {**row, "id": str(uuid4()), "name": f"recovered-{number}"}
            self._insert(row)
            self.notes.append(f"collection {number} is called {row['name']!r} now: its name or id was taken")
        catalog.seal(self._db, number)
        return catalog.head(self._db, row["id"])

    def _insert(self, row: dict[str, Any]) -> bool:
        sql = f"INSERT OR IGNORE INTO collections ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        self._db.execute(sql, tuple(row.values()))
        return bool(self._db.changes())

    def _collection(self, number: int, rest: list[Any], use: Use) -> None:
        row = dict(zip(self._columns, (number, *rest), strict=True))
        if not 0 < number < _NUMBERS or not _plausible(row):
            return
        sound = row["checksum"] == catalog.checksum_of(list(row.values()))
        quality = _Quality(sound, use is Use.USED, -use, row["seq"])
        if number not in self._collections or quality > self._collections[number][0]:
            self._collections[number] = quality, row

    def _unknown(self, number: int, dimension: int | None) -> dict[str, Any]:
        """Describe a collection whose row is lost, by what the indexes of the catalog still say."""
        database, name = self._names.get(number, (_DEFAULT, f"recovered-{number}"))
        return {
            "number": number,
            "id": self._ids.get(number) or str(uuid4()),
            "database": database,
            "name": name,
            "space": "l2",
            "effort": 100,
            "configuration": "{}",
            "dimension": dimension,
        }

    def _database(self, id_: str, tenant: str, name: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO tenants VALUES (?)", (tenant,))
        self._db.execute("INSERT OR IGNORE INTO databases VALUES (?, ?, ?)", (id_, tenant, name))

    def _removal(self, number: int, token: int, fields: int, upserted: Any, removed: Any) -> None:
        if removed and log.sound(number, token, fields, upserted, removed):
            self.removed.append((number, log.decode(removed)))


_DEFAULT = "00000000-0000-0000-0000-000000000000"


def _plausible(row: dict[str, Any]) -> bool:
    texts = (row[name] for name in ("database", "name", "configuration"))
    return (
        is_uuid(row["id"])
        and row["space"] in get_args(Space)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(row[name], int) and row[name] >= 0 for name in _INTS)
        and (row["dimension"] is None or (isinstance(row["dimension"], int) and row["dimension"] > 0))
        and _is_object(row["configuration"])
        and all(row[name] is None or _is_object(row[name]) for name in ("metadata", "schema"))
    )


def _is_object(text: object) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict) if isinstance(text, str) else False
    except msgspec.DecodeError:
        return False

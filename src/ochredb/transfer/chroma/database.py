"""The tables of a folder of Chroma's, whichever release has made them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from ochredb.core.errors import BusyError, CorruptError, InternalError, NotFoundError
from ochredb.core.model import Labels
from ochredb.transfer.chroma.opening import opened
from ochredb.transfer.chroma.rescue import WAIT_MS

FILE = "chroma.sqlite3"

_ESSENTIAL = ("collections", "segments", "embeddings")


class Database:
    """The tables of a folder, for reading.

    Args:
        folder: Of a `PersistentClient`; it may be in use, or on a file system that cannot be written to.
        check: Look at every page first, which takes about a second for 100,000 records.

    Raises:
        NotFoundError: There is no such file.
        CorruptError: It is no SQLite file, or so damaged that not even its tables are known.
        InternalError: It cannot be read.

    Attributes:
        damaged: The names of tables that are.
        losses: What is damaged in the file; all that can be read of it is read.
    """

    def __init__(self, folder: Path, check: bool = True) -> None:
        self.file = folder / FILE
        if not self.file.is_file():
            raise NotFoundError(f"{folder} holds no database of Chroma's: there is no {FILE} in it")
        self._columns: dict[str, frozenset[str]] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="ochre-")
        try:
            with self.translated():
                self._db, self.damaged, self.losses = opened(self.file, Path(self._scratch.name), check)
                self._refuse_empty()
        except BaseException:
            self._scratch.cleanup()
            raise

    def close(self) -> None:
        """Give back the file, and the copy of it if there had to be one."""
        self._db.close()
        self._scratch.cleanup()

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Read as of one moment, and give a number that is another one when somebody has written.

        Chroma's writers wait while this lasts, for a few seconds at most: it is for a page, not for a collection.
        """
        with self.translated():
            self._db.execute("BEGIN")
            try:
                version = self._db.execute("PRAGMA data_version").get
                self._db.execute("SELECT 1 FROM sqlite_schema").fetchone()  # the moment is that of the first read
                yield version
            finally:
                self._db.execute("ROLLBACK")

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query."""
        return self._db.execute(sql)

    def chosen(self, sql: str, numbers: Labels) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query of `carray(?)`, which stands for a table of these numbers in the column `value`."""
        return (
            self._db.execute(sql, (apsw.carray(numbers),)) if len(numbers) else iter(())
        )  # it takes none that is empty

    def table(self, name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Give columns of a small table, None for a column that it does not have, and nothing if there is no table.

        A text that is damaged is one with U+FFFD in it.
        """
        if not self.has(name):
            return
        chosen = ", ".join(_undecoded(column) if self.has(name, column) else "NULL" for column in columns)
        for row in self._db.execute(f"SELECT {chosen} FROM {name} NOT INDEXED"):
            yield tuple(value.decode(errors="replace") if isinstance(value, bytes) else value for value in row)

    def has(self, table: str, column: str | None = None) -> bool:
        """Tell whether there is a table, and a column in it: they depend on Chroma's version."""
        if table not in self._columns:
            found = self._db.execute("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = frozenset(str(name) for (name,) in found)
        return column in self._columns[table] if column else bool(self._columns[table])

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in our own errors what SQLite says in its."""
        try:
            yield
        except apsw.BusyError as error:
            raise BusyError(f"{self.file}: Chroma was writing for more than {WAIT_MS // 1000} s") from error
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise CorruptError(f"{self.file} is damaged: {error}") from error
        except (apsw.Error, OSError) as error:
            raise InternalError(f"{self.file}: cannot be read: {error}") from error

    def _refuse_empty(self) -> None:
        missing = [table for table in _ESSENTIAL if not self.has(table)]
        if missing:
            raise CorruptError(
                f"{self.file} is damaged, or none of Chroma's: it has no table {' and no '.join(missing)}"
            )


def _undecoded(column: str) -> str:
    return f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) ELSE {column} END"

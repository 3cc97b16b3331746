"""Look at the database in a folder and say what is wrong; nothing is changed, and others may go on using it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import apsw
from msgspec.structs import replace

from ochredb.core.errors import CorruptError
from ochredb.local import catalog, counts, values, views, wal
from ochredb.local.database import FILE
from ochredb.local.disk import is_damage
from ochredb.local.folder import SCRATCH, find, reading
from ochredb.local.problem import Problem, Report, derived, lost


def check(path: Path, deep: bool = False) -> Report:
    """Look at the database in a folder, as of one moment.

    Args:
        path: The folder, or the SQLite file in it.
        deep: Read every page, compare every row with its checksum and every view with the records. Else: schema,
            counts, references, log, and the checksums of the views.

    Raises:
        NotFoundError: There is no database there; none is made.
        FormatError: A newer Ochre wrote it.
        InternalError: It cannot be read.
    """
    folder = find(path)
    there = views.folders(folder)  # first: a collection that is made meanwhile is not taken for an unknown one
    look = _Look(folder, deep)
    try:
        with reading(folder, verify=False) as db:
            look.truth(db)
            look.derived(db, there)
        if deep and not look.found:
            look.pages()
    except CorruptError as error:
        if not look.found:
            look.found.append(lost(FILE, error.message()))
    return replace(look.report, problems=tuple(look.found))


class _Look:
    """One look: what was found so far stays found when the file turns out to be unreadable further on."""

    def __init__(self, folder: Path, deep: bool) -> None:
        self._folder = folder
        self._deep = deep
        self.report = Report(folder, deep, 0, 0, 0, ())
        self.found: list[Problem] = []

    def truth(self, db: apsw.Connection) -> None:
        """Look at the SQLite file."""
        self._take(db, "write-ahead log", unread(self._folder))
        self._take(db, "schema", counts.schema(db))
        if self.found:
            return  # what follows asks tables that may not be there
        if self._deep:
            self._take(db, "SQLite file", values.structure(db))
            self._take(db, "table records", values.records(db))
            self._take(db, "table vectors", values.vectors(db))
        self._take(db, "table collections", counts.collections(db))
        if self._records():
            return
        self._take(db, "tables records and vectors", self._counted(db))
        self._take(db, "tables records and vectors", counts.unknown(db))
        self._take(db, "table log", counts.log(db))
        if self._deep:
            self._take(db, "table log", values.calls(db))

    def pages(self) -> None:
        """Compare each page with its checksum, when nothing in it was found to be wrong."""
        try:
            with reading(self._folder) as db:
                same = db.execute("PRAGMA integrity_check(1)").get == "ok"
        except CorruptError:
            same = False
        if not same:
            self._note(derived("free pages", "bytes of a page that hold nothing are not what was written"))

    def derived(self, db: apsw.Connection, there: list[Path]) -> None:
        """Look at the views, and for what an interrupted salvage has left; one under way would let nobody read."""
        if (self._folder / SCRATCH).exists():
            self._note(derived(SCRATCH, "an interrupted salvage has left it"))
        if self._records():
            return  # they are compared with the records
        known = {str(id_): str(name) for id_, name in db.execute("SELECT id, name FROM collections")}
        for path in there:
            if path.name in known:
                self._view(db, path, counts.called(known[path.name]))
            elif path.exists():
                self._note(views.stray(path))

    def _view(self, db: apsw.Connection, path: Path, place: str) -> None:
        there = sum((path / f"{name}.json").exists() for name in views.NAMES)
        self.report = replace(self.report, views=self.report.views + there)
        self._take(db, place, views.damaged(path, path.name, place))
        if self._deep:
            self._take(db, place, views.compare(db, catalog.head(db, path.name), path, place))

    def _counted(self, db: apsw.Connection) -> Iterator[Problem]:
        for counted in counts.count(db, by_index=not self._deep):
            collections, rows = self.report.collections + 1, self.report.rows + counted.records
            self.report = replace(self.report, collections=collections, rows=rows)
            yield from counts.compare(db, counted, self._deep)

    def _records(self) -> bool:
        return any(problem.records for problem in self.found)

    def _take(self, db: apsw.Connection, place: str, problems: Iterable[Problem]) -> None:
        """Note problems; if a page is unreadable, ask SQLite whether an index alone is to blame."""
        try:
            for problem in problems:
                self._note(problem)
        except (apsw.Error, UnicodeDecodeError, CorruptError) as error:
            if not (isinstance(error, CorruptError) or is_damage(error)):
                raise
            try:
                why = list(values.structure(db))
            except apsw.Error:
                why = []
            for problem in why or [lost(place, f"it cannot be read to its end: {error}")]:
                self._note(problem)

    def _note(self, problem: Problem) -> None:
        if problem not in self.found:
            self.found.append(problem)


def unread(folder: Path) -> Iterator[Problem]:
    """Look for transactions in the write-ahead log that SQLite passes over because of a damaged frame before them."""
    file = folder / f"{FILE}-wal"
    if found := wal.passed_over(file):
        first, more = found
        yield lost(
            file.name,
            f"frame {first} or one soon after is damaged, and SQLite passes over it and the {more:,} after it, which "
            "are the last writes",
        )

"""Mend what is derived from the records: indexes of the SQLite file, counts, log, views; no record is changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import CorruptError
from ochredb.local import catalog, counts, log, values, views
from ochredb.local.check import check
from ochredb.local.counts import Counted, called
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.folder import SCRATCH, find, translated
from ochredb.local.log import Touched
from ochredb.local.problem import Problem
from ochredb.local.store import WAIT_SECONDS, Store

_TOLD = 3


class Repaired(Struct, frozen=True):
    """What `repair` did.

    Args:
        folder: Where.
        done: One text a thing that was mended.
    """

    folder: Path
    done: tuple[str, ...]


def repair(path: Path) -> Repaired:
    """Mend whatever can be made anew from the records; others may go on using the folder.

    It looks at everything first, as `check(path, deep=True)` does, and begins only if every record is as it was
    written. A view that is damaged is removed: the next use makes it anew.

    Args:
        path: The folder, or the SQLite file in it.

    Raises:
        NotFoundError: There is no database there; none is made.
        CorruptError: Records are damaged: nothing was changed, and `salvage` is what is needed.
        BusyError: Others held the write lock for longer than the usual wait.
    """
    folder = find(path)
    report = check(folder, deep=True)
    refuse_damaged(folder, report.problems)
    if report.clean:
        return Repaired(folder, ())
    done = list(_structure(folder, report.problems))
    store = Store(folder)
    try:
        with store.writing("repair") as db:
            done += _truth(db, folder)
        done += _views(store, folder, report.problems)
    finally:
        store.close()
    return Repaired(folder, tuple(done))


def refuse_damaged(folder: Path, problems: tuple[Problem, ...]) -> None:
    """Refuse what cannot be mended without losing something."""
    bad = [f"{problem.place}: {problem.what}" for problem in problems if problem.records]
    if bad:
        more = f"; and {len(bad) - _TOLD} more" if len(bad) > _TOLD else ""
        raise CorruptError(
            f"{folder}: records are damaged, and nothing was changed: {'; '.join(bad[:_TOLD])}{more}. "
            f"'ochre repair --salvage {folder}' saves what can be read, and keeps the damaged file"
        )


def _structure(folder: Path, problems: tuple[Problem, ...]) -> Iterator[str]:
    """Make damaged indexes of the SQLite file anew, and its lists of free pages."""
    places = {problem.place for problem in problems}
    statements = {
        place: f'REINDEX "{place.removeprefix("index ")}"' for place in sorted(places) if place.startswith("index ")
    }
    if "free pages" in places:
        statements["free pages"] = "VACUUM"
    for place, statement in statements.items():
        db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE, verify=False)
        try:
            db.set_busy_timeout(round(WAIT_SECONDS * 1000))
            with translated(folder / FILE):
                db.execute(statement)
        except CorruptError as error:  # SQLite reads the old index before it removes it
            raise CorruptError(
                f"{folder}: {place} is damaged beyond {statement.split()[0]}; every record is as it was written. "
                f"'ochre repair --salvage {folder}' puts them into a new file"
            ) from error
        finally:
            db.close()
        yield f"{place}: made anew"


def _truth(db: apsw.Connection, folder: Path) -> Iterator[str]:
    """Mend what is derived within the SQLite file."""
    refuse_damaged(folder, tuple(replace(problem, records=True) for problem in values.structure(db)))
    for counted in counts.count(db, by_index=False):
        yield from _counts(db, counted)
    yield from _log(db)


def _counts(db: apsw.Connection, counted: Counted) -> Iterator[str]:
    next_label = max(counted.next_label, counted.last + 1)
    if (counted.rows, counted.next_label) != (counted.records, next_label):
        db.execute(
            "UPDATE collections SET rows = ?, next_label = ? WHERE number = ?",
            (counted.records, next_label, counted.number),
        )
        catalog.seal(db, counted.number)
        catalog.seal(db, counted.number)
        yield (
            f"{called(counted.name)}: {counted.records:,} rows, it said {counted.rows:,}; "
            f"next label {next_label}, it said {counted.next_label}"
        )


def _log(db: apsw.Connection) -> Iterator[str]:
    """Begin the log of a collection anew where it is wrong; its views cannot catch up then, and are made anew."""
    removed = db.execute("DELETE FROM log WHERE collection NOT IN (SELECT number FROM collections) RETURNING 1")
    if stray := len(removed.fetchall()):
        yield f"table log: {stray:,} calls of unknown collections removed"
    wrong = {problem.place for problem in (*counts.log(db), *values.calls(db))}
    for name, id_ in db.execute("SELECT name, id FROM collections").fetchall():
        if called(str(name)) in wrong:
            head = catalog.head(db, str(id_))
            db.execute("DELETE FROM log WHERE collection = ?", (head.number,))
            catalog.advance(db, replace(head, moment=log.append(db, head.number, Touched(0))))
            yield f"{called(str(name))}: its log begins anew, and its views will be made anew"


def _views(store: Store, folder: Path, problems: tuple[Problem, ...]) -> Iterator[str]:
    with store.reading() as db:
        known = {str(id_): called(str(name)) for id_, name in db.execute("SELECT id, name FROM collections")}
    wrong = {problem.place for problem in problems}
    if SCRATCH in wrong:
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        yield f"{SCRATCH}: removed, an interrupted salvage had left it"
    for path in views.folders(folder):
        if path.name not in known:
            if path.name in wrong:
                shutil.rmtree(path, ignore_errors=True)
                yield f"{path.name}: removed, it held views of a collection that is gone"
            continue
        with views.locked(path) as alone:
            if alone:
                yield from _view(path, known[path.name], wrong)


def _view(path: Path, place: str, wrong: set[str]) -> Iterator[str]:
    for name in views.NAMES:
        if f"view {name} of {place}" in wrong:
            views.remove(path, name)
            yield f"view {name} of {place}: removed, the next use makes it anew"
    for file in views.unnamed(path):
        file.unlink(missing_ok=True)
        yield f"{path.name}/{file.name}: removed, nothing named it"

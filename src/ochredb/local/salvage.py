"""Read what can be read out of a damaged SQLite file into a new one, and put that in its place."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from ochredb.core.errors import CorruptError
from ochredb.local import remains, wal
from ochredb.local.alone import alone
from ochredb.local.database import FILE
from ochredb.local.folder import SCRATCH, find, size
from ochredb.local.remains import Remains
from ochredb.local.snapshot import sync
from ochredb.local.store import Store
from ochredb.local.wreck import Wreck

LINES = "lines.jsonl"


class Salvaged(Struct, frozen=True):
    """What `salvage` did.

    Args:
        folder: Where.
        damaged: The damaged file, as it is kept.
        rows: Records in the new file.
        lost: Records fewer than the collections said that they had, as far as that could be read; those in `lines` are
            among them.
        lines: A file of JSON lines with what could not be put back: records without embedding and the like; None if
            there is nothing of the kind.
        in_lines: How many lines it has.
        notes: What else should be known, one text a thing.
    """

    folder: Path
    damaged: Path
    rows: int
    lost: int
    lines: Path | None
    in_lines: int
    notes: tuple[str, ...]


def salvage(path: Path) -> Salvaged:
    """Make a new file of all rows that are as they were written, wherever they lie in the damaged one.

    Every page is looked at, whether anything leads to it or not, and every row is compared with its checksum. The
    damaged file stays beside the new one under a dated name. Nobody else may have the database open.

    Args:
        path: The folder, or the SQLite file in it.

    Raises:
        NotFoundError: There is no database there.
        BusyError: It is open; the text says by whom, where the system tells.
        CorruptError: Not one record, and no collection, could be read; nothing was changed.
    """
    folder = find(path)
    new = folder / SCRATCH
    with alone(folder) as file:
        content = _log(folder)
        wreck = Wreck(lambda at, length: file.xRead(length, at), file.xFileSize(), wal.parse(content))
        shutil.rmtree(new, ignore_errors=True)
        try:
            found = _write(wreck, new)
            return _swap(folder, new, found)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _write(wreck: Wreck, new: Path) -> Remains:
    """Write a new database with what is found."""
    store = Store(new)
    try:
        with store.writing("salvage") as db, (new / LINES).open("w", encoding="ascii") as lines:

            def put_aside(line: dict[str, Any]) -> None:
                lines.write(json.dumps(line) + "\n")

            return remains.collect(wreck, db, put_aside)
    finally:
        store.close()


def _swap(folder: Path, new: Path, found: Remains) -> Salvaged:
    """Put the new file in the place of the damaged one, which is first kept under a second name.

    If the machine stops between the two last steps, the old file lacks its log, and has it under the second name.
    """
    if not found.rows and not found.collections:
        raise CorruptError(f"{folder / FILE}: not one record and no collection could be read; nothing was changed")
    kept = folder / f"{FILE}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}Z"
    lines = kept.with_name(f"{kept.name}.jsonl") if found.aside else None
    for file, name in ((FILE, kept.name), (f"{FILE}-wal", f"{kept.name}-wal")):
        if (folder / file).exists():
            _link(folder / file, folder / name)
    if lines is not None:
        (new / LINES).rename(lines)
    for name in (FILE, *([lines.name] if lines is not None else [])):
        with (new / name if name == FILE else folder / name).open("rb") as file_:
            os.fsync(file_.fileno())
    sync(folder)
    for suffix in ("-wal", "-shm"):  # SQLite would merge the old log into the new file
        (folder / f"{FILE}{suffix}").unlink(missing_ok=True)
    (new / FILE).replace(folder / FILE)
    sync(folder)
    return Salvaged(folder, kept, found.rows, found.lost, lines, found.aside, found.notes)


def _log(folder: Path) -> bytes:
    """Give the write-ahead log, which an earlier attempt that broke off may have moved to the damaged file's name."""
    here = folder / f"{FILE}-wal"
    if size(here):
        return here.read_bytes()
    for kept in folder.glob(f"{FILE}.damaged-*Z"):
        if kept.samefile(folder / FILE) and size(kept.with_name(f"{kept.name}-wal")):
            return kept.with_name(f"{kept.name}-wal").read_bytes()
    return b""


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # a file system without hard links
        shutil.copy2(file, name)

"""Out of Chroma: a folder of its `PersistentClient` into a database."""

from pathlib import Path

from msgspec import Struct

from ochredb.client import transfer
from ochredb.client.transfer import ALL, Part, Place
from ochredb.core.errors import BadValue
from ochredb.transfer.chroma.database import FILE
from ochredb.transfer.chroma.folder import ChromaFolder
from ochredb.transfer.moved import Conflict, Transfer, Watch
from ochredb.transfer.source import Loss


class Imported(Struct, frozen=True):
    """What an import out of Chroma has done, or in a dry run, what it would do.

    Args:
        releases: Which releases of Chroma write such a folder.
        transfer: The collections, each with what could not be read of it and where it was looked for.
        remarks: What is damaged in Chroma's SQLite file, and what lies in the folder that is of no collection.
    """

    releases: str
    transfer: Transfer
    remarks: tuple[Loss, ...]


def import_chroma(
    old: Place,
    new: Place,
    part: Part = ALL,
    *,
    name: str | None = None,
    on_conflict: Conflict = "error",
    resume: bool = False,
    dry_run: bool = False,
    verify: bool = True,
    index: bool = False,
    target_token: str | None = None,
    watch: Watch | None = None,
) -> Imported:
    """Copy what a folder of Chroma's `PersistentClient` holds into a database; chromadb need not be installed.

    Nothing is written to the old folder, and nothing in it is run: its pickles are only looked at. What is damaged or
    missing in it does not keep the rest from being read.

    Args:
        old: The folder, or the SQLite file in it, as any release from 0.4 to 1.5 has written it; it may be in use.
        new: The folder of a database, made where absent, or the URL of an engine.
        part: What to take.
        name: What the one collection is to be called that is taken.
        on_conflict: What to do about an id that is there already: "error", "skip" or "replace".
        resume: Finish what was broken off: records that are there just as they are in the source are passed over.
        dry_run: Write nothing; read everything, and look for conflicts.
        verify: Whether batches are read back.
        index: Whether what was written into a folder is indexed before this returns; otherwise whoever uses it next
            does that in the background.
        target_token: A key to the server that is the target.
        watch: Is told how far it is.

    Raises:
        NotFoundError: `old` is no folder of Chroma's.
        CorruptError: Its SQLite file is so damaged that not even its tables are known.
        BadValue: `new` is `old`, or a folder in it.
        IDAlreadyExistsError: An id is in the target already.
        InternalError: The target does not hold what was written; or the disk is full, say.
    """
    folder = Path(old).parent if Path(old).name == FILE else Path(old)
    if "://" not in str(new) and Path(new).resolve().is_relative_to(folder.resolve()):
        raise BadValue(f"{new} is in {folder}, which stays as it is: give the new database a folder of its own")
    with ChromaFolder(folder) as source:
        done = transfer.copy(
            source,
            new,
            part,
            name=name,
            on_conflict=on_conflict,
            resume=resume,
            dry_run=dry_run,
            verify=verify,
            index=index,
            target_token=target_token,
            watch=watch,
        )
        return Imported(source.releases, done, tuple(source.remarks()))

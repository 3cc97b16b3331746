"""The views of a folder on disk, looked at from outside: which there are, how far behind, whole or not, left over."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import apsw
import numpy as np
from msgspec import Struct

from ochredb.core.model import Labels
from ochredb.local import log, records, snapshot
from ochredb.local.catalog import Head
from ochredb.local.folder import size
from ochredb.local.locks import file_lock
from ochredb.local.log import DOCUMENTS, VECTORS, Moment, Touched
from ochredb.local.problem import Problem, derived
from ochredb.local.snapshot import Manifest

NAMES = ("vectors", "text")
LOCK = ".lock"
_CHANGES = {"vectors": VECTORS, "text": DOCUMENTS}
_TRIES = 3


class ViewStats(Struct, frozen=True):
    """One view on disk.

    Args:
        name: `vectors` or `text`.
        bytes: What its files take.
        usable: Whether it is whole, and the log reaches back to it; the next use makes any other anew.
        rows: Records that it covers as they are now.
        calls_behind: Write calls that it has not seen; None if it is not usable.
        rows_behind: Records that it does not cover: new ones, and those that changed.
    """

    name: str
    bytes: int
    usable: bool
    rows: int
    calls_behind: int | None
    rows_behind: int


def look(db: apsw.Connection, head: Head, folder: Path) -> Iterator[ViewStats]:
    """Give the views of a collection that lie in its folder, and how far behind they are."""
    for name in NAMES:
        files = [file for file in folder.glob(f"{name}.*") if file.is_file()]
        if not files:
            continue
        manifest = manifest_of(folder, name)
        changes = None if manifest is None else _since(db, head, manifest)
        labels = _NO_LABELS if manifest is None or changes is None else _covered(db, head, folder, name, manifest)
        for touched in changes or ():
            changed = touched.upserted if touched.fields & _CHANGES[name] else _NO_LABELS
            labels = np.setdiff1d(labels, np.concatenate((changed, touched.removed)), assume_unique=True)
        taken = sum(map(size, files))
        behind = None if changes is None else len(changes)
        yield ViewStats(name, taken, changes is not None, len(labels), behind, head.rows - len(labels))


def manifest_of(folder: Path, name: str) -> Manifest | None:
    """Give the manifest of a whole view; a view that is replaced while it is read is read again."""
    for _ in range(_TRIES):
        manifest = snapshot.read(folder, name)
        if manifest is not None or not (folder / f"{name}.json").exists():
            return manifest
    return None


def damaged(folder: Path, name: str, place: str) -> Iterator[Problem]:
    """Look for views that are not what was written, and for files that nothing names any more."""
    broken = False
    for view in NAMES:
        if (folder / f"{view}.json").exists() and manifest_of(folder, view) is None:
            broken = True
            yield derived(f"view {view} of {place}", "its files are not what was written, or of another format")
    if not broken:
        for file in left_over(folder):
            yield derived(f"{name}/{file.name}", "nothing names this file any more: an interrupted process left it")


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a view's folder, and tell whether it could be had: not while another process writes there."""
    if not (folder / LOCK).exists():  # nobody has written there yet
        yield True
        return
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder / LOCK, timeout=0))
        except OSError:
            yield False
            return
        yield True


def remove(folder: Path, name: str) -> None:
    """Remove a view; the next use makes it anew, and who has it open keeps what it has."""
    (folder / f"{name}.json").unlink(missing_ok=True)
    for file in folder.glob(f"{name}.*"):
        file.unlink(missing_ok=True)


def left_over(folder: Path) -> list[Path]:
    """Give the files in a view's folder that no manifest names; none while another process is writing there."""
    with locked(folder) as alone:
        return unnamed(folder) if alone else []


def sweep(folder: Path) -> None:
    """Remove what an interrupted process has left in a view's folder; the views themselves are not looked at."""
    if not (folder / LOCK).exists() or not _unlisted(folder):
        return
    with locked(folder) as alone:
        for file in _unlisted(folder) if alone else ():
            file.unlink(missing_ok=True)


def _unlisted(folder: Path) -> list[Path]:
    manifests = b"".join(path.read_bytes() for path in folder.glob("*.json"))
    others = (file for file in folder.iterdir() if file.name != LOCK and file.suffix != ".json")
    return [file for file in others if file.name.encode() not in manifests]


def unnamed(folder: Path) -> list[Path]:
    """Give the files in a view's folder that no manifest names; the caller holds its lock."""
    manifests = [snapshot.read(folder, name) for name in NAMES]
    named = {file.name for manifest in manifests if manifest is not None for file in manifest.files.values()}
    kept = {LOCK, *(f"{name}.json" for name in NAMES), *named}
    return sorted(file for file in folder.glob("*") if file.name not in kept and file.is_file())


def stray(path: Path) -> Problem:
    """Describe a folder of views whose collection there is not."""
    return derived(path.name, "it holds views of a collection that is gone")


def folders(folder: Path) -> list[Path]:
    """Give the folders of views that there are, known or not."""
    return sorted(path for path in folder.iterdir() if is_uuid(path.name) and path.is_dir())


def is_uuid(text: object) -> bool:
    """Tell whether a value is a UUID as we write them."""
    try:
        return str(UUID(str(text))) == text
    except ValueError:
        return False


def compare(db: apsw.Connection, head: Head, folder: Path, place: str) -> Iterator[Problem]:
    """Compare what the views of a collection hold with the records; a view that lags far behind is passed over."""
    for name in NAMES:
        manifest = manifest_of(folder, name)
        changes = None if manifest is None else _since(db, head, manifest)
        if manifest is None or changes is None:
            continue
        differences = {"vectors": _vectors, "text": _text}[name]
        try:
            for told in differences(db, head, folder, manifest, changes):
                yield derived(f"view {name} of {place}", told)
        except FileNotFoundError:  # a newer snapshot has just taken its place
            continue


def _vectors(
    db: apsw.Connection, head: Head, folder: Path, manifest: Manifest, changes: list[Touched]
) -> Iterator[str]:
    from ochredb.index.ivf import IvfIndex
    from ochredb.local.built import chunks

    details = manifest.details
    labels = np.fromfile(folder / manifest.files["labels"].name, "<i8")
    frontier, dimension = details["frontier"], details["dimension"]
    if details["collection"] != folder.name or (details["space"], dimension) != (head.space, head.dimension):
        yield "it is of another collection"
        return
    if not np.array_equal(_followed(labels[labels >= 0], changes), records.page(db, head.number, -1, None)):
        yield "its labels are not those of the records"
        return
    with (folder / manifest.files["index"].name).open("rb") as file:
        index = IvfIndex.load(head.space, dimension, file)
    covered = labels >= 0
    covered[np.concatenate((np.array(details["dirty"], np.int64), np.arange(frontier, len(labels))))] = False
    slots = np.flatnonzero(covered)
    if not np.isin(slots, index.slots).all():
        yield f"its index lacks {np.count_nonzero(~np.isin(slots, index.slots)):,} of the rows that it should hold"
    rows = np.memmap(folder / manifest.files["rows"].name, details["precision"], "r").reshape(-1, dimension)
    changed = np.concatenate([_NO_LABELS, *(some for call in changes for some in (call.upserted, call.removed))])
    exact = details.get("exact", rows.dtype == np.float32)  # not in those of 0.1
    for chunk in chunks(slots[~np.isin(labels[slots], changed)]):
        _, truth = records.vectors(db, head, labels[chunk])
        wanted = truth if exact else index.measured(truth)
        apart = np.abs(rows[chunk].astype(np.float32) - wanted).max(axis=1)
        slack = 0.0 if exact else 2e-3 * np.abs(wanted).max(axis=1) + 1e-6
        if wrong := int(np.count_nonzero(apart > slack)):
            yield f"{wrong:,} of its rows from slot {chunk[0]} on are not the vectors of their records"


def _text(db: apsw.Connection, head: Head, folder: Path, manifest: Manifest, changes: list[Touched]) -> Iterator[str]:
    from ochredb.local.text import TextIndex

    details = manifest.details
    if details["collection"] != folder.name:
        yield "it is of another collection"
        return
    index = TextIndex.open(folder / manifest.files["index"].name, Moment(*details["moment"]), details["last"], 0)
    try:
        labels = _covered(db, head, folder, "text", manifest)
        changed = np.concatenate([_NO_LABELS, *(call.upserted for call in changes)])
        some = np.setdiff1d(labels, changed)
        tried = some[:: max(len(some) // _TRIED, 1)]
        for label, document in records.documents(db, head.number, tried):
            proposed = index.labels(document[:_WORDS])
            # Asked for nearly all of a range, `documents` gives all of it.
            if proposed is not None and label not in proposed and label in tried:
                yield f"it does not find the document with label {label}"
                return
    finally:
        index.close()


_TRIED = 200
_WORDS = 40


def _since(db: apsw.Connection, head: Head, manifest: Manifest) -> list[Touched] | None:
    return log.since(db, head.number, Moment(*manifest.details["moment"]), head.moment)


def _covered(db: apsw.Connection, head: Head, folder: Path, name: str, manifest: Manifest) -> Labels:
    """Give the labels that a view covered when it was written, as far as there are records of them now."""
    details = manifest.details
    if name == "text":
        there = records.page(db, head.number, -1, None)
        return there[: np.searchsorted(there, details["last"], "right")]
    try:
        stored = np.fromfile(folder / manifest.files["labels"].name, "<i8")[: details["frontier"]]
    except FileNotFoundError:  # a newer snapshot has just taken its place
        return _NO_LABELS
    covered = stored >= 0  # the label of a dead slot is written as its complement
    covered[np.array(details["dirty"], np.int64)] = False
    of_index: Labels = stored[covered]
    return of_index


def _followed(labels: Labels, changes: list[Touched]) -> Labels:
    for touched in changes:
        labels = np.setdiff1d(np.union1d(labels, touched.upserted), touched.removed)
    return labels


_NO_LABELS = np.empty(0, np.int64)

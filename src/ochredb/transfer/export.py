"""From a source into files: one for a single collection, or a folder with one for each and a manifest."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from ochredb.core.errors import BadValue, CorruptError, InternalError
from ochredb.core.model import ALL_FIELDS, NO_FIELDS, Fields
from ochredb.transfer import formats, manifest
from ochredb.transfer.digest import Digest, Stamp
from ochredb.transfer.exported import ExportedFile
from ochredb.transfer.feed import Feed
from ochredb.transfer.manifest import Exported, Manifest, Plan
from ochredb.transfer.moved import Meter, Moved, Transfer, Watch
from ochredb.transfer.source import Description, Source
from ochredb.version import __version__


class Order(msgspec.Struct, frozen=True):
    """What to write, and how.

    Args:
        layout: The name of a format.
        fields: The columns.
        choice: What was chosen of the source, as text: an export that is resumed has the same.
        resume: Finish an export that was broken off: its files that are done stay, the one in the making is made anew.
        dry_run: Write nothing.
        verify: Read each file back after it was written, and compare.
    """

    layout: str = "jsonl"
    fields: Fields = ALL_FIELDS
    choice: str = ""
    resume: bool = False
    dry_run: bool = False
    verify: bool = True


def to_folder(source: Source, folder: Path, order: Order, watch: Watch | None = None) -> Transfer:
    """Write every collection of a source into a file of its own, and last the manifest.

    Args:
        source: To read.
        folder: Absent or empty; for `resume`, the one of the export that was broken off.
        order: What and how.
        watch: Is told how far it is.

    Raises:
        BadValue: The folder holds something else.
        CorruptError: A file does not read back as what was written.
        InternalError: The disk is full, say. Files that are done stay, for `resume`.
    """
    format_ = formats.named(order.layout)
    plan = Plan(order.layout, order.choice)
    if order.resume and (folder / manifest.MANIFEST).exists():
        return _finished(source, folder, plan)
    _refuse_taken(folder, order.resume)
    found = source.collections()
    if order.dry_run:
        return _dry(source, found, str(folder), order)
    with _translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
        progress = manifest.Progress(folder, plan)
        meter = _meter(found, order, watch)
        for collection in found:
            if collection.key not in progress.done:
                name = f"{len(progress.done) + 1:04}-{_safe(collection.new.name)}{format_.suffix}"
                progress.add(_write(source, collection, folder / name, order, meter, headed=False))
        files = tuple(progress.done.values())
        manifest.sweep(folder, files)
        manifest.write(folder, Manifest(__version__, datetime.now(UTC), source.name, plan, files))
    return _told(source, folder, files)


def to_file(source: Source, path: Path, order: Order, watch: Watch | None = None) -> Transfer:
    """Write the one collection of a source into a file, which also says what collection it is.

    Args:
        source: To read.
        path: Of the file, which is not there yet; for `resume`, one that is there is complete.
        order: What and how.
        watch: Is told how far it is.

    Raises:
        BadValue: There are several collections, or the file is there.
        CorruptError: The file does not read back as what was written.
        InternalError: The disk is full, say. Nothing is left behind.
    """
    formats.named(order.layout)
    if path.exists() and not (order.resume and path.is_file()):
        raise BadValue(f"{path} is there already: remove it, or give another name")
    collection = _only(source)
    if order.dry_run:
        return _dry(source, [collection], str(path), order)
    if path.exists():
        done = _look(path, collection)
    else:
        with _translated(path):
            done = _write(source, collection, path, order, _meter([collection], order, watch), headed=True)
    return _told(source, path, (done,))


def to_pipe(source: Source, stream: BinaryIO, order: Order, watch: Watch | None = None) -> Transfer:
    """Write the one collection of a source into a stream, which also says what collection it is.

    Raises:
        BadValue: There are several collections, or the format cannot be written to a pipe.
    """
    if not formats.named(order.layout).pipes:
        pipes = ", ".join(name for name, format_ in formats.FORMATS.items() if format_.pipes)
        raise BadValue(f"format {order.layout!r} cannot be written to a pipe; {pipes} can")
    collection = _only(source)
    if order.dry_run:
        return _dry(source, [collection], "standard output", order)
    meter = _meter([collection], replace(order, verify=False), watch)
    feed = _feed(source, collection, order, meter, headed=True)
    formats.write(stream, order.layout, feed)
    stream.flush()
    moved = Moved(collection.scope, collection.new.name, feed.stamp().rows, feed.stamp().rows)
    return Transfer(source.name, "standard output", False, (_with_losses(moved, source, collection),))


# Steps


def _write(source: Source, collection: Description, path: Path, order: Order, meter: Meter, headed: bool) -> Exported:
    """Write a file beside its place, read it back, and put it there."""
    part = path.with_name(f"{path.name}.part")
    feed = _feed(source, collection, order, meter, headed)
    try:
        with part.open("wb") as file:
            formats.write(file, order.layout, feed)
            manifest.keep(file)
        if order.verify:
            _read_back(part, collection, feed.stamp(), meter)
        size, checksum = part.stat().st_size, manifest.checksum(part)
        part.replace(path)
    except BaseException:
        with suppress(OSError):  # what went wrong is to be told, not that the rest could not be swept up
            part.unlink(missing_ok=True)
        raise
    manifest.sync(path.parent)
    described = replace(collection, rows=feed.stamp().rows)
    return Exported(path.name, described, _function(collection), feed.stamp(), size, checksum)


def _feed(source: Source, collection: Description, order: Order, meter: Meter, headed: bool) -> Feed:
    name = collection.new.name
    return Feed(source, collection, order.fields, headed, lambda batch: meter.add(name, batch))


def _read_back(part: Path, collection: Description, written: Stamp, meter: Meter) -> None:
    file, digest = ExportedFile(part), Digest()
    for batch in file.records(file.collections()[0]):
        digest.add(batch)
        meter.add(collection.new.name, batch, "verified")
    if digest.stamp() != written:
        raise CorruptError(f"{part} does not read back as it was written: {digest.stamp()} instead of {written}")


def _only(source: Source) -> Description:
    found = source.collections()
    if len(found) != 1:
        names = ", ".join(collection.new.name for collection in found[:10])
        raise BadValue(
            f"{source.name} holds {len(found)} collections ({names}), and a file or a pipe takes one: "
            "choose it with collections= (--collection), or write into a folder"
        )
    return found[0]


def _refuse_taken(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadValue(f"{folder} is a file; a folder is wanted")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if (folder / manifest.MANIFEST).exists():
        raise BadValue(f"{folder} holds an export already: remove it, or give another folder")
    if not (folder / manifest.UNFINISHED).exists():
        raise BadValue(f"{folder} is not empty: give an absent or empty folder")
    if not resume:
        raise BadValue(
            f"{folder} holds an export that was broken off: finish it with resume=True (--resume), or remove it"
        )


def _meter(found: Sequence[Description], order: Order, watch: Watch | None) -> Meter:
    counts = [collection.rows for collection in found]
    times = 2 if order.verify else 1
    return Meter(watch, None if None in counts else times * sum(count or 0 for count in counts))


def _dry(source: Source, found: Sequence[Description], target: str, order: Order) -> Transfer:
    """Tell what would be written, counting what nobody knows the number of."""
    moved = []
    for one in found:
        rows = sum(map(len, source.records(one, NO_FIELDS))) if one.rows is None else one.rows
        moved.append(Moved(one.scope, one.new.name, rows))
    return Transfer(source.name, target, order.dry_run, tuple(moved))


def _finished(source: Source, folder: Path, plan: Plan) -> Transfer:
    found = manifest.read(folder)
    manifest.refuse_other(folder, found.plan, plan)
    return _told(source, folder, found.files)


def _look(path: Path, collection: Description) -> Exported:
    """Describe a file that is complete, as it has its name."""
    file, digest = ExportedFile(path), Digest()
    for batch in file.records(file.collections()[0]):
        digest.add(batch)
    size, checksum = path.stat().st_size, manifest.checksum(path)
    return Exported(path.name, collection, _function(collection), digest.stamp(), size, checksum)


def _told(source: Source, target: Path, files: Sequence[Exported]) -> Transfer:
    moved = []
    for file in files:
        one = file.collection
        done = Moved(one.scope, one.new.name, file.end.rows, file.end.rows, file=file.file)
        moved.append(_with_losses(done, source, one))
    return Transfer(source.name, str(target), False, tuple(moved))


def _with_losses(moved: Moved, source: Source, collection: Description) -> Moved:
    return replace(moved, losses=tuple(source.losses(collection)))


def _safe(name: str) -> str:
    """Give what of a collection's name every file system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:60] or "_"


def _function(collection: Description) -> dict[str, str] | None:
    """Name a collection's embedding function and its model."""
    stored = collection.new.configuration.get("embedding_function")
    if not isinstance(stored, dict) or stored.get("type") != "known":
        return None
    config = stored.get("config") or {}
    model = next((config[key] for key in _MODELS if isinstance(config.get(key), str)), None)
    return {"name": str(stored.get("name"))} | ({} if model is None else {"model": model})


_MODELS = ("model_name", "model", "model_id", "deployment_id")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Say in our own error what the system says in its: a full disk, a folder that may not be written."""
    try:
        yield
    except OSError as error:
        raise InternalError(f"{error.filename or path}: {error.strerror or error}") from error

"""The manifest of a folder of exported collections: what each file holds, and the checksums of all.

While an export is under way, `unfinished.jsonl` names the files that are done; the manifest is the last to be written,
by a rename. What it names are plain files of the same folder: a manifest may come from anywhere.
"""

import os
import re
import stat
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct

from ochredb.core.errors import BadValue, CorruptError, FormatError, NotFoundError
from ochredb.transfer.digest import Stamp
from ochredb.transfer.source import Description

FORMAT = 1
MANIFEST, UNFINISHED = "manifest.json", "unfinished.jsonl"
_PIECE = 1 << 20

# Nothing that could lead out of the folder, be hidden, or be the manifest's own name, is the name of a file.
_FILE = re.compile(r"[0-9]{4,9}-[A-Za-z0-9._-]{1,100}")
_FileName = Annotated[str, Meta(pattern=rf"\A{_FILE.pattern}\Z")]


class Exported(Struct, frozen=True):
    """One file of an export.

    Args:
        file: Its name.
        collection: What it holds; its key is that which it had in the source.
        function: The name of the collection's embedding function, and what it says of its model; None without one.
        end: How many records, and their checksum, which does not depend on the format.
        bytes: Of the file.
        sha256: Of the file.
    """

    file: _FileName
    collection: Description
    function: dict[str, str] | None
    end: Stamp
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Plan(Struct, frozen=True):
    """How an export is made; one that is resumed is made in the same way.

    Args:
        layout: The format of its files.
        choice: What was chosen of the source, as text.
        format: Of the manifest.
    """

    layout: str
    choice: str
    format: int = FORMAT


class Manifest(Struct, frozen=True):
    """What a folder of exported collections holds.

    Args:
        ochredb: The version that wrote it.
        made: When, in UTC.
        source: What was exported.
        plan: How.
        files: By tenant, database and name.
        format: Of the manifest.
    """

    ochredb: str
    made: datetime
    source: str
    plan: Plan
    files: tuple[Exported, ...]
    format: int = FORMAT


class _Sealed(Struct, frozen=True):
    sha256: str
    manifest: msgspec.Raw


class _Written(Struct, frozen=True):
    format: int
    ochredb: str


def read(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises:
        NotFoundError: There is none; if the export was broken off, the text says so.
        CorruptError: It is not what was written, or names what no file can be called.
        FormatError: A newer Ochre wrote it.
    """
    path = folder / MANIFEST
    if not path.exists():
        hint = f"; {UNFINISHED} tells of an export that was broken off: --resume finishes it"
        raise NotFoundError(f"{folder} holds no {MANIFEST}{hint if (folder / UNFINISHED).exists() else ''}")
    with plain(path) as file:
        data = file.read()
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        if sha256(sealed.manifest).hexdigest() != sealed.sha256:
            raise CorruptError(f"{path} is damaged: its checksum is another")
        written = msgspec.json.decode(sealed.manifest, type=_Written)
        if written.format > FORMAT:
            raise FormatError(
                f"{path} has format {written.format}, and this version reads formats up to {FORMAT}: "
                f"install a version from ochredb {written.ochredb} on"
            )
        return msgspec.json.decode(sealed.manifest, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
        raise CorruptError(f"{path} is damaged: {error}") from error


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder whose files are on the disk; what told of the work in progress goes."""
    body = msgspec.json.encode(manifest)
    new = folder / f"{MANIFEST}.part"
    with new.open("wb") as file:
        file.write(msgspec.json.encode(_Sealed(sha256(body).hexdigest(), msgspec.Raw(body))))
        keep(file)
    new.replace(folder / MANIFEST)
    (folder / UNFINISHED).unlink(missing_ok=True)
    sync(folder)


class Progress:
    """What is done of an export that is under way: a plan, then a line a file.

    Args:
        folder: Of the export.
        plan: Of this run.

    Raises:
        BadValue: An earlier run, that this one is to finish, had another plan.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._path = folder / UNFINISHED
        lines = self._lines()
        try:
            plans = [msgspec.json.decode(line, type=Plan) for line in lines[:1]]
            files = [msgspec.json.decode(line, type=Exported) for line in lines[1:]]
        except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
            raise CorruptError(f"{self._path} is damaged: {error}; remove {folder}, and begin anew") from error
        for found in plans:
            refuse_other(folder, found, plan)
        self.done = {file.collection.key: file for file in files}
        if not plans:
            self._append(plan)
            sync(folder)

    def add(self, file: Exported) -> None:
        """Note that a file is done and on the disk."""
        self.done[file.collection.key] = file
        self._append(file)

    def _append(self, value: Struct) -> None:
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(value) + b"\n")
            keep(file)

    def _lines(self) -> list[bytes]:
        """Give the whole lines, and cut off what a process that died has left of one."""
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        return whole.splitlines()


def refuse_other(folder: Path, found: Plan, plan: Plan) -> None:
    """Refuse to finish an export in another way than it was begun.

    Raises:
        BadValue: The plans differ.
    """
    if found != plan:
        raise BadValue(f"{folder} holds an export made otherwise: {found}, and this is to be {plan}")


def sweep(folder: Path, files: Sequence[Exported]) -> None:
    """Remove what runs that were killed have left beside the files that are done."""
    known = {file.file for file in files}
    for path in folder.iterdir():
        if path.name not in known and _FILE.fullmatch(path.name):
            path.unlink()


def checksum(path: Path) -> str:
    """Give the SHA-256 of a file."""
    found = sha256()
    with plain(path) as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()


def plain(path: Path) -> BinaryIO:
    """Open a plain file; a link may lead anywhere, and a pipe would never end.

    Raises:
        CorruptError: It is missing, or no plain file.
    """
    try:
        found = path.lstat()
    except FileNotFoundError as error:
        raise CorruptError(f"{path} is missing") from error
    if not stat.S_ISREG(found.st_mode):
        raise CorruptError(f"{path} is no plain file; links and devices are not read from an export")
    return path.open("rb", buffering=_PIECE)


def keep(file: BinaryIO) -> None:
    """Bring what was written of a file onto the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Bring the names of a folder's files onto the disk, where the system can do that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

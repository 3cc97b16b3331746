"""A folder of backups: blocks of databases, each named by its checksum, and a manifest for each backup.

`blocks/<SHA-256>` holds a piece of a database file; a piece that several backups have in common is there once.
`backup-<number>.json` names the pieces of one backup in their order. It is the last to be written, by a rename, so a
backup that was broken off has none. Nothing that is read is believed before its checksum was computed.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta, Struct

from ochredb.core.errors import BadValue, BusyError, CorruptError, FormatError, NotFoundError
from ochredb.local.snapshot import sync

FORMAT = 1
# Smaller blocks save space where little has changed, larger ones are fewer files: 4,000 for a gigabyte.
BLOCK = 1 << 18
LOCK = ".ochre.backup"
_IMAGE = "copying.sqlite3"
_BLOCKS = "blocks"
_MANIFEST = re.compile(r"backup-(\d{6,})\.json")
_NAME = re.compile(r"[0-9a-f]{64}")

# A manifest may come from anywhere: what could lead out of the folder, or ask for all memory, is no such value.
_BlockName = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Count = Annotated[int, Meta(ge=0)]


class Kept(Struct, frozen=True):
    """One collection of a backup."""

    tenant: str
    database: str
    name: str
    rows: _Count
    dimension: int | None


class Backup(Struct, frozen=True):
    """One backup.

    Args:
        number: The newest has the highest.
        made: When, in UTC.
        ochredb: The version that made it.
        source: The folder of the database.
        database_format: Of the SQLite file.
        page_size: In bytes.
        page_count: Pages of the SQLite file.
        added_bytes: What this backup took beyond the blocks that were there.
        collections: By tenant, database and name.
        block_bytes: Size of every block but the last.
        blocks: Their names, from the first page to the last.
        format: Of this manifest.
    """

    number: Annotated[int, Meta(ge=1)]
    made: datetime
    ochredb: str
    source: str
    database_format: int
    page_size: Annotated[int, Meta(ge=512, le=65536)]
    page_count: Annotated[int, Meta(ge=1)]
    added_bytes: _Count
    collections: tuple[Kept, ...]
    block_bytes: Annotated[int, Meta(ge=4096, le=1 << 26)]
    blocks: tuple[_BlockName, ...]
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        """Size of the SQLite file."""
        return self.page_size * self.page_count

    @property
    def rows(self) -> int:
        """Records in all collections."""
        return sum(collection.rows for collection in self.collections)

    def pieces(self) -> Iterator[tuple[str, int]]:
        """Give the name and the length of each block in order."""
        for at, name in enumerate(self.blocks):
            yield name, min(self.block_bytes, self.bytes - at * self.block_bytes)


class Listing(Struct, frozen=True):
    """What a folder of backups holds.

    Args:
        backups: Oldest first.
        problems: What is wrong with the manifests that cannot be read; each text names its file.
    """

    backups: tuple[Backup, ...]
    problems: tuple[str, ...]


class _Sealed(Struct, frozen=True):
    sha256: str
    backup: msgspec.Raw


class _Written(Struct, frozen=True):
    format: int
    ochredb: str


class Archive:
    """The files of a folder of backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blocks = folder / _BLOCKS

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Keep other backups out, and give the path of a scratch file, which is gone afterwards.

        Blocks that no backup names are removed at the end: an error, or an earlier process that died, has left them.

        Raises:
            BadValue: The folder holds something else than backups.
            BusyError: Another backup is being written.
        """
        self._prepare()
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise BusyError(f"{self.folder}: another backup is being written here; try again later") from error
        image = self.folder / _IMAGE
        try:
            image.unlink(missing_ok=True)
            yield image
        finally:
            image.unlink(missing_ok=True)
            self._sweep()
            lock.release()

    def numbers(self) -> list[int]:
        """Give the numbers of all backups, damaged ones too, oldest first."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.folder}: there is no such folder of backups") from error
        except NotADirectoryError as error:
            raise NotFoundError(f"{self.folder} is a file; a folder of backups is wanted") from error
        found = ((name, int(match[1])) for name in names if (match := _MANIFEST.fullmatch(name)))
        return sorted(number for name, number in found if name == _manifest(number))

    def read(self, number: int) -> Backup:
        """Give a backup by its number.

        Raises:
            CorruptError: Its manifest is damaged, or names what cannot be a block.
            FormatError: A newer Ochre made it.
        """
        path = self.folder / _manifest(number)
        data = _content(path)
        try:
            sealed = msgspec.json.decode(data, type=_Sealed)
            if sha256(sealed.backup).hexdigest() != sealed.sha256:
                raise CorruptError(f"{path} is damaged: its checksum is another")
            written = msgspec.json.decode(sealed.backup, type=_Written)
            if written.format > FORMAT:
                raise FormatError(
                    f"{path} has format {written.format}, and this version reads formats up to {FORMAT}: "
                    f"install a version from ochredb {written.ochredb} on"
                )
            backup = msgspec.json.decode(sealed.backup, type=Backup)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CorruptError(f"{path} is damaged: {error}") from error
        wanted = -(-backup.bytes // backup.block_bytes)
        if backup.number != number or len(backup.blocks) != wanted:
            raise CorruptError(
                f"{path} is damaged: it says number {backup.number} and {len(backup.blocks)} blocks, "
                f"and number {number} and {wanted} blocks were wanted"
            )
        return backup

    def listing(self) -> Listing:
        """Read every manifest."""
        backups, problems = [], []
        for number in self.numbers():
            try:
                backups.append(self.read(number))
            except (CorruptError, FormatError) as error:
                problems.append(error.message())
        return Listing(tuple(backups), tuple(problems))

    def write(self, backup: Backup) -> None:
        """Write a manifest; all blocks that it names are on the disk."""
        body = msgspec.json.encode(backup)
        sealed = msgspec.json.encode(_Sealed(sha256(body).hexdigest(), msgspec.Raw(body)))
        sync(self._blocks)
        _replace(self.folder / _manifest(backup.number), sealed)
        sync(self.folder)

    def put(self, block: bytes) -> tuple[str, int]:
        """Keep a block, and give its name and the bytes that were added for it; a damaged one is mended."""
        name = sha256(block).hexdigest()
        try:
            self.get(name, len(block))
        except CorruptError:
            _replace(self._blocks / name, block)
            return name, len(block)
        return name, 0

    def get(self, name: str, length: int) -> bytes:
        """Give a block of this length by its name.

        Raises:
            CorruptError: It is missing, damaged, or no plain file in this folder.
        """
        path = self._blocks / name
        if self._blocks.is_symlink():
            raise CorruptError(f"{self._blocks} is a symbolic link; blocks are read from this folder only")
        block = _content(path, length)
        if sha256(block).hexdigest() != name:
            raise CorruptError(f"{path} is damaged: its checksum is another")
        return block

    def prune(self, keep: int) -> None:
        """Remove all backups but the newest so many; their blocks go when the writing ends.

        Raises:
            CorruptError: A manifest cannot be read, so nobody knows which blocks it needs; nothing was removed.
        """
        listing = self.listing()
        if listing.problems:
            raise CorruptError(
                f"{listing.problems[0]}; no backup was removed, as some may share blocks with this one: "
                "move the file away if it is given up"
            )
        for backup in listing.backups[:-keep]:
            (self.folder / _manifest(backup.number)).unlink()
        sync(self.folder)

    def _prepare(self) -> None:
        """Make the folder where absent, and refuse one with files of another kind only."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise BadValue(f"{self.folder} is a file; a folder for backups is wanted") from error
        names = os.listdir(self.folder)
        if names and not any(name in (LOCK, _BLOCKS) or _MANIFEST.fullmatch(name) for name in names):
            raise BadValue(f"{self.folder} holds other files and no backups; give backups a folder of their own")
        self._blocks.mkdir(exist_ok=True)

    def _sweep(self) -> None:
        """Remove the blocks that no backup names, unless a manifest cannot be read, which may name any of them."""
        listing = self.listing()
        if listing.problems:
            return
        known = {name for backup in listing.backups for name in backup.blocks}
        for path in self._blocks.iterdir():
            if path.name not in known and _NAME.fullmatch(path.name.removesuffix(_NEW)):
                path.unlink()


_NEW = ".new"


def _manifest(number: int) -> str:
    return f"backup-{number:06}.json"


def _content(path: Path, length: int | None = None) -> bytes:
    """Read a plain file; a link may lead anywhere, and a pipe would never end."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise CorruptError(f"{path} is no plain file; links and devices are not read from a backup")
        if length not in (None, found.st_size):
            raise CorruptError(f"{path} is damaged: it has {found.st_size} bytes, and {length} were wanted")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptError(f"{path} is missing") from error


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside the old one, make it durable, and put it in the old one's place."""
    new = path.with_name(path.name + _NEW)
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)

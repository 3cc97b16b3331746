"""Views on disk: written beside the old ones, made durable, and only then named by a manifest; read only if not a byte
has changed.

`<folder>/<name>.json` names the files of one view with their lengths and checksums. It is the last to be written and
the first to be read. A view that is absent, half written, damaged or of another format is no error: the reader gets
None, and builds it anew from the truth.
"""

import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np

FORMAT = 1
_BLOCK = 1 << 20


class File(msgspec.Struct, frozen=True):
    """One file of a snapshot."""

    name: str
    bytes: int
    crc32: int


class Manifest(msgspec.Struct, frozen=True):
    """What a snapshot holds; `details` are the view's own."""

    format: int
    details: dict[str, Any]
    files: dict[str, File]


class _Sealed(msgspec.Struct, frozen=True):
    crc32: int
    manifest: msgspec.Raw


def write(folder: Path, name: str, details: dict[str, Any], files: Mapping[str, Iterable[Any]]) -> Manifest:
    """Write a snapshot in the place of the last one.

    Args:
        folder: Of the collection; made where absent.
        name: Of the view.
        details: JSON.
        files: By role, the blocks (bytes-like) of each file.

    The caller holds the folder's lock. A failure, of a full disk say, leaves the last snapshot as it was.
    """
    folder.mkdir(exist_ok=True)
    generation = uuid4().hex[:12]
    written: dict[str, File] = {}
    try:
        for role, blocks in files.items():
            written[role] = _write(folder, f"{name}.{role}.{generation}", blocks)
        manifest = Manifest(FORMAT, details, written)
        body = msgspec.json.encode(manifest)
        sealed = msgspec.json.encode(_Sealed(zlib.crc32(body), msgspec.Raw(body)))
        temporary = _write(folder, f"{name}.manifest.{generation}", [sealed])
        (folder / temporary.name).replace(folder / f"{name}.json")
    except BaseException:
        for path in folder.glob(f"{name}.*.{generation}"):
            path.unlink(missing_ok=True)
        raise
    try:
        sync(folder)
    finally:
        _sweep(folder, name, {file.name for file in written.values()})
    return manifest


def read(folder: Path, name: str) -> Manifest | None:
    """Give the manifest of a snapshot whose every byte is as it was written, or None."""
    try:
        sealed = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=_Sealed)
        if zlib.crc32(sealed.manifest) != sealed.crc32:
            return None
        manifest = msgspec.json.decode(sealed.manifest, type=Manifest)
        if manifest.format != FORMAT or not all(_intact(folder, file) for file in manifest.files.values()):
            return None
    except (OSError, msgspec.MsgspecError):
        return None
    return manifest


def _write(folder: Path, name: str, blocks: Iterable[Any]) -> File:
    length = checksum = 0
    with (folder / name).open("wb") as file:
        for block in blocks:
            data = block.reshape(-1).view(np.uint8).data if isinstance(block, np.ndarray) else block
            file.write(data)
            length += len(data)
            checksum = zlib.crc32(data, checksum)
        file.flush()
        os.fsync(file.fileno())
    return File(name, length, checksum)


def _intact(folder: Path, file: File) -> bool:
    path = folder / file.name
    if Path(file.name).name != file.name or path.stat().st_size != file.bytes:
        return False
    checksum, buffer = 0, memoryview(bytearray(_BLOCK))  # one for all blocks: new memory costs as much as the reading
    with path.open("rb", buffering=0) as opened:
        while count := opened.readinto(buffer):
            checksum = zlib.crc32(buffer[:count], checksum)
    return checksum == file.crc32


def _sweep(folder: Path, name: str, keep: set[str]) -> None:
    for path in folder.glob(f"{name}.*.*"):
        if path.name not in keep:
            try:
                path.unlink(missing_ok=True)
            except OSError:  # Windows keeps a file that another process has mapped; the next sweep takes it
                continue


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name == "nt":
        return  # Windows has no handle to sync a folder by
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files that are compressed, and those that are not, as streams of bytes."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ochredb.core.errors import BadValue, NotSupported

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 17
_ZSTD_PIECE = 1 << 12
"""Four bytes may unpack to 128 kB at once, so that it is the piece read that bounds the memory."""


def unpacked(file: BinaryIO, name: str) -> BinaryIO:
    """Give what a file holds, by its first bytes: gzip, zstandard, or as it is.

    Args:
        file: One with `peek`, such as `open` gives.
        name: For errors.
    """
    head = file.peek(4)[:4]  # type: ignore[attr-defined] # of a buffered reader
    if head[:2] == GZIP:
        return io.BufferedReader(gzip.GzipFile(fileobj=file), _PIECE)
    if head == ZSTD:
        return io.BufferedReader(_Zstd(file, name), _PIECE)
    return file


@contextmanager
def packed(file: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    """Give a stream into a file: compressed if the suffix is `.gz` or `.zst`."""
    if suffix == ".gz":
        # Digits of embeddings take a tenth more than at level 6, in a sixth of the time.
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="", mtime=0) as stream:
            yield stream  # type: ignore[misc] # a binary stream all the same
    elif suffix == ".zst":
        with _zstandard().ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as stream:
            yield stream
    else:
        yield file


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Say in our own error what a decompressor says of a damaged file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise broken(name, str(error)) from error


def broken(name: str, what: str) -> BadValue:
    """Give the error for a file that is cut off or damaged."""
    return BadValue(f"{name} is cut off or damaged: {what}")


class _Zstd(io.RawIOBase):
    """What zstandard frames hold. The library's own reader takes a frame that is cut off for one that has ended."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._library = _zstandard()
        self._frame: Any = self._library.ZstdDecompressor().decompressobj()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            piece = self._frame.unused_data if self._frame.eof else b""
            piece = piece or self._file.read(_ZSTD_PIECE)
            if not piece:
                if not self._frame.eof:
                    raise broken(self._name, "its last zstandard frame has no end")
                return 0
            if self._frame.eof:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            self._ready = memoryview(self._decompressed(piece))
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decompressed(self, piece: bytes) -> bytes:
        try:
            data: bytes = self._frame.decompress(piece)
        except self._library.ZstdError as error:
            raise broken(self._name, str(error)) from error
        return data


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise NotSupported("files that end in .zst need zstandard: pip install 'ochredb[zstd]'") from error
    return zstandard

"""What a file of documents is made into: pieces of text, each of which becomes a record."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

from msgspec import Struct

from ochredb.core.model import Metadata
from ochredb.transfer.chunks import chunks

PATH, HASH, CHUNK = "path", "hash", "chunk"
"""The metadata that a piece has of its file: its name, the checksum of its content, and the number of the piece."""


class Piece(Struct, frozen=True):
    """A text with an id, and what is known of it."""

    id: str
    text: str
    metadata: Metadata


class Content(Struct, frozen=True):
    """What a file holds.

    Args:
        name: By which its records know it.
        hash: Of its bytes, and of how they are cut: 32 hexadecimal digits.
        count: Of its pieces.
        pieces: Gives them, in order.
    """

    name: str
    hash: str
    count: int
    pieces: Callable[[], Iterator[Piece]]


def checksum(parts: Iterable[bytes], how: str) -> str:
    """Give the checksum of a content, read in parts, and of how it is cut."""
    # A key, so that another way of cutting makes another checksum, whatever the bytes are.
    found = blake2b(digest_size=16, key=blake2b(how.encode(), digest_size=16).digest())
    for part in parts:
        found.update(part)
    return found.hexdigest()


def cut(id_: str, text: str, metadata: Metadata, limit: int | None) -> Iterator[Piece]:
    """Cut a text into pieces whose ids end in their numbers; without a limit it is one piece, and the id its own."""
    if limit is None:
        yield Piece(id_, text, metadata)
        return
    for number, chunk in enumerate(chunks(text, limit)):
        yield Piece(f"{id_}#{number}", chunk, {**metadata, CHUNK: number})

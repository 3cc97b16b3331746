"""Text files of a folder -> pieces, each file under a name that stays when the folder moves."""

from collections.abc import Iterator
from pathlib import Path

from ochredb.core.errors import BadValue, NotFoundError
from ochredb.transfer.chunks import LIMIT
from ochredb.transfer.piece import HASH, PATH, Content, checksum, cut


def found(place: Path, glob: str) -> Iterator[tuple[str, Path]]:
    """Give the files of a folder that match a pattern, in order, or the one file that `place` is.

    A name is the path from the folder that `place` is in, with slashes: `docs/guide/first.md`. What begins with a dot
    is passed over.

    Raises:
        NotFoundError: There is no such folder or file.
        BadValue: The pattern is not one, or leads out of the folder.
    """
    root = place.resolve()
    if root.is_file():
        yield root.name, root
        return
    if not root.is_dir():
        raise NotFoundError(f"{place}: there is no such folder or file")
    if not glob or ".." in Path(glob).parts or Path(glob).is_absolute():
        raise BadValue(f"glob: expected a pattern within the folder, such as '**/*.md', got {glob!r}")
    for path in sorted(root.glob(glob)):
        within = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in within.parts):
            yield (Path(root.name) / within).as_posix(), path


def read(name: str, path: Path, limit: int = LIMIT) -> Content:
    """Read a text file and cut it.

    Args:
        name: By which its records are to know it.
        path: Where it is.
        limit: Characters of a chunk.

    Raises:
        BadValue: It is no text in UTF-8; the message says what is wrong, without the name.
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    text = decoded(data)
    hash_ = checksum([data], f"text in chunks of {limit}")
    pieces = list(cut(name, text, {PATH: name, HASH: hash_}, limit))
    return Content(name, hash_, len(pieces), lambda: iter(pieces))


def decoded(data: bytes) -> str:
    """Give bytes as text with plain line ends.

    Raises:
        BadValue: They are no text in UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValue(f"it is no text in UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}") from error
    if "\0" in text:
        raise BadValue(f"it is no text: there is a NUL character at {text.index(chr(0)):,}")
    return text.replace("\r\n", "\n")

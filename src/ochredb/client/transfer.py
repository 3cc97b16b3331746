"""Export, import and copy between places that are called as users call them: a folder, a file, a URL, a pipe."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.chroma import config
from ochredb.client import connect, functions
from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, NotSupported
from ochredb.core.model import ALL_FIELDS, DEFAULT_TENANT, Floats, NewCollection, Space
from ochredb.core.where import parse
from ochredb.transfer import copy as copying
from ochredb.transfer import export as exporting
from ochredb.transfer import formats, manifest
from ochredb.transfer.choice import Choice, Chosen, Redescribed
from ochredb.transfer.copy import Manner
from ochredb.transfer.export import Order
from ochredb.transfer.exported import ExportedFile, ExportedFolder, Piped
from ochredb.transfer.moved import Conflict, Progress, Transfer, Watch
from ochredb.transfer.source import Description, Source
from ochredb.transfer.stored import Stored

Place: TypeAlias = str | PathLike[str]
"""A folder or a file by its path, or an engine by its URL."""

_CHROMA = "chroma.sqlite3"


class Part(Struct, frozen=True):
    """What to take of a source, in the words of a user; what is not said is all.

    Args:
        collections: Names, or patterns with `*`, `?` and `[...]`.
        tenant: The name of one.
        database: The name of one.
        where: A filter, as in `get`.
        embeddings: Whether they come along.
    """

    collections: Sequence[str] = ()
    tenant: str | None = None
    database: str | None = None
    where: dict[str, Any] | None = None
    embeddings: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names and patterns; a bare str is one of them."""
        return (self.collections,) if isinstance(self.collections, str) else tuple(self.collections)

    def of(self, source: Source) -> Source:
        """Give this part of a source."""
        where = None if self.where is None else parse(self.where)
        return Chosen(source, Choice(self.names, self.tenant, self.database, where, self.embeddings))

    def text(self) -> str:
        """Write it, so that an export that is resumed can be seen to be the same one."""
        return msgspec.json.encode(self, order="sorted").decode()


ALL = Part()


def export(
    source: Place,
    out: Place | BinaryIO,
    format: str | None = None,  # noqa: A002 - the word that the command line has for it
    part: Part = ALL,
    *,
    resume: bool = False,
    dry_run: bool = False,
    verify: bool = True,
    token: str | None = None,
    watch: Watch | None = None,
) -> Transfer:
    """Write collections into files, in bounded memory.

    Args:
        source: The folder of a database, or the URL of an engine.
        out: An absent or empty folder, for a file a collection and a manifest. Or the name of a file that ends as a
            format does, or a stream, for one collection.
        format: "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "npz" or "json"; None is what `out` ends in, or "jsonl".
        part: What to take.
        resume: Finish an export into a folder that was broken off: files that are done stay, others are made anew.
        dry_run: Write nothing, only tell what would be written.
        verify: Read each file back, and compare its records with those that were read.
        token: A key to a server.
        watch: Is told how far it is.

    Raises:
        NotFoundError: There is no such source, or no such collection in it.
        BadValue: `out` is taken, or cannot hold several collections.
        NotSupported: A library is missing that the format needs; the text names the extra.
        CorruptError: A file does not read back as it was written.
        InternalError: The disk is full, say. Files that are done stay, for `resume`.
    """
    fields = ALL_FIELDS if part.embeddings else ALL_FIELDS - {"embeddings"}
    order = Order(format or "jsonl", fields, part.text(), resume, dry_run, verify)
    with _source(source, part.tenant, token, skip_bad=False) as found:
        if not isinstance(out, str | PathLike):
            return exporting.to_pipe(part.of(found), out, order, watch)
        path = Path(out)
        named = formats.of_file(path)
        if named is None or path.is_dir():
            return exporting.to_folder(part.of(found), path, order, watch)
        if format not in (None, named):
            raise BadValue(f"{path} is called as a file of format {named!r}, and {format!r} was asked for")
        return exporting.to_file(part.of(found), path, replace(order, layout=named), watch)


def copy(
    source: Place | BinaryIO | Source,
    target: Place,
    part: Part = ALL,
    *,
    name: str | None = None,
    space: Space | None = None,
    on_conflict: Conflict = "error",
    resume: bool = False,
    skip_bad: bool = False,
    dry_run: bool = False,
    verify: bool = True,
    index: bool = False,
    token: str | None = None,
    target_token: str | None = None,
    watch: Watch | None = None,
) -> Transfer:
    """Write the collections of a source into a database, batch by batch, in bounded memory.

    Tenants, databases and collections are made where they are absent. Each batch of records is written as a whole, read
    back and compared. Records without embeddings are embedded by the function that their collection remembers.

    Args:
        source: The folder of a database of Ochre's or Chroma's, what `export` wrote, a file of one of its formats, the
            URL of an engine, a stream of JSON Lines, or anything else that is a `Source`.
        target: The folder of a database, made where absent, or the URL of an engine.
        part: What to take.
        name: What the one collection is to be called that is taken.
        space: How distances are measured, where a file does not say it: "l2", "cosine" or "ip"; None is "l2".
        on_conflict: What to do about an id that is there already: "error" refuses it, "skip" leaves what is there,
            "replace" puts the new record there.
        resume: Finish what was broken off: records that are there just as they are in the source are passed over.
        skip_bad: Go on without rows of a file that cannot be read, and tell which they are.
        dry_run: Write nothing; read everything, and look for conflicts.
        verify: Whether batches are read back.
        index: Whether what was written into a folder is indexed before this returns; otherwise whoever uses it next
            does that in the background.
        token: A key to the server that is the source.
        target_token: A key to the server that is the target.
        watch: Is told how far it is.

    Raises:
        NotFoundError: There is no such source, or no such collection in it.
        InvalidArgumentError: A file that is cut off or damaged, a row that cannot be read, an id twice, another
            dimension or space. Whole batches before it are in the target.
        IDAlreadyExistsError: An id is there already.
        NotSupported: A library is missing that the format needs; the text names the extra.
        CorruptError: A file of an export is not what was written.
        InternalError: The target does not hold what was written; or the disk is full, say.
    """
    manner = Manner(on_conflict, resume, dry_run, verify, Embedder())
    with (
        _source(source, part.tenant, token, skip_bad) as found,
        _target(target, target_token, dry_run) as engine,
    ):
        part, name = _named(found, part, name)
        chosen = part.of(found)
        described = Redescribed(chosen, lambda collection: _described(collection, name, space, found.name))
        if name is not None and len(described.collections()) > 1:
            raise BadValue(f"{found.name} holds several collections, and name={name!r} (--name) is for one: choose it")
        called = _bare(str(target)) if _is_url(target) else str(target)
        with _loading(None if dry_run else engine, index, watch) as told:
            return copying.copy(described, engine, called, manner, told)


class Embedder:
    """Embeds documents as their collection does; each function is built once."""

    def __init__(self) -> None:
        self._built: dict[bytes, Any] = {}

    def __call__(self, new: NewCollection, documents: list[str]) -> Floats:
        """Give the embeddings of documents, float32 (n, dimension).

        Raises:
            BadValue: The collection remembers a function only as one of the user's own.
        """
        stored = new.configuration.get("embedding_function")
        if stored is not None and stored.get("type") != "known":
            raise BadValue(
                f"collection {new.name!r}: its embedding function is not known by a name, so that its documents cannot "
                "be embedded here; export with embeddings, or add them by a program that has the function"
            )
        key = msgspec.json.encode(stored)
        if key not in self._built:
            self._built[key] = functions.effective(functions.DEFAULT, stored)
        return np.array(self._built[key](documents), np.float32)


# Places


@contextmanager
def _source(
    place: Place | BinaryIO | Source, tenant: str | None, token: str | None, skip_bad: bool
) -> Iterator[Source]:
    """Open what is to be read."""
    with ExitStack() as open_things:
        if isinstance(place, Source):
            yield place
            return
        if not isinstance(place, str | PathLike):
            yield Piped(place, skip_bad)
            return
        _refuse_token(place, token)
        path = Path(place)
        if _is_url(place):
            engine = connect.engine(str(place), token)
            open_things.callback(engine.close)
            yield Stored(engine, _bare(str(place)), _tenants(engine, tenant))
        elif path.is_file() and path.name != _CHROMA:
            yield ExportedFile(path, skip_bad)
        elif (path / manifest.MANIFEST).exists() or (path / manifest.UNFINISHED).exists():
            yield ExportedFolder(path, skip_bad)
        elif path.name == _CHROMA or (path / _CHROMA).exists():
            from ochredb.transfer.chroma.folder import ChromaFolder

            yield open_things.enter_context(ChromaFolder(path.parent if path.name == _CHROMA else path))
        else:
            engine = _folder(path)
            open_things.callback(engine.close)
            yield Stored(engine, str(path))


@contextmanager
def _target(place: Place, token: str | None, dry_run: bool) -> Iterator[Engine | None]:
    """Open what is to be written; None for a folder that is not there yet and is not to be made."""
    _refuse_token(place, token)
    if _is_url(place):
        engine = connect.engine(str(place), token)
    elif dry_run:
        if not Path(place).exists():
            yield None
            return
        engine = _folder(Path(place))
    else:
        engine = connect.engine(f"file:{Path(place).absolute()}")
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def _loading(engine: Engine | None, index: bool, watch: Watch | None) -> Iterator[Watch | None]:
    """Leave the indexing of a folder to the end of a load or to later, and give a watch that is told of it then."""
    from ochredb.local.engine import LocalEngine

    if not isinstance(engine, LocalEngine):
        yield watch
        return
    last: list[Progress] = []

    def told(progress: Progress) -> None:
        last[:] = [progress]
        if watch is not None:
            watch(progress)

    with engine.loading(index):
        yield told
        if last and index and watch is not None:
            watch(replace(last[0], step="indexed"))


def _folder(path: Path) -> Engine:
    """Open the database in a folder, which is not made."""
    from ochredb.local.engine import LocalEngine
    from ochredb.local.folder import find

    folder = find(path)
    return LocalEngine(folder, read_only=not os.access(folder, os.W_OK))


def _refuse_token(place: Place, token: str | None) -> None:
    if token is not None and not _is_url(place):
        raise BadValue(f"a token is for the URL of a server, and {place} is none")


def _is_url(place: Place) -> bool:
    # A scheme of one letter is a drive of Windows; one that nobody knows is refused where it is opened.
    return isinstance(place, str) and ("://" in place or place.partition(":")[0].lower() in connect.ENGINES)


def _bare(url: str) -> str:
    """Give a URL without what is secret in it."""
    found = urlsplit(url)
    return found._replace(netloc=found.netloc.rpartition("@")[2], query="").geturl()


def _tenants(engine: Engine, tenant: str | None) -> list[str]:
    """Say whose collections are read; with a server that cannot tell its tenants, those of the one that is named."""
    if tenant is not None:
        return [engine.get_tenant(tenant)]
    try:
        return engine.list_tenants()
    except NotSupported:
        return [DEFAULT_TENANT]


def _named(source: Source, part: Part, name: str | None) -> tuple[Part, str | None]:
    """Take the one collection that is chosen for a name, where the source tells none and there is nothing to choose."""
    if name is None and len(part.names) == 1 and not all(one.new.name for one in source.collections()):
        return replace(part, collections=()), part.names[0]
    return part, name


def _described(collection: Description, name: str | None, space: Space | None, source: str) -> Description:
    """Give a collection as it is to be: its name, and what a bare file does not tell."""
    new = collection.new
    if new.name:
        if space not in (None, new.space):
            raise BadValue(f"{source}: the space of {new.name!r} is {new.space}, and {space} was asked for")
        return replace(collection, new=replace(new, name=name or new.name))
    if name is None:
        raise BadValue(f"{source} does not say what its collection is called: give it a name, with name= (--name)")
    settled = config.settle({"hnsw": {"space": space or "l2"}}, None, config.DEFAULT_FUNCTION, None)
    made = NewCollection(name, settled.space, settled.effort, configuration=settled.json)
    return replace(collection, new=made)

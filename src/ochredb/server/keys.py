"""Keys: who may do what, kept as hashes in a file beside the data; every server on it reads it anew when it changes."""

import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock
from msgspec import Meta, Struct

from ochredb.chroma.operations import Role
from ochredb.core.errors import BadValue, CorruptError, FormatError, InternalError, NotFoundError, UniqueConstraintError

FILE = "ochre.keys.json"
FORMAT = 1

RANK: dict[Role, int] = {"reader": 1, "writer": 2, "admin": 3}
"""What a key may do: read; also change collections and records; also change tenants and databases, and reset."""

_PREFIX = "ochre_"  # by which scanners of repositories know a key that was left in one
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9]\d{0,5})([mhdw])", re.ASCII)
_PRIVATE = 0o600
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Time = Annotated[datetime, Meta(tz=True)]


class Key(Struct, frozen=True, kw_only=True):
    """What a key allows; the key itself is known to its holder only.

    Args:
        name: Unique within a file; logs tell it.
        role: What it may do.
        digest: SHA-256 of the key, in hexadecimal digits.
        tenant: The only tenant it is good for; None is any.
        database: The only database; None is any.
        collection: A glob that the names of its collections match; None is any.
        created: When it was made; None is not known.
        expires: From when on it is good for nothing; None is never.
    """

    name: str
    role: Role
    digest: _Digest
    tenant: str | None = None
    database: str | None = None
    collection: str | None = None
    created: _Time | None = None
    expires: _Time | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and datetime.now(UTC) >= self.expires

    def names(self, collection: str) -> bool:
        """Tell whether it is good for a collection of this name."""
        return self.collection is None or fnmatchcase(collection, self.collection)


class _Header(Struct, frozen=True):
    format: int


class _Document(_Header, frozen=True):
    keys: tuple[Key, ...]


class KeyFile:
    """The keys in a file; other processes may change it at any time.

    Args:
        path: Need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[Key, ...] = ()

    def keys(self) -> tuple[Key, ...] | None:
        """Give the keys as of now, or None where there is no file and there was none before.

        A file that went away leaves no key behind, instead of a server that lets everybody in.

        Raises:
            InternalError: The file cannot be read, is damaged, or a newer Ochre wrote it.
        """
        with self._lock:
            try:
                seen = _state(self.path)
            except FileNotFoundError:
                if self._seen is None:
                    return None
                self._seen, self._keys = (), ()
                return ()
            except OSError as error:
                raise _unreadable(self.path, error) from error
            if seen != self._seen:
                self._keys = _read(self.path)
                self._seen = seen
            return self._keys

    def create(
        self,
        name: str,
        role: Role,
        tenant: str | None = None,
        database: str | None = None,
        collection: str | None = None,
        expires: timedelta | None = None,
    ) -> str:
        """Make a key and give it; nothing can give it a second time.

        Raises:
            BadValue: A name of other characters than letters, digits and `_.@-`, or an unknown role.
            UniqueConstraintError: The name is taken.
            InternalError: The file cannot be read or written.
        """
        _refuse_malformed(name, role)
        token = _PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        key = Key(
            name=name,
            role=role,
            digest=digest(token),
            tenant=tenant,
            database=database,
            collection=collection,
            created=now,
            expires=None if expires is None else now + expires,
        )
        with self._changing() as keys:
            if any(other.name == name for other in keys):
                raise UniqueConstraintError(f"there is a key {name!r} already: revoke it first, or take another name")
            self._write((*keys, key))
        return token

    def revoke(self, name: str) -> None:
        """Remove a key; raise NotFoundError if there is none of this name."""
        with self._changing() as keys:
            if all(key.name != name for key in keys):
                raise NotFoundError(f"there is no key {name!r} in {self.path}")
            # A file without keys stays: that a server wants keys does not end with the last one.
            self._write(tuple(key for key in keys if key.name != name))

    @contextmanager
    def _changing(self) -> Iterator[tuple[Key, ...]]:
        """Give the keys while no other process changes them."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f"{self.path.name}.lock"), mode=_PRIVATE):
                yield _read(self.path) if self.path.exists() else ()
        except OSError as error:
            raise InternalError(f"{self.path}: cannot change the keys here: {error.strerror or error}") from error

    def _write(self, keys: tuple[Key, ...]) -> None:
        """Put another file in the place of this one: who reads meanwhile sees all of the old or all of the new."""
        text = msgspec.json.format(msgspec.json.encode(_Document(FORMAT, keys)), indent=2)
        scratch = self.path.with_name(f"{self.path.name}.new")
        scratch.unlink(missing_ok=True)  # of a process that was killed here
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)
        _sync(self.path.parent)


def digest(token: str) -> str:
    """Give what is kept of a key.

    SHA-256 without salt or rounds: these make it costly to guess what a person thought of, and 256 random bits cannot
    be guessed at any speed.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def holder(keys: Iterable[Key], token: str) -> Key | None:
    """Give the key that this is, expired or not.

    All are compared, each in constant time: how long it takes tells nothing about any of them.
    """
    came, found = digest(token), None
    for key in keys:
        if hmac.compare_digest(key.digest, came):
            found = key
    return found


def duration(text: str) -> timedelta:
    """Read a time span.

    >>> duration("90d"), duration("12h")
    (datetime.timedelta(days=90), datetime.timedelta(seconds=43200))

    Raises:
        BadValue: It is not a number with one of the units m, h, d, w.
    """
    read = _DURATION.fullmatch(text)
    if read is None:
        raise BadValue(f"expected a time span such as 30m, 12h, 90d or 4w, got {text!r}")
    return timedelta(seconds=int(read[1]) * _SECONDS[read[2]])


def _refuse_malformed(name: str, role: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadValue(f"a key's name is 1 to 64 letters, digits and any of _ . @ -, got {name!r}")
    if role not in RANK:
        raise BadValue(f"a key's role is one of {', '.join(RANK)}, got {role!r}")


def _sync(folder: Path) -> None:
    """Let a replaced file stay replaced if the power fails: a key that was revoked must not come back."""
    if os.name == "nt":
        return  # a folder cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _state(path: Path) -> tuple[int, ...]:
    """Give what changes whenever a file is written or replaced."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _read(path: Path) -> tuple[Key, ...]:
    try:
        content = path.read_bytes()
        written = msgspec.json.decode(content, type=_Header).format
        if written > FORMAT:
            raise FormatError(f"{path} has format {written}, and this version reads formats up to {FORMAT}")
        return msgspec.json.decode(content, type=_Document).keys
    except OSError as error:
        raise _unreadable(path, error) from error
    except msgspec.MsgspecError as error:
        raise CorruptError(f"{path} is no file of keys, or is damaged: {error}; move it away to begin anew") from error


def _unreadable(path: Path, error: OSError) -> InternalError:
    return InternalError(f"{path}: the keys cannot be read: {error.strerror or error}")

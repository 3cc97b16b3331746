"""Who is asking, and may they: looked at before a byte of the body is read."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from starlette.types import ASGIApp, Receive, Scope, Send

from ochredb.chroma.bodies import AttachBody, CreateBody, ForkBody, ModifyBody
from ochredb.chroma.operations import Match, Role
from ochredb.core.errors import ChromaAuthError, ForbiddenError, OchreError
from ochredb.server.asked import asked
from ochredb.server.credentials import Headers, Shown, shown
from ochredb.server.inherited import Inherited
from ochredb.server.keys import RANK, Key, KeyFile, holder

CALLER = "ochre.caller"
"""Where in an ASGI scope the caller's `Key` stands; None is somebody on a server without keys."""

OPEN = frozenset(("/healthz", "/readyz"))
"""Paths of ours that everybody may ask; an operation that everybody may ask has no role."""

_LIMITS = ("tenant", "database", "collection")
_LIMITS_THAT_COUNT: dict[str, tuple[str, ...]] = {
    "version": (),
    "pre_flight_checks": (),
    "identity": (),
    "get_tenant": ("tenant",),
    "get_database": ("tenant", "database"),
    "create_collection": ("tenant", "database"),  # its name is in the body: `refuse_names`
}
"""What a key's limits have to allow of an operation; all of them where it is not listed."""

Names = Callable[[str], str]
"""Give the name of a collection by its id, or raise an `OchreError`."""


class Unauthenticated(ChromaAuthError):
    """A request without a key that is good here."""

    status = 401
    headers: ClassVar[dict[str, str]] = {"www-authenticate": 'Bearer realm="ochre"'}

    def message(self) -> str:
        """Say what was missing."""
        return OchreError.message(self)


class Guard:
    """The keys of a server.

    Args:
        file: Keys that can change at any time; None where there is no place for them.
        inherited: Those of Chroma's variables.
        anonymous: Let everybody in for as long as there is no key at all.
    """

    def __init__(self, file: KeyFile | None, inherited: Inherited | None, anonymous: bool) -> None:
        self._file = file
        self._inherited = inherited or Inherited()
        self._closed = inherited is not None
        self._anonymous = anonymous
        self._one_at_a_time = asyncio.Lock()  # who sends wrong passwords gets no more than one core

    def keys(self) -> tuple[Key, ...] | None:
        """Give the keys as of now, or None for a server without keys."""
        kept = None if self._file is None else self._file.keys()
        return None if kept is None and not self._closed else (kept or ()) + self._inherited.keys

    def close(self) -> None:
        """Let nobody in without a key from now on, also when the file of keys goes away."""
        self._closed = True

    def wants_keys(self) -> bool:
        """Tell whether there are keys; a file of them that cannot be read is one."""
        try:
            return self.keys() is not None
        except OchreError:
            return True

    @property
    def open(self) -> bool:
        """Whether everybody gets in now."""
        return self._anonymous and self.keys() is None

    async def caller(self, headers: Headers) -> Key | None:
        """Give the key that a request comes with, or None on a server without keys.

        Raises:
            Unauthenticated: It comes with none, or none that is good now.
        """
        keys = self.keys()
        if keys is None and self._anonymous:
            return None
        came = False
        for one in shown(headers):
            came = True
            key = holder(keys or (), one.secret) or await self._user(one)
            if key is not None and key.expired:
                raise Unauthenticated(f"the key {key.name!r} has expired")
            if key is not None:
                return key
        raise Unauthenticated(
            "this key is not known here"
            if came
            else "a key is wanted, as 'Authorization: Bearer KEY', 'X-Chroma-Token: KEY', or the password of Basic"
        )

    async def _user(self, one: Shown) -> Key | None:
        passwords = self._inherited.passwords
        if passwords is None or one.user is None:
            return None
        right = passwords.known(one.user, one.secret)
        if not right:
            async with self._one_at_a_time:
                right = await asyncio.to_thread(passwords.compare, one.user, one.secret)
        return Key(name=one.user, role="admin", digest="") if right else None


class Auth:
    """Middleware that lets in whom the keys allow, and puts the caller's key into the scope.

    Args:
        app: What is behind it.
        guard: The keys.
        names: Asked, in a thread, where a key is good for some collections only.
        roles: Of routes that are none of Chroma's operations, by path.
    """

    def __init__(self, app: ASGIApp, guard: Guard, names: Names, roles: dict[str, Role]) -> None:
        self._app = app
        self._guard = guard
        self._names = names
        self._roles = roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "http":
            match = asked(scope)
            if not self._open(scope["path"], match):
                scope[CALLER] = key = await self._guard.caller(scope["headers"])
                if key is not None:
                    await self._refuse(key, scope["path"], match)
        await self._app(scope, receive, send)

    def _open(self, path: str, match: Match | None) -> bool:
        return path in OPEN if match is None else match.operation.role is None

    async def _refuse(self, key: Key, path: str, match: Match | None) -> None:
        if match is None:
            if path in self._roles:  # a route of ours, of all tenants; any other path leads nowhere
                _refuse_role(key, self._roles[path], path)
                _refuse_limits(key, {}, path)
            return
        name, role = match.operation.name, match.operation.role
        assert role is not None  # or everybody may
        _refuse_role(key, role, name)
        collection = "" if key.collection is None else await self._collection(match.values)
        _refuse_limits(key, {**match.values, "collection": collection}, name)

    async def _collection(self, values: dict[str, str]) -> str:
        """Give the name of the collection that a path speaks of, or "" where it speaks of none."""
        if "collection_id" in values:
            return await asyncio.to_thread(self._names, values["collection_id"])
        return values.get("name", "")


def refuse_names(key: Key | None, request: object) -> None:
    """Refuse a body that names a collection which the caller's key is not good for.

    Raises:
        ForbiddenError: It does.
    """
    field = _NEW_NAMES.get(type(request))
    name = None if field is None else getattr(request, field)
    if key is not None and name is not None and not key.names(name):
        raise ForbiddenError(f"the key {key.name!r} is good for collections named {key.collection!r}, not for {name!r}")


def _refuse_role(key: Key, role: Role, what: str) -> None:
    if RANK[key.role] < RANK[role]:
        raise ForbiddenError(f"{what} takes the role {role}, and the key {key.name!r} has the role {key.role}")


def _refuse_limits(key: Key, values: dict[str, str], what: str) -> None:
    for limit in _LIMITS_THAT_COUNT.get(what, _LIMITS):
        own, came = getattr(key, limit), values.get(limit, "")
        if own is not None and not (came and key.names(came) if limit == "collection" else came == own):
            raise ForbiddenError(f"the key {key.name!r} is good for the {limit} {own!r} only, and {what} asks for more")


_NEW_NAMES: dict[type, str] = {
    CreateBody: "name",
    ModifyBody: "new_name",
    ForkBody: "new_name",
    AttachBody: "output_collection",
}
"""The field of a body that names a collection."""

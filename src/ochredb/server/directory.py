"""What never changes about a collection, remembered, so that a request need not ask the engine for it."""

from collections import OrderedDict
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

from ochredb.core.engine import Engine
from ochredb.core.errors import InvalidArgumentError, NotFoundError
from ochredb.core.model import CollectionInfo, Scope

_MANY = 10_000


class Entry(NamedTuple):
    """A collection's UUID, where it belongs, and its schema."""

    id: str
    scope: Scope
    schema: dict[str, Any] | None


class Directory:
    """Collections by UUID, as far as one was asked for; whether it is still there, the engine tells at each verb."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entries: OrderedDict[tuple[str, Scope], Entry] = OrderedDict()
        self._lock = Lock()

    def entry(self, collection: str, scope: Scope) -> Entry:
        """Give a collection of this tenant and database.

        Raises:
            InvalidArgumentError: The id is no UUID.
            NotFoundError: There is none, or it belongs to another tenant or database.
        """
        found = self._entries.get((collection, scope))
        if found is not None:
            return found
        info = self.info(collection, scope, "Collection ID is not a valid UUIDv4")
        found = Entry(info.id, scope, info.schema)
        with self._lock:
            self._entries[collection, scope] = found
            if len(self._entries) > _MANY:
                self._entries.popitem(last=False)
        return found

    def info(self, collection: str, scope: Scope, refusal: str) -> CollectionInfo:
        """Give what a collection is now; `refusal` is what to say of an id that is no UUID."""
        try:
            wanted = str(UUID(collection))
        except ValueError as error:
            raise InvalidArgumentError(f"{refusal}: got {collection[:100]!r}") from error
        info = self._engine.get_collection_by_id(wanted)
        if info.scope != scope:
            raise NotFoundError(f"Collection [{wanted}] does not exist.")
        return info

"""Chroma's address of the class of its asynchronous client."""

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = ["AsyncAdminAPI", "AsyncClientAPI"]


class AsyncClientAPI(Absent):
    """A client whose methods are coroutines; Ochre has none yet."""

    instead: ClassVar[str] = "Ochre has no asynchronous client yet; use PersistentClient(path) with asyncio.to_thread"


class AsyncAdminAPI(Absent):
    """Tenants and databases by coroutines; Ochre has none yet."""

    instead: ClassVar[str] = "Ochre has no asynchronous client yet; use AdminClient(settings) with asyncio.to_thread"

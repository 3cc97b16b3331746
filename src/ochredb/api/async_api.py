"""Chroma's address of the classes of its asynchronous clients."""

from ochredb.client.aio import AsyncAdminClient as AsyncAdminAPI
from ochredb.client.aio import AsyncClient as AsyncClientAPI

__all__ = ["AsyncAdminAPI", "AsyncClientAPI"]

"""Chroma's address of the class of its asynchronous client."""

from ochredb.api.async_api import AsyncAdminAPI as AsyncAdminClient
from ochredb.api.async_api import AsyncClientAPI as AsyncClient

__all__ = ["AsyncAdminClient", "AsyncClient"]

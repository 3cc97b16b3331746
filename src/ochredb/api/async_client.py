"""Chroma's address of the classes of its asynchronous clients, which the factories of the package make."""

from ochredb.client.aio import AsyncAdminClient, AsyncClient

__all__ = ["AsyncAdminClient", "AsyncClient"]

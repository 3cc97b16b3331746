"""Chroma's address of the classes of its clients, which the factories of the package make."""

from ochredb.client.sync import AdminClient, Client
from ochredb.client.sync import Holder as SharedSystemClient

__all__ = ["AdminClient", "Client", "SharedSystemClient"]

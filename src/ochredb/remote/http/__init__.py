"""Any server that speaks Chroma's wire, version 2: Ochre's own, or Chroma's."""

from ochredb.remote.http.address import Address
from ochredb.remote.http.aio import AsyncHttpEngine
from ochredb.remote.http.engine import HttpEngine

__all__ = ["Address", "AsyncHttpEngine", "HttpEngine"]

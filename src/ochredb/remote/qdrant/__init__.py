"""Qdrant, as a server or within this process: where -> its filters, calls -> its calls, and what it cannot take."""

from ochredb.core.errors import NotSupported

try:
    import qdrant_client  # noqa: F401 # the files beside this one need it, and the refusal names the extra
except ImportError as missing:
    raise NotSupported("engine 'qdrant' needs qdrant-client: pip install 'ochredb[qdrant]'") from missing

from ochredb.remote.qdrant.opening import engine

__all__ = ["engine"]

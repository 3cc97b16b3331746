"""Chroma's home for its types and the classes of its clients; `models` holds the collections."""

from ochredb.api import models, types
from ochredb.api.types import *  # noqa: F403 # every name that `api.types` lists is one of `api`, as in Chroma
from ochredb.client.sync import AdminClient as AdminAPI
from ochredb.client.sync import Client as ClientAPI

__all__ = ["AdminAPI", "ClientAPI", "models", "types", *types.__all__]  # strings all, in `types` too

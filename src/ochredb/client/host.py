"""What a client asks beside the verbs of its engine: a server answers for itself, otherwise this process does."""

import time
from typing import Protocol, runtime_checkable

from ochredb.chroma.settings import Settings
from ochredb.chroma.types import UserIdentity
from ochredb.core.engine import Engine
from ochredb.core.errors import AuthorizationError
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.version import __version__

BATCH = 100_000
"""A batch of so many records is a good one; a larger one is committed in one transaction all the same."""


@runtime_checkable
class Host(Protocol):
    """Who answers a client's small talk."""

    def heartbeat(self) -> int:
        """Give the time in nanoseconds since 1970."""
        ...

    def version(self) -> str:
        """Give the version."""
        ...

    def identity(self) -> UserIdentity:
        """Give who the client is."""
        ...

    def batch(self) -> int:
        """Give how many records make a good batch."""
        ...

    def reset(self) -> None:
        """Remove everything, if that is allowed."""
        ...


class Here:
    """Answers in this process.

    Args:
        engine: The client's.
        settings: What is allowed.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def heartbeat(self) -> int:
        """Give the time, if the engine answers."""
        self._engine.get_tenant(DEFAULT_TENANT)
        return time.time_ns()

    def version(self) -> str:
        """Give the version of Ochre."""
        return __version__

    def identity(self) -> UserIdentity:
        """Give nobody in particular: in a process everybody may do everything."""
        return UserIdentity("", DEFAULT_TENANT, [DEFAULT_DATABASE])

    def batch(self) -> int:
        """Give `BATCH`."""
        return BATCH

    def reset(self) -> None:
        """Remove everything.

        Raises:
            AuthorizationError: The settings do not allow it.
        """
        if not self._settings.allow_reset:
            raise AuthorizationError(
                "Reset is disabled by config: give Settings(allow_reset=True), or set ALLOW_RESET=TRUE"
            )
        self._engine.reset()

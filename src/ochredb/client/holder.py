"""Something that holds a share in an engine, until it is closed."""

import weakref
from types import TracebackType
from typing import Self

from ochredb.client import connect
from ochredb.client.asking import Ask, directly
from ochredb.client.connect import Share
from ochredb.core.blocking import finished
from ochredb.core.engine import Engine
from ochredb.core.errors import ClosedError


class Sharing:
    """What the blocking and the asynchronous holders have in common.

    Args:
        lease: The share.
        ask: How the engine is asked.
        aside: How other things are asked that may take long: embedding functions and data loaders.
    """

    def __init__(self, lease: Share, ask: Ask = directly, aside: Ask = directly) -> None:
        self._lease: Share | None = lease
        self._ask = ask
        self._aside = aside
        # What is in memory must outlive the clients that nobody refers to, as in Chroma; what is on disk need not. And
        # what is awaited cannot be closed where nobody awaits it.
        self._finalizer = None if lease.in_memory or lease.awaited else weakref.finalize(self, lease.release)

    @staticmethod
    def clear_system_cache() -> None:
        """Let the next client in memory begin with an empty database; clients that are open keep theirs."""
        connect.forget_memory()

    @property
    def _engine(self) -> Engine:
        if self._lease is None:
            raise ClosedError("this client was closed; open a new one")
        return self._lease.engine

    async def _close(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._ask(lease.release)


class Holder(Sharing):
    """Something that holds a share in an engine until it is closed or nobody refers to it any more.

    Also a context manager, which closes it.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the files and threads, once no other client shares them. Closing twice is harmless."""
        finished(self._close())


class AsyncHolder(Sharing):
    """Something that holds a share in an engine until it is closed.

    Also an asynchronous context manager, which closes it.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back the files, threads and connections that no other client shares. Closing twice is harmless."""
        await self._close()

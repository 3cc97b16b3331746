"""The threads in which engine work is done, so that the event loop never waits for a disk or an index."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """Threads for reading, and others for writing: writers wait for one another, and no reader waits behind them.

    There are not many more of each than cores. SQLite and the index let go of the interpreter, so that several run at
    once; more threads than that only take it from one another (0013 has figures).
    """

    def __init__(self, threads: int) -> None:
        self._readers = ThreadPoolExecutor(threads, "ochre-reader")
        self._writers = ThreadPoolExecutor(threads, "ochre-writer")

    async def run(self, work: Callable[[], T], *, writing: bool) -> T:
        """Do work; who is cancelled meanwhile leaves it to be finished."""
        pool = self._writers if writing else self._readers
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def close(self) -> None:
        """Wait for the work that was begun, and forget the rest."""
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=True, cancel_futures=True)

"""Chroma's address of the class `AsyncCollection`."""  # noqa: N999 # the module is called as in Chroma

from typing import ClassVar

from ochredb.chroma.absent import Absent

__all__ = ["AsyncCollection"]


class AsyncCollection(Absent):
    """A collection whose methods are coroutines; Ochre has none yet."""

    instead: ClassVar[str] = "Ochre has no asynchronous client yet; use a Collection with asyncio.to_thread"

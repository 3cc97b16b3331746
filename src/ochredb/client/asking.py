"""How a client asks: in its own thread, in another one, or by awaiting."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Ask(Protocol):
    """One of the ways: it is given a verb and its arguments, and awaited for the answer."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Ask."""
        ...


async def directly(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in this thread, which waits."""
    return call(*args, **kwargs)


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in another thread, while the event loop does other things."""
    import asyncio  # which a program without an event loop does not load

    return await asyncio.to_thread(call, *args, **kwargs)


async def awaited(call: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Any:
    """Await what gives a coroutine."""
    return await call(*args, **kwargs)

"""Verbs that are written once, as coroutines: an asynchronous client awaits them, a blocking one runs them to their
end.

What a blocking client waits for blocks its thread, so that its coroutines never give way and need no event loop.
Rejected: two classes mirrored by hand, of which one is always behind; and an event loop in a thread of its own, which
costs each call two switches of threads.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Awaited = Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]
Blocking = Callable[Concatenate[Any, P], T]


def blocking(verb: Awaited[P, T]) -> Blocking[P, T]:
    """Give a verb that returns when it is done, of one that is awaited; to decorate a method with."""

    @wraps(verb)
    def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finished(verb(self, *args, **kwargs))

    return run


def awaiting(verb: Blocking[P, T]) -> Awaited[P, T]:
    """Give the verb that `blocking` was given."""
    awaited: Awaited[P, T] = verb.__wrapped__  # type: ignore[attr-defined] # functools.wraps has put it there
    return awaited


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never gives way to its end.

    >>> async def answer() -> int:
    ...     return 42
    >>> finished(answer())
    42

    Raises:
        RuntimeError: It gave way, which only an event loop could go on from.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop, and a blocking client has none")

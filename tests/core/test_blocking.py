"""A verb is written once: awaited where there is an event loop, run to its end where there is none."""

import asyncio
import inspect

import pytest

from ochredb.core.blocking import awaiting, blocking, finished


class Verbs:
    """Something with a verb."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @blocking
    async def times(self, number: int, *, more: int = 0) -> int:
        """Multiply."""
        return await self._product(number) + more

    async def _product(self, number: int) -> int:
        if number < 0:
            raise ValueError("negative")
        return self.factor * number


class AwaitedVerbs(Verbs):
    """The same, awaited."""

    times = awaiting(Verbs.times)  # type: ignore[assignment] # another kind of verb: nothing else derives so


def test_a_blocking_verb_returns_its_answer() -> None:
    """It is called like any method, and looks like one."""
    assert Verbs(3).times(4, more=1) == 13
    assert not inspect.iscoroutinefunction(Verbs.times)
    assert str(inspect.signature(Verbs.times)) == "(self, number: int, *, more: int = 0) -> int"
    assert (Verbs.times.__doc__, Verbs.times.__name__) == ("Multiply.", "times")


def test_an_awaited_verb_is_the_same() -> None:
    """It is the coroutine that was written."""
    assert inspect.iscoroutinefunction(AwaitedVerbs.times)
    assert asyncio.run(AwaitedVerbs(3).times(4, more=1)) == 13


def test_errors_pass() -> None:
    """What a verb raises is what its caller gets."""
    with pytest.raises(ValueError, match="negative"):
        Verbs(3).times(-1)
    with pytest.raises(TypeError):
        Verbs(3).times()


def test_blocking_within_an_event_loop() -> None:
    """A blocking verb works where an event loop runs; it blocks it, as any blocking call."""

    async def program() -> int:
        return Verbs(2).times(3)

    assert asyncio.run(program()) == 6


def test_what_gives_way_is_refused() -> None:
    """A coroutine that waits for an event loop cannot be run without one, and is told apart from one that is done."""

    async def waits() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for an event loop, and a blocking client has none"):
        finished(waits())

"""Work in slices, or one step ahead, on threads of our own, one for each core."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy.typing as npt

Given = TypeVar("Given")
Part = TypeVar("Part")
_pool: ThreadPoolExecutor | None = None


def in_slices(work: Callable[[npt.NDArray[Any]], Part], rows: npt.NDArray[Any], least: int) -> list[Part]:
    """Call `work` on even slices of rows (n, ...) at the same time, none smaller than `least`, the first of them on the
    thread that asks, and give its answers in order.
    """
    count = len(rows) // least
    if count > 1:  # asking for the number of cores reads a file
        count = min(count, os.cpu_count() or 1)
    if count <= 1:
        return [work(rows)]
    size = -(-len(rows) // count)
    others = [rows[start : start + size] for start in range(size, len(rows), size)]
    try:
        found = [_threads().submit(work, some) for some in others]
    except RuntimeError:  # the interpreter is ending, and gives no more threads
        return [work(rows)]
    return [work(rows[:size]), *(part.result() for part in found)]


def ahead(work: Callable[[Given], Part], parts: Iterable[Given]) -> Iterator[Part]:
    """Call `work` on parts in order, always on one more than has been asked for, on a thread of our own."""
    coming: Future[Part] | None = None
    for part in parts:
        last = coming
        try:
            coming = _threads().submit(work, part)
        except RuntimeError:  # as above
            coming = Future()
            coming.set_result(work(part))
        if last is not None:
            yield last.result()
    if coming is not None:
        yield coming.result()


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="ochre-slice")
    return _pool


def _forget() -> None:
    global _pool
    _pool = None  # its threads did not come along into the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""A progress bar of rows on the terminal, for functions of which a program asks for one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""Is told how many rows are done, and how many there are in all if that is known."""


@contextmanager
def told(progress: bool | Progress, total: int | None) -> Iterator[Callable[[int], None]]:
    """Give what is told of rows as they are done.

    Args:
        progress: True shows a bar on standard error, if that is a terminal; a function is told; False is silence.
        total: How many rows there are, if that is known.
    """
    done = 0

    def tell(rows: int) -> None:
        nonlocal done
        done += rows
        show(done, total)

    with _bar(total) if progress is True else nullcontext(progress or _silence) as show:
        yield tell


def _silence(done: int, total: int | None) -> None:
    del done, total


@contextmanager
def _bar(total: int | None) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, _: bar.update(task, completed=done)

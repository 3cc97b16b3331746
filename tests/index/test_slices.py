"""Work in slices on every core."""

import subprocess
import sys

import numpy as np
import pytest

from ochredb.index.slices import ahead, in_slices

LATE = """
import atexit
import numpy as np
from ochredb.index.slices import ahead, in_slices

atexit.register(lambda: print(sum(in_slices(len, np.zeros((9, 1), np.float32), 1)), *ahead(abs, (-1, 2, -3))))
"""


def test_answers_are_in_order() -> None:
    rows = np.arange(9, dtype=np.float32).reshape(9, 1)
    assert np.array_equal(np.concatenate(in_slices(lambda some: some * 2, rows, 1)), rows * 2)


def test_work_is_one_part_ahead() -> None:
    """An answer comes when the next part is begun; a failure comes in its place."""
    begun: list[int] = []

    def work(part: int) -> float:
        begun.append(part)
        return 1 / part

    answers = ahead(work, iter((1, 2, 0)))
    assert next(answers) == 1
    assert next(answers) == 0.5
    with pytest.raises(ZeroDivisionError):
        next(answers)
    assert sorted(begun) == [0, 1, 2]  # by two threads at the same time
    assert list(ahead(work, ())) == []


def test_an_interpreter_that_ends_gives_no_threads_and_the_work_is_done_without() -> None:
    ran = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("9 1 2 3\n", "")

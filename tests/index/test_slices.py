"""Work in slices on every core."""

import subprocess
import sys

import numpy as np

from ochredb.index.slices import in_slices

LATE = """
import atexit
import numpy as np
from ochredb.index.slices import in_slices

atexit.register(lambda: print(sum(in_slices(len, np.zeros((9, 1), np.float32), 1))))
"""


def test_answers_are_in_order() -> None:
    rows = np.arange(9, dtype=np.float32).reshape(9, 1)
    assert np.array_equal(np.concatenate(in_slices(lambda some: some * 2, rows, 1)), rows * 2)


def test_an_interpreter_that_ends_gives_no_threads_and_the_work_is_done_without() -> None:
    ran = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("9\n", "")

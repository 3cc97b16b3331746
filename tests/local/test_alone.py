"""Having a database to oneself: who keeps it from being so, and whom it keeps out."""

import subprocess
import sys
from pathlib import Path

import pytest

from ochredb.core.errors import BusyError
from ochredb.core.model import Scope
from ochredb.local.alone import alone
from ochredb.local.database import FILE
from ochredb.local.engine import LocalEngine

LINUX = sys.platform == "linux"

HOLD = """
import sys
from pathlib import Path
from ochredb.local.engine import LocalEngine
engine = LocalEngine(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
engine.close()
"""


def test_another_process_is_named(tmp_path: Path) -> None:
    """One that has the database open, though it does nothing, keeps it from being held alone, until it closes it."""
    LocalEngine(tmp_path).close()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    with pytest.raises(BusyError, match=f"process {other.pid}" if LINUX else "open in"), alone(tmp_path):
        pytest.fail("the database was given to two")
    other.communicate("\n", timeout=30)
    with alone(tmp_path):
        pass


def test_a_refusal_leaves_the_locks_of_this_process(tmp_path: Path) -> None:
    """The engine that is open here stays safe from other processes: it holds the database as before."""
    engine = LocalEngine(tmp_path)
    for _ in range(2):
        with pytest.raises(BusyError, match="this process" if LINUX else "open in"), alone(tmp_path):
            pytest.fail("the database was given to two")
    script = "import sys; from pathlib import Path; from ochredb.local.alone import alone\n"
    script += "with alone(Path(sys.argv[1])): pass"
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "BusyError" in ran.stderr
    engine.create_tenant("later")
    engine.close()


def test_nobody_else_gets_in(tmp_path: Path) -> None:
    """While it is held, opening it waits and is refused; afterwards all is as it was."""
    engine = LocalEngine(tmp_path)
    engine.create_tenant("mine")
    engine.close()
    with alone(tmp_path), pytest.raises(BusyError):
        LocalEngine(tmp_path, wait=0.1)
    again = LocalEngine(tmp_path)
    assert (again.get_tenant("mine"), again.list_collections(Scope())) == ("mine", [])
    again.close()


def test_a_ruin_can_be_held(tmp_path: Path) -> None:
    """The file is locked as a file, whatever is in it, and nothing in it changes."""
    (tmp_path / FILE).write_bytes(b"ruin" * 100)
    with alone(tmp_path) as file:
        assert file.xRead(4, 0) == b"ruin"
    assert (tmp_path / FILE).read_bytes() == b"ruin" * 100

"""`ochre` as a user runs it to its end."""

import subprocess
import sys
from pathlib import Path

from tests.serving import MAIN, environment


def ochre(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", MAIN, *map(str, arguments)],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(folder: Path, *flags: str | Path, **variables: str) -> str:
    """Start a server that must not start, and give what it says."""
    ran = ochre("run", "--path", folder, "--port", "0", *flags, **variables)
    assert (ran.returncode, ran.stdout) == (1, ""), ran
    assert not folder.exists(), "nothing is made by a server that does not start"
    return ran.stderr

"""The interpreter of each peer, and a question put to it in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.data import HOME, ROOT
from bench.peers import OURS


class PeerError(RuntimeError):
    """A process of a peer ended without an answer; what it wrote to standard error says why."""


def interpreter(name: str) -> str:
    """Give the Python that has a peer, making its virtual environment if there is none.

    `BENCH_<NAME>_PYTHON` names another one. Ours is the Python that runs the benchmark.
    """
    if name == OURS:
        return sys.executable
    given = os.environ.get(f"BENCH_{name.upper()}_PYTHON")
    return given or str(_environment(name, import_module(f"bench.peers.{name}").Peer.needs))


def _environment(name: str, needs: tuple[str, ...]) -> Path:
    """Make `.bench/NAME` with what the peer needs, and give its Python."""
    home = HOME / name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "needs.txt"  # written last, so an interrupted installation is done again
    if not stamp.is_file() or stamp.read_text().split() != list(needs):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *needs], check=True)
        stamp.write_text("\n".join(needs))
    return python


def ask(question: str, name: str, store: Path, truth: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Put a question to a peer in a fresh process, and give its lines as they come.

    Raises:
        PeerError: The process failed.
    """
    command = [interpreter(name), "-m", "bench.workload", question, name, str(store), str(truth), str(rows)]
    with subprocess.Popen(command, cwd=ROOT, env=_variables(name), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # PIPE was asked for
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise PeerError(f"{name}: question '{question}' ended with status {process.returncode}")


def _variables(name: str) -> dict[str, str]:
    """Give the environment variables of a peer's process."""
    variables = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}  # Chroma would report to its makers while it is timed
    if name != OURS:
        variables.pop("PYTHONPATH", None)  # it may lead to our libraries
    return variables

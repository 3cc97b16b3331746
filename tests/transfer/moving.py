"""Exports and imports for processes of their own, which may be killed before any of their system calls."""

import os
import signal
from pathlib import Path

import numpy as np

from ochredb.core.model import NewCollection, Records, Scope, Write
from ochredb.local.engine import LocalEngine
from ochredb.transfer import copy, export
from ochredb.transfer.copy import Manner
from ochredb.transfer.export import Order
from ochredb.transfer.exported import ExportedFolder
from ochredb.transfer.stored import Stored
from tests.crash import calls
from tests.crash.calls import Half

COLLECTIONS = {"books": 2_300, "films": 1_100, "empty": 0}


def fill(folder: Path) -> None:
    """Make a database of a few collections."""
    engine, random = LocalEngine(folder), np.random.default_rng(0)
    for name, count in COLLECTIONS.items():
        collection = engine.create_collection(Scope(), NewCollection(name)).id
        records = Records(
            [f"{name} {n}" for n in range(count)],
            random.standard_normal((count, 16), np.float32),
            [f"document {n}" for n in range(count)],
            [{"n": n} if n % 3 else None for n in range(count)],
            [None] * count,
        )
        if count:
            engine.write(collection, Write("add", records))
    engine.close()


def export_all(folder: Path, out: Path, layout: str, call: str | None = None, nth: int = 0) -> int:
    """Finish an export, unless killed before the n-th of these calls; give how many rows it has."""
    if call is not None:
        calls.watch(out, _death(call, nth))
    engine = LocalEngine(folder)
    done = export.to_folder(Stored(engine, "here"), out, Order(layout, resume=True))
    engine.close()
    return done.rows


def import_all(out: Path, folder: Path, call: str | None = None, nth: int = 0) -> int:
    """Finish an import, unless killed before the n-th of these calls; give how many rows it has."""
    if call is not None:
        calls.watch(folder, _death(call, nth))
    engine = LocalEngine(folder)
    done = copy.copy(ExportedFolder(out), engine, "there", Manner(resume=True))
    engine.close()
    return done.rows


def _death(call: str, nth: int) -> calls.Hook:
    left = nth

    def hook(name: str, half: Half) -> None:
        nonlocal left
        del half
        left -= name == call
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def limited_export(folder: Path, out: Path, layout: str, most: int) -> int:
    """Export where no file can grow beyond so many bytes, as on a disk that is full."""
    import resource  # which Windows does not have

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return export_all(folder, out, layout)

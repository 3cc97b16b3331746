"""A process that writes, changes, removes, searches, indexes and opens anew for a long time."""

from pathlib import Path
from random import Random

import msgspec

from ochredb.local.engine import LocalEngine
from tests.crash import steps
from tests.crash.small import lower_thresholds
from tests.crash.steps import COLLECTIONS, SCOPE, Step

BETWEEN = 60
"""Steps between two samples."""
KEPT = 300
"""Records to a collection when a sample is taken, so that samples can be compared."""


class Sample(msgspec.Struct, frozen=True):
    """What the process and its folder take, in bytes, when they hold the same as at every other sample."""

    memory: int
    disk: int


def churn(folder: Path, seed: int, samples: int) -> list[Sample]:
    """Take steps drawn from a seed and sample what they have grown to, so many times."""
    lower_thresholds()
    random, taken = Random(seed), []
    engine = LocalEngine(folder)
    for _ in range(samples):
        for _ in range(BETWEEN):
            engine = _step(engine, folder, random)
        _tidy(engine)
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        taken.append(Sample(_resident(), disk))
    engine.close()
    return taken


def growth(samples: list[Sample]) -> tuple[int, int]:
    """Give by how many bytes memory and disk have grown from the second quarter of the samples to the last."""
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    memory = min(sample.memory for sample in late) - min(sample.memory for sample in early)
    return memory, min(sample.disk for sample in late) - max(sample.disk for sample in early)


def _step(engine: LocalEngine, folder: Path, random: Random) -> LocalEngine:
    step = steps.draw(random, {info.name for info in engine.list_collections(SCOPE)})
    if step.verb == "reopen":
        engine.close()
        return LocalEngine(folder)
    if step.verb in steps.CARES:
        steps.CARES[step.verb](engine, step)
    else:
        steps.change(engine, step)
    return engine


def _tidy(engine: LocalEngine) -> None:
    """Bring every collection to the same records, index them, and give what is free back."""
    present = {info.name for info in engine.list_collections(SCOPE)}
    for name in COLLECTIONS:
        if name not in present:
            steps.change(engine, Step("create", name))
        steps.change(engine, Step("delete", name, list(range(KEPT, steps.POOL))))
        steps.change(engine, Step("upsert", name, list(range(KEPT)), 1))
        steps.CARES["query"](engine, Step("query", name))
    engine.settle()
    while engine._store.vacuum():
        pass


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096

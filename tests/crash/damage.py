"""Files that are not what was written: bits that flip, bytes that become others, ends that are gone."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec.structs import asdict

from ochredb.core.errors import OchreError
from ochredb.core.model import ALL_FIELDS, Get, NewCollection, Records, Write
from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, steps
from tests.crash.small import lower_thresholds
from tests.crash.steps import SCOPE, Step

Held = list[tuple[NewCollection, Records]]
"""All that there is in an engine, on its way to another process."""


def _flip(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _zero(random: Random, data: bytearray) -> None:
    at, length = random.randrange(len(data)), random.choice((1, 16, 512, 8192))
    data[at : at + length] = bytes(len(data[at : at + length]))


def _scramble(random: Random, data: bytearray) -> None:
    at, length = random.randrange(len(data)), random.choice((4, 64, 4096))
    data[at : at + length] = random.randbytes(len(data[at : at + length]))


def _cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


DAMAGES: dict[str, Callable[[Random, bytearray], None]] = {
    "flip": _flip,
    "zero": _zero,
    "scramble": _scramble,
    "cut": _cut,
}


def damage(path: Path, kind: str, random: Random) -> None:
    """Damage one file at a random place, keeping its name and its inode."""
    data = bytearray(path.read_bytes())
    if data:
        DAMAGES[kind](random, data)
        path.write_bytes(data)


def held(engine: ReferenceEngine) -> Held:
    """Give all that an engine holds."""
    infos = engine.list_collections(SCOPE)
    news = [NewCollection(**{name: asdict(info)[name] for name in NewCollection.__struct_fields__}) for info in infos]
    return [(new, engine.get(info.id, Get(fields=ALL_FIELDS))) for new, info in zip(news, infos, strict=True)]


def look(folder: Path, known: Held, seed: int) -> list[str]:
    """Do everything with a folder that may be damaged: give right answers or say what is wrong.

    Args:
        folder: Of the database.
        known: What it held before.
        seed: Of the queries.

    Returns:
        The errors of ours, as `Class: text`.

    Raises:
        AssertionError: An answer was wrong.
        Exception: Anything else that is not an error of ours, which is as bad.
    """
    lower_thresholds()
    truth = _reference(known)
    errors: list[str] = []
    try:
        engine = LocalEngine(folder)
    except OchreError as error:
        return [f"{type(error).__name__}: {error}"]
    for act in (_read, _search, _write, _settle, _search, _read):
        try:
            act(engine, truth, seed)
        except OchreError as error:
            errors.append(f"{type(error).__name__}: {error}")
            if act is _write:
                break  # the reference did not learn of it either, and of several calls some may have been made
    engine.close()
    return errors


def _reference(known: Held) -> ReferenceEngine:
    truth = ReferenceEngine()
    for new, records in known:
        truth.write(truth.create_collection(SCOPE, new).id, Write("add", records))
    return truth


def _read(engine: LocalEngine, truth: ReferenceEngine, _: int) -> None:
    audit.same_contents(audit.contents(engine), audit.contents(truth))


def _search(engine: LocalEngine, truth: ReferenceEngine, seed: int) -> None:
    audit.search(engine, truth, seed)


def _write(engine: LocalEngine, truth: ReferenceEngine, seed: int) -> None:
    for verb in ("upsert", "delete"):
        step = Step(verb, "plain", sorted(Random(seed).sample(range(steps.POOL), 40)), seed)
        steps.change(engine, step)
        steps.change(truth, step)


def _settle(engine: LocalEngine, _: ReferenceEngine, __: int) -> None:
    engine.settle()

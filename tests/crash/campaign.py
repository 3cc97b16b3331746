"""Round after round on one folder: a writer works and dies, what it leaves is audited, and the next one goes on."""

from collections import Counter
from pathlib import Path
from random import Random
from unittest.mock import patch

from ochredb.local import counts
from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, children, ledger, small
from tests.crash.calls import POINTS
from tests.crash.writer import Death, write

STEPS = 60
"""A writer that has not met its death after so many steps closes, and counts as one that lived."""


class Campaign:
    """One folder, its reference, and the seed that all is drawn from.

    Args:
        folder: To work in; one below it becomes the database.
        seed: Of every draw but the instants of the kills by the clock.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.rounds = self.calls = 0
        self.deaths: Counter[str] = Counter()
        self._truth = ReferenceEngine()
        self._bystander: LocalEngine | None = None

    def round(self) -> None:
        """Let one writer work and die, and audit what it left, in an engine that was open before and in a new one."""
        random = Random(f"{self.seed} {self.rounds}")
        book = self.folder / f"ledger {self.rounds}"
        kill_after = random.uniform(0.03, 0.4) if random.random() < 0.3 else None
        death = None if kill_after else _draw_death(random)
        arguments = self.database, book, random.randrange(1 << 31), death, STEPS
        ended = children.run(write, *arguments, kill_after=kill_after)
        said = f"seed {self.seed}, round {self.rounds}, {death or kill_after}"
        assert ended.killed or (ended.signal == 0 and not ended.error), f"{said}: {ended}"
        try:
            self._audit(book)
        except AssertionError as error:
            raise AssertionError(f"{said}: {error}") from error
        book.unlink(missing_ok=True)
        self.rounds += 1
        if ended.killed:
            self.deaths[death.call if death else "by the clock"] += 1
        # Now and then somebody has the folder open while the next writer dies: the WAL stays, and must be taken up.
        if self._bystander is None and random.random() < 0.3:
            self._bystander = LocalEngine(self.database)

    @property
    def kills(self) -> int:
        """How many writers were killed; the others had come to their end before."""
        return self.deaths.total()

    @property
    def database(self) -> Path:
        """The folder of the database."""
        return self.folder / "database"

    def close(self) -> None:
        """Close what may be open."""
        self._dismiss()

    def _audit(self, book: Path) -> None:
        told = ledger.read(book)
        self.calls += len(told.done)
        engine = self._bystander or LocalEngine(self.database)
        try:
            audit.settle_account(engine, self._truth, told)
            audit.search(engine, self._truth, self.rounds)
            if self._bystander is not None:
                self._dismiss()
                engine = LocalEngine(self.database)
                audit.settle_account(engine, self._truth, ledger.Told([], None))
                audit.search(engine, self._truth, self.rounds)
            with patch.object(counts, "KEPT", small.KEPT):
                audit.check(self.database, deep=self.rounds % 4 == 0)
        finally:
            self._dismiss()
            engine.close()

    def _dismiss(self) -> None:
        if self._bystander is not None:
            self._bystander.close()
            self._bystander = None


def _draw_death(random: Random) -> Death:
    call = random.choice(list(POINTS))
    return Death(call, random.randint(1, POINTS[call]), torn="write" in call and random.random() < 0.5)

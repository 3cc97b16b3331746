"""The long run, `make soak`: thousands of kills and half an hour's churn, from a seed that is printed and can be given.

A failure prints the seed and the round; the same seed draws the same steps and, but for the kills by the clock, the
same deaths.
"""

import argparse
import sys
import time
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory

from tests.crash import children
from tests.crash.campaign import Campaign
from tests.crash.churn import churn, growth
from tests.crash.test_churn import DISK, MEMORY

ROUNDS = 100
"""Kills to one folder; then a new one begins."""


def main() -> int:
    """Run until all is done; a traceback and 1 where something was lost."""
    options = _arguments()
    print(f"seed {options.seed}", flush=True)
    began, kills = time.monotonic(), 0
    while kills < options.kills:
        kills += _campaign(options.seed + kills, min(ROUNDS, options.kills - kills))
        print(f"{kills:,} kills in {time.monotonic() - began:,.0f} s, nothing lost", flush=True)
    _churn(options.seed, options.samples)
    return 0


def _campaign(seed: int, kills: int) -> int:
    with TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), seed)
        while campaign.kills < kills:
            campaign.round()
        campaign.close()
    deaths = ", ".join(f"{count} {call}" for call, count in campaign.deaths.most_common())
    print(f"  seed {seed}: {campaign.calls:,} calls acknowledged; died before {deaths}", flush=True)
    return campaign.kills


def _churn(seed: int, samples: int) -> None:
    with TemporaryDirectory() as folder:
        ended = children.run(churn, Path(folder) / "database", Random(seed).randrange(1 << 31), samples, patience=1e5)
    assert ended.value is not None, ended
    memory, disk = growth(ended.value)
    print(f"churn: {samples} samples, memory grew by {memory:,} bytes, disk by {disk:,}", flush=True)
    assert memory < MEMORY, ended.value
    assert disk < DISK, ended.value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 31), help="of all that is random")
    parser.add_argument("--kills", type=int, default=2000, help="how many writers to kill")
    parser.add_argument("--samples", type=int, default=2000, help="how long to churn, in samples of 60 steps")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

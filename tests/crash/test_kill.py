"""Writers that are killed at any moment: what was acknowledged is there, and nothing is there by half."""

from pathlib import Path

import pytest

from tests.crash.campaign import Campaign
from tests.crash.children import needs_fork

KILLS = 25
CALLS = 6
"""Before so many kinds of system calls, at least, some writer is to have died."""


@needs_fork
@pytest.mark.parametrize("seed", range(8))
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    """After each of many kills, during commits, checkpoints, indexing, snapshots, vacuum and transfers, all is as told.

    `make soak` does it for thousands, from a seed of its own.
    """
    campaign = Campaign(tmp_path, seed)
    while campaign.kills < KILLS:
        campaign.round()
    campaign.close()
    assert len(campaign.deaths) >= CALLS, campaign.deaths

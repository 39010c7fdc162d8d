"""Kill -9 a campaign at random moments; `benchmarks/crash.py --kills 200` is the long version."""

import random
import sys
from pathlib import Path

import pytest
from crash import Case, Tally, survive, uninterrupted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found through /proc"),
]
N_KILLS = 5


@pytest.mark.parametrize(("planner", "parallel"), [("random", 2), ("model", 1)])
def test_a_campaign_killed_at_random_moments_ends_as_one_that_nobody_killed(
    tmp_path: Path, planner: str, parallel: int
) -> None:
    tally, rng = Tally(), random.Random(20_260)  # noqa: S311  (nothing secret)
    for seed in range(N_KILLS):  # a campaign may end before it is killed often enough
        case = Case(planner, parallel, seed, experiments=10)
        expected, seconds = uninterrupted(case, tmp_path / f"calm-{seed}")
        survive(case, tmp_path / f"killed-{seed}", expected, seconds, rng, tally, most=N_KILLS)
        if tally.n_kills >= N_KILLS:
            break
    assert tally.wrong == []
    assert tally.n_kills == N_KILLS
    assert tally.n_experiments == 10 * tally.n_campaigns

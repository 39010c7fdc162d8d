"""Every built-in mission does what it says, from its file to its report, with a few experiments."""

from pathlib import Path

import pytest
from program import Cli

from kgenesis.app.mission_files import builtin_missions, load_mission

FEW = 6


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(builtin_missions()))
def test_a_built_in_mission_runs_with_a_small_budget(name: str, tmp_path: Path) -> None:
    assert load_mission(name).shipped_reference.is_file(), "nothing to compare with is shipped"
    said = Cli(tmp_path).json("run", name, "--budget", str(FEW), "--seed", "0")
    done = said["experiments"]
    assert done["measured"] + done["failed"] == done["proposed"]
    assert done["proposed"] == FEW or said["target_reached"]
    assert done["measured"] > 0

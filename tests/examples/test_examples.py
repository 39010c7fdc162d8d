"""Every example runs as it is."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kgenesis import Campaign
from kgenesis.app.mission_files import load_mission

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MISSIONS = sorted(EXAMPLES.glob("*/mission.yaml"))


def _script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(folder: Path, mission: Path, *options: str) -> None:
    command = [sys.executable, "-m", "kgenesis", "run", str(mission), "--quiet", *options]
    environment = os.environ | {"KGENESIS_STORE": str(folder / "kgenesis.db"), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("mission", MISSIONS, ids=lambda path: path.parent.name)
def test_the_mission_is_valid_and_has_a_feasible_point(mission: Path) -> None:
    load_mission(str(mission))


def test_there_is_a_row_for_every_example_in_the_readme() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in [*(mission.parent.name for mission in MISSIONS), "ask_and_tell.py", "frameworks.py"]:
        assert f"[{name}]" in readme


def test_the_table_is_what_its_formula_gives() -> None:
    table = EXAMPLES / "table" / "alloys.csv"
    assert table.read_text(encoding="utf-8").splitlines() == list(_script(table.with_name("make_table.py")).rows())


def test_ask_and_tell_finds_the_cup(tmp_path: Path) -> None:
    campaign = _script(EXAMPLES / "ask_and_tell.py").main(str(tmp_path / "cups.db"))
    assert campaign.state.stopped == "reached"
    assert abs(campaign.best["extraction"] - 20) <= 0.05


@pytest.mark.parametrize("by", ["by_gest", "by_optuna"])
def test_other_frameworks_find_the_cup(by: str) -> None:
    cup = getattr(_script(EXAMPLES / "frameworks.py"), by)()
    assert cup["score"] > 9


@pytest.mark.slow
@pytest.mark.parametrize("mission", MISSIONS, ids=lambda path: path.parent.name)
def test_the_first_experiments_of_the_mission_work(mission: Path, tmp_path: Path) -> None:
    _run(tmp_path, mission, "--budget", "3", "--no-report")
    campaign = Campaign.resume("last", store=tmp_path / "kgenesis.db")
    assert campaign.state.n_measured >= 2


@pytest.mark.slow
@pytest.mark.parametrize("mission", MISSIONS, ids=lambda path: path.parent.name)
def test_the_mission_reaches_its_target(mission: Path, tmp_path: Path) -> None:
    _run(tmp_path, mission)
    campaign = Campaign.resume("last", store=tmp_path / "kgenesis.db")
    assert campaign.state.stopped == "reached"
    assert list((tmp_path / "reports").glob("*.html"))

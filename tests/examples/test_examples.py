"""Every example runs as it is."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kgenesis import Campaign
from kgenesis.app.charters import load_charter
from kgenesis.app.mission_files import load_mission
from kgenesis.app.model_score import find_entrant, score
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MISSIONS = sorted(EXAMPLES.glob("*/mission.yaml"))
ALONE = [mission for mission in MISSIONS if mission.parent.name != "instrument"]
"""Missions that need nothing beside them; the instrument's has a test of its own."""


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


def test_the_charter_can_be_opened_as_it_is() -> None:
    loaded = load_charter(str(EXAMPLES / "charter" / "charter.yaml"), "", None)
    assert loaded.missing == []
    assert loaded.notes == ()


def test_there_is_a_row_for_every_example_in_the_readme() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    decisions = [f"decisions/{path.name}" for path in (EXAMPLES / "decisions").glob("*.py")]
    for name in [
        *(mission.parent.name for mission in MISSIONS),
        *decisions,
        "partner-model",
        "ask_and_tell.py",
        "frameworks.py",
    ]:
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


def _decided(name: str, folder: Path) -> Campaign:
    found = _script(EXAMPLES / "decisions" / f"{name}.py").main(str(folder / "decisions.db"))
    assert isinstance(found, Campaign)
    return found


def test_each_plate_has_one_temperature(tmp_path: Path) -> None:
    rows = _decided("plates", tmp_path).experiments
    plates = [rows[i : i + 4] for i in range(0, len(rows), 4)]
    assert len(plates) == 3
    assert [len({row["temperature"] for row in plate}) for plate in plates] == [1, 1, 1]


def test_both_meshes_are_used_within_the_hours_and_a_fine_one_wins(tmp_path: Path) -> None:
    campaign = _decided("proxy", tmp_path)
    assert {row["mesh"] for row in campaign.experiments} == {"coarse", "fine"}
    assert campaign.state.spent <= 20
    assert campaign.best["mesh"] == "fine"
    assert campaign.best["drag"] < 82


def test_this_year_begins_near_where_last_year_ended(tmp_path: Path) -> None:
    campaign = _decided("warm_start", tmp_path)
    assert campaign.experiments[0]["solvent"] != "water"
    assert 50 < campaign.experiments[0]["temperature"] < 80
    assert campaign.best["yield"] > 90


def test_under_noise_the_best_is_measured_again_or_the_campaign_ends_by_itself(tmp_path: Path) -> None:
    campaign = _decided("noise", tmp_path)
    reasons = {experiment.why.reason for experiment in campaign.state.experiments.values()}
    assert "replicate" in reasons or campaign.state.stopped == "unlikely"


def test_a_belief_leads_to_a_good_bath(tmp_path: Path) -> None:
    campaign = _decided("prior", tmp_path)
    assert campaign.experiments[0]["temperature"] == 75
    assert campaign.best["uptake"] > 88


PARTNER = EXAMPLES / "partner-model"


@pytest.fixture
def cosines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the partner's package as pip would, for one test; returns its model file."""
    project = tomllib.loads((PARTNER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = tmp_path / "site" / f"kgenesis_cosines-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["kgenesis.surrogates"]
    lines = [f"{name} = {place}" for name, place in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[kgenesis.surrogates]", *lines]))
    for place in (str(about.parent), str(PARTNER)):
        monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(about.parent), str(PARTNER)]))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return PARTNER / "model.yaml"


@pytest.mark.slow
def test_a_partners_model_is_scored_and_passes_the_gate(cosines: Path) -> None:
    (sheet,) = score([str(cosines)], 1)
    assert [f.name for f in sheet.gate.findings if f.state != "ok"] == []
    assert sheet.failures == sheet.broken == {}
    assert 50 < sheet.earned() < 90
    assert sheet.earned("benchmark") < 20  # it learned from very little, and the sheet says so


def test_a_partners_weights_that_are_damaged_or_foreign_are_refused(cosines: Path, tmp_path: Path) -> None:
    for content in (b"", b"no weights", (PARTNER / "weights.npz").read_bytes()[:-40]):
        (tmp_path / "weights.npz").write_bytes(content)
        (tmp_path / "model.yaml").write_text(cosines.read_text(encoding="utf-8").replace("lineage: .", ""))
        with pytest.raises(InvalidSpec):
            find_entrant(str(tmp_path / "model.yaml"))


def test_the_partners_training_can_be_done_again(cosines: Path, tmp_path: Path) -> None:
    import numpy as np
    from kgenesis_cosines import training  # type: ignore[import-not-found]

    assert cosines.is_file()
    training.train(tmp_path)
    ours, theirs = (json.loads((folder / "lineage.json").read_text()) for folder in (tmp_path, PARTNER))
    for name in ("data", "random_weights", "code", "steps"):
        assert ours[name] == theirs[name]
    again, known = (np.load(folder / "weights.npz")["log_scales"] for folder in (tmp_path, PARTNER))
    np.testing.assert_allclose(again, known, rtol=1e-6)


@pytest.fixture
def coater(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Start the stand-in of the instrument at a free port."""
    command = [sys.executable, str(EXAMPLES / "instrument" / "stand_in.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        monkeypatch.setenv("COATER", server.stdout.readline().strip().removeprefix("listening on "))
        yield server
        server.kill()


@pytest.mark.slow
def test_an_instrument_is_driven_and_its_interlock_is_knowledge(coater: subprocess.Popen[str], tmp_path: Path) -> None:
    mission = EXAMPLES / "instrument" / "mission.yaml"
    _run(tmp_path, mission, "--budget", "12", "--no-report", "--seed", "1")
    campaign = Campaign.resume("last", store=tmp_path / "kgenesis.db")
    results = [experiment.result for experiment in campaign.state.experiments.values()]
    failures = [result for result in results if isinstance(result, Failure)]
    assert {failure.kind for failure in failures} <= {"infeasible"}
    assert all("arc interlock" in failure.reason.en for failure in failures)
    assert campaign.best["hardness"] > 15  # readings scatter by chance that nobody seeds
    coater.kill()
    coater.wait()
    _run(tmp_path, mission, "--budget", "1", "--no-report")
    (gone,) = Campaign.resume("last", store=tmp_path / "kgenesis.db").state.experiments.values()
    assert isinstance(gone.result, Failure)
    assert gone.result.kind == "crashed"
    assert "refused" in gone.result.reason.en


@pytest.mark.slow
@pytest.mark.parametrize("mission", ALONE, ids=lambda path: path.parent.name)
def test_the_first_experiments_of_the_mission_work(mission: Path, tmp_path: Path) -> None:
    _run(tmp_path, mission, "--budget", "3", "--no-report")
    campaign = Campaign.resume("last", store=tmp_path / "kgenesis.db")
    assert campaign.state.n_measured >= 2


@pytest.mark.slow
@pytest.mark.parametrize("mission", ALONE, ids=lambda path: path.parent.name)
def test_the_mission_reaches_its_target(mission: Path, tmp_path: Path) -> None:
    _run(tmp_path, mission)
    campaign = Campaign.resume("last", store=tmp_path / "kgenesis.db")
    assert campaign.state.stopped == "reached"
    assert list((tmp_path / "reports").glob("*.html"))

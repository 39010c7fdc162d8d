"""The benchmark of missions says of a mission only what was measured of the mission as it is now."""

import math
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from missions.campaign import Plan, key_of  # noqa: E402
from planners.results import key  # noqa: E402

from kgenesis.app.mission_files import load_mission  # noqa: E402
from kgenesis.kernel.text import say  # noqa: E402
from missions import report  # noqa: E402

NAME = "battery-fast-charge"
KEY = key_of(load_mission(NAME).mission)


def entry(seed: int, n_to_target: int | None, method: str = "model", key: str = KEY) -> dict[str, Any]:
    """Return a campaign as the benchmark keeps it."""
    n = n_to_target or 40
    return {
        "kind": "run", "task": NAME, "method": method, "seed": seed, "allowed": 40, "n": n, "n_to_target": n_to_target,
        "n_failed": 0, "cpu_planner": 0.1, "cpu_lab": 0.3, "lab": "1", "key": key, "code": "c",
    }  # fmt: skip


def test_what_was_measured_of_another_version_of_a_mission_does_not_count() -> None:
    assert report.standing(NAME, "model", [entry(0, 14, key="of another problem")]) is None
    found = report.standing(NAME, "model", [entry(0, 14), entry(1, 3, key="of another problem")])
    assert found is not None
    assert found.hits == [14]


def test_another_target_is_another_campaign_and_another_title_is_not() -> None:
    mission = load_mission(NAME).mission
    objective = mission.objectives[0]
    harder = objective.model_copy(update={"target": objective.target_utility() * 0.9})
    renamed = objective.model_copy(update={"label": say("another", "다른")})
    rest = mission.objectives[1:]
    assert key_of(mission.model_copy(update={"objectives": (harder, *rest)})) != KEY
    assert key_of(mission.model_copy(update={"budget": mission.budget.model_copy(update={"experiments": 9})})) != KEY
    assert key_of(mission.model_copy(update={"objectives": (renamed, *rest), "title": say("x", "y")})) == KEY


def test_a_campaign_that_never_got_there_is_no_success() -> None:
    found = report.standing(NAME, "model", [entry(0, 14), entry(1, None), entry(2, None)])
    assert found is not None
    assert (found.n_hit, found.median) == (1, math.inf)
    assert report.factor(found.gain).startswith("≤ ") or report.factor(found.gain) == "–"


def test_the_targets_are_missed_as_long_as_missions_are_missing() -> None:
    measured = [entry(seed, 14) for seed in range(3)]
    assert "| met |" in report.text([NAME], measured).splitlines()[2]
    with_more = report.text([NAME, "measured-by-nobody"], [*measured, entry(0, 14, key="of another problem")])
    assert "not measured-by-nobody" in with_more
    assert "missed" in with_more.splitlines()[2]


def test_a_page_is_filled_between_its_markers_and_nowhere_else(tmp_path: Path) -> None:
    for lang in ("en", "ko"):
        page = tmp_path / lang / "missions" / f"{NAME}.md"
        page.parent.mkdir(parents=True)
        page.write_text(f"# Head\n\n{report.BEGIN}\nold\n{report.END}\n\ntail\n", encoding="utf-8")
    entries = [entry(seed, 12 + seed) for seed in range(3)]
    assert len(report.fill_pages([NAME], entries, tmp_path)) == 2
    text = (tmp_path / "en" / "missions" / f"{NAME}.md").read_text(encoding="utf-8")
    assert text.startswith("# Head\n\n" + report.BEGIN)
    assert text.endswith(report.END + "\n\ntail\n")
    assert "old" not in text
    assert "3 / 3" in text
    assert report.fill_pages([NAME], entries, tmp_path) == []


def test_a_usual_design_is_an_experiment_of_its_mission() -> None:
    for name, design in report.usual_designs().items():
        assert set(design["conditions"]) == set(load_mission(name).mission.space.names), name
        assert {"en", "ko"} <= set(design["what"]), name
        assert {"en", "ko"} <= set(design["why"]), name


def test_a_campaign_that_is_kept_is_not_done_again() -> None:
    plan = Plan(NAME, "model", 0)
    done = plan.entry() | {name: value for name, value in entry(0, 14).items() if name not in plan.entry()}
    assert key(done) == key(plan.entry())

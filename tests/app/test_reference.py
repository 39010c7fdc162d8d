"""References are measured, kept, used again after an interruption, and refused where they do not fit."""

import json

import pytest

from kgenesis.app.campaigns import open_campaign
from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import open_platform
from kgenesis.app.reference import find_reference, make_reference
from kgenesis.campaign.reference import Reference

BRANIN = """
kgenesis: 1
name: branin
title: Branin
space:
  factors:
    - {type: real, name: x1, low: -5, high: 10, unit: "1"}
    - {type: real, name: x2, low: 0, high: 15, unit: "1"}
objectives:
  - {name: value, goal: minimize, unit: "1", target: 2}
lab: {name: synthetic, settings: {function: branin}}
budget: {experiments: 10}
"""


@pytest.fixture
def platform(tmp_path):
    return open_platform(str(tmp_path / "kgenesis.db"))


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "branin.yaml").write_text(BRANIN, encoding="utf-8")
    return load_mission(str(tmp_path / "branin.yaml"))


@pytest.mark.parametrize("planner", ["random", "sobol"])
def test_repeats_are_independent_and_found_again(platform, loaded, planner):
    reference, path = make_reference(platform, loaded, repeats=10, experiments=12, planner=planner)
    firsts = {repeat.outcomes["value"][0] for repeat in reference.repeats}
    assert (len(reference.repeats), reference.n_experiments, len(firsts)) == (10, 12, 10)
    assert Reference.model_validate_json(path.read_text(encoding="utf-8")) == reference
    if planner == "random":
        known, said = find_reference(platform, open_campaign(platform, loaded, 0))
        assert said is None
        assert known is not None
        assert known.reference == reference


def test_what_an_interrupted_search_measured_is_used_again(platform, loaded):
    whole, path = make_reference(platform, loaded, repeats=10, experiments=10)
    path.unlink()
    seen = []

    def interrupt(done, total):
        seen.append((done, total))
        if done >= 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_reference(platform, loaded, repeats=10, experiments=10, on_progress=interrupt)
    partial = path.with_suffix(".partial.jsonl")
    kept = partial.read_text(encoding="utf-8").splitlines()
    assert len(kept) >= 40
    # half a line, as a power cut leaves it, and a result of other conditions are not believed
    entry = json.loads(kept[0]) | {"conditions": {"x1": 0.0, "x2": 0.0}}
    entry["result"]["outcomes"]["value"]["mean"] = -999.0
    partial.write_text("\n".join([*kept[1:], json.dumps(entry), kept[0][:20]]) + "\n", encoding="utf-8")
    starts = []
    again, _ = make_reference(
        platform, loaded, repeats=10, experiments=10, on_progress=lambda done, _: starts.append(done)
    )
    assert starts[0] >= len(kept) - 1
    assert again.repeats == whole.repeats
    assert not partial.exists()


def test_a_shipped_reference_of_another_lab_version_is_not_used_and_that_is_said(platform, loaded):
    reference, path = make_reference(platform, loaded, repeats=10, experiments=10)
    path.unlink()
    other = reference.model_copy(update={"lab_version": "older"})
    loaded.shipped_reference.write_text(other.model_dump_json(), encoding="utf-8")
    known, said = find_reference(platform, open_campaign(platform, loaded, 0))
    assert known is None
    assert said is not None
    assert "older" in said.en

"""References: exact where they can be, honest where they cannot."""

import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgenesis.campaign import reference as references
from kgenesis.campaign.acceleration import acceleration, accelerations
from kgenesis.campaign.baselines import BAND, Level, baseline, best_of_draws, levels
from kgenesis.campaign.hitting import luck
from kgenesis.campaign.metrics import Curve
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, Measurement, Result
from kgenesis.kernel.sampling import sample
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import LabFunction, hill, make_mission, run_in_memory


def random_search(mission: Mission, seed: int, n: int, lab: LabFunction = hill) -> list[Result]:
    rows = mission.space.to_rows(sample(mission.space, n, np.random.default_rng((seed, 99))))
    return [Measurement(outcomes=dict(lab(row))) for row in rows]  # type: ignore[arg-type]


def make_measured(mission: Mission, n_repeats: int = 12, n: int = 60, lab: LabFunction = hill) -> references.Reference:
    return references.measured(mission, "1", [random_search(mission, i, n, lab) for i in range(n_repeats)], seed=0)


def make_table(values: Sequence[float | None], **overrides: object) -> references.Reference:
    results: list[Result] = [
        Failure(kind="infeasible", reason="no") if v is None else Measurement(outcomes={"y": v}) for v in values
    ]
    return references.closed_form(make_mission(**overrides), "1", results)


# Closed form ------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.integers(1, 9).map(float)), min_size=1, max_size=6))
def test_a_tables_reference_equals_the_enumeration_of_every_order(values: list[float | None]) -> None:
    known = baseline(make_table(values), make_mission().problem)
    utilities = [-math.inf if v is None else -v for v in values]
    orders = np.array(list(itertools.permutations(utilities)))
    best = np.maximum.accumulate(orders, axis=1)
    expected = [np.quantile(best, q, axis=0, method="inverted_cdf") for q in BAND]
    assert known.band(len(values)).T.tolist() == [row.tolist() for row in expected]
    for n, mean in enumerate(known.expected_best(len(values))):
        finite = best[:, n][np.isfinite(best[:, n])]
        assert mean == pytest.approx(finite.mean()) if finite.size else math.isnan(mean)
    for level in {u for u in utilities if math.isfinite(u)}:
        hits = np.argmax(best >= level, axis=1) + 1
        times = known.hitting_times(Level("best-found", level))
        assert times.quantile(0.5) == np.quantile(hits, 0.5, method="inverted_cdf")
        assert times.cdf(2) == pytest.approx(np.mean(hits <= 2))


@given(st.integers(1, 12), st.sampled_from([0.025, 0.25, 0.5, 0.975]))
def test_the_best_of_draws_is_the_smallest_rank_with_enough_probability(size: int, share: float) -> None:
    ranks = best_of_draws(size, size, np.array([share]))[:, 0]
    for n, rank in enumerate(ranks.tolist(), start=1):
        cdf = [math.comb(j, n) / math.comb(size, n) for j in range(size + 1)]
        assert cdf[rank] >= share - 1e-9
        assert cdf[rank - 1] < share


def test_the_campaigns_own_point_is_reached_by_a_table_in_spite_of_rounding() -> None:
    exact = 1 / 3
    mission = make_mission(objectives=[{"name": "y", "goal": "minimize", "unit": "min"}], budget={"experiments": 1})
    state = run_in_memory(mission, lambda _: {"y": exact})
    known = baseline(make_table([exact, 1.0, 2.0, 3.0]), mission.problem)
    found = acceleration(state, known)
    assert found is not None
    assert found.value == 2.0
    assert found.censored is None


def test_several_objectives_in_a_table_are_searched_in_random_orders() -> None:
    objectives = [
        {"name": "y", "goal": "minimize", "unit": "1", "threshold": 10, "target": 2},
        {"name": "w", "goal": "maximize", "unit": "1", "threshold": 0, "target": 8},
    ]
    mission = make_mission(objectives=objectives)
    rng = np.random.default_rng(3)
    table = [Measurement(outcomes={"y": a, "w": b}) for a, b in rng.uniform(0, 10, (300, 2)).tolist()]
    known = baseline(references.closed_form(mission, "1", table), mission.problem)
    n_good = sum(m.mean("y") <= 2 and m.mean("w") >= 8 for m in table)
    assert known.hitting_times(Level("target", math.nan)).cdf(1) == pytest.approx(n_good / 300)
    half = known.hitting_times(Level("best-found", 0.5 * known.best))
    assert 1 < half.quantile(0.5) < 50
    assert known.band(30).shape == (30, 5)
    assert known.top(0.05) == pytest.approx(0.95 * known.best)


# Measured ---------------------------------------------------------------------------------------------------------


def test_a_measured_reference_agrees_with_a_long_simulation() -> None:
    mission = make_mission()
    known = baseline(make_measured(mission, n_repeats=200, n=150), mission.problem)
    hits = []
    for seed in range(1000, 1200):
        y = [r.mean("y") for r in random_search(mission, seed, 150) if isinstance(r, Measurement)]
        hits.append(next((i + 1.0 for i, v in enumerate(y) if v <= 0.02), math.inf))
    truth = float(np.quantile(hits, 0.5, method="inverted_cdf"))
    low, high = known.hitting_times(Level("target", math.nan)).median_interval()
    assert low <= truth <= high
    assert known.pooled_median(Level("target", math.nan)) == pytest.approx(truth, rel=0.25)


def test_another_target_needs_no_new_reference() -> None:
    easy, hard = (
        make_mission(objectives=[{"name": "y", "goal": "minimize", "unit": "min", "target": t}]) for t in (0.3, 0.02)
    )
    assert easy.reference_key == hard.reference_key
    reference = make_measured(easy)
    assert references.mismatch(reference, hard, "1") is None
    medians = [
        baseline(reference, m.problem).hitting_times(Level("target", math.nan)).quantile(0.5) for m in (easy, hard)
    ]
    assert medians[0] < medians[1]


def test_bands_are_quantiles_over_repeats_and_never_cross() -> None:
    known = baseline(make_measured(make_mission()), make_mission().problem)
    median, low50, high50, low95, high95 = known.band(60).T
    assert (low95 <= low50).all()
    assert (low50 <= median).all()
    assert (median <= high50).all()
    assert (high50 <= high95).all()
    assert (np.diff(median) >= 0).all()


def test_top_levels_are_shares_of_all_experiments_failures_included() -> None:
    values = [None] * 50 + [float(i) for i in range(50)]
    known = baseline(make_table(values), make_mission().problem)
    assert known.top(0.05) == -4.0
    assert known.top(0.01) == 0.0
    hopeless = baseline(make_table([None] * 99 + [1.0]), make_mission().problem)
    assert [level.at for level in levels(hopeless, -1.0)] == ["target", "top-1", "best-found"]


def test_a_reference_survives_its_file(tmp_path: Path) -> None:
    reference = make_measured(make_mission(), n_repeats=2, n=5)
    path = tmp_path / "reference.json"
    path.write_text(reference.model_dump_json(), encoding="utf-8")
    assert references.load_reference(path) == reference


def test_failures_are_kept_with_their_kind() -> None:
    reference = make_table([1.0, None])
    assert reference.repeats[0].outcomes["y"] == (1.0, None)
    assert reference.repeats[0].failures == {1: "infeasible"}


def test_a_file_that_is_no_reference_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InvalidSpec, match=r"other\.json"):
        references.load_reference(path)


def test_an_empty_search_is_no_reference() -> None:
    with pytest.raises(ValueError, match="experiments in them"):
        references.measured(make_mission(), "1", [[]], seed=0)


def test_a_mismatch_is_said_in_words() -> None:
    mission = make_mission()
    reference = make_measured(mission, n_repeats=2, n=5)
    assert references.mismatch(reference, mission, "1") is None
    other_lab = references.mismatch(reference, mission, "2")
    assert other_lab is not None
    assert "2" in other_lab.en
    other_space = make_mission(lab={"name": "hill", "settings": {"steep": True}})
    assert references.mismatch(reference, other_space, "1") is not None
    sobol = make_mission(reference={"planner": "sobol"})
    assert references.mismatch(reference, sobol, "1") is not None


def test_a_newer_release_of_an_engine_is_said_and_does_not_end_the_comparison() -> None:
    mission = make_mission()
    reference = make_measured(mission, n_repeats=2, n=5).model_copy(update={"lab_version": "1+stim-1.16.0+0a1b2c3d"})
    assert references.mismatch(reference, mission, "1+stim-1.17.0+0a1b2c3d") is None
    careful = references.caution(reference, "1+stim-1.17.0+0a1b2c3d")
    assert careful is not None
    assert "1.17.0" in careful.ko
    assert references.caution(reference, "1+stim-1.16.0+0a1b2c3d") is None
    for another in ("2+stim-1.16.0+0a1b2c3d", "1+stim-1.16.0+ffffffff", "1+cirq-1.16.0+0a1b2c3d"):
        assert references.mismatch(reference, mission, another) is not None, another


# Estimated --------------------------------------------------------------------------------------------------------


def test_an_estimate_comes_near_a_search_that_was_really_done_and_says_what_it_is() -> None:
    mission = make_mission(
        objectives=[{"name": "y", "goal": "minimize", "unit": "min", "target": 0.05}],
        budget={"experiments": 40}, stop_when_reached=False,
    )  # fmt: skip
    state = run_in_memory(mission, hill, seed=4, lab_is_physical=True)
    reference = references.estimate(state, GaussianProcess())
    assert reference is not None
    known = baseline(reference, mission.problem)
    assert known.kind == "estimate"
    assert "estimate" in known.label.en
    assert "추정" in known.label.ko
    target = Level("target", math.nan)
    truth = baseline(make_measured(mission, n_repeats=100, n=150), mission.problem).hitting_times(target).quantile(0.5)
    low, high = known.hitting_times(target).median_interval()
    assert low / 1.5 <= truth <= high * 1.5
    assert references.estimate(state, GaussianProcess()) == reference


def test_nothing_is_estimated_from_nothing() -> None:
    state = run_in_memory(make_mission(budget={"experiments": 1}), lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    assert references.estimate(state, GaussianProcess()) is None


# Acceleration as it is sent ---------------------------------------------------------------------------------------


def test_the_acceleration_is_json_with_the_promised_fields() -> None:
    mission = make_mission()
    state = run_in_memory(mission, hill, seed=3)
    found = acceleration(state, baseline(make_measured(mission), mission.problem))
    assert found is not None
    sent = found.model_dump(mode="json")
    assert {"value", "interval", "reference", "at", "censored"} <= sent.keys()
    assert sent["at"] in {"target", "best-found"}
    assert len(sent["interval"]) == 2


def test_there_is_no_acceleration_without_a_reference_or_a_result() -> None:
    mission = make_mission(budget={"experiments": 2})
    known = baseline(make_measured(mission), mission.problem)
    assert acceleration(run_in_memory(mission, hill), None) is None
    failed = run_in_memory(mission, lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    assert acceleration(failed, known) is None


def test_a_target_that_was_not_reached_is_reported_as_a_bound_beside_the_best_found() -> None:
    mission = make_mission(
        budget={"experiments": 5}, objectives=[{"name": "y", "goal": "minimize", "unit": "min", "target": 1e-9}]
    )
    state = run_in_memory(mission, hill)
    known = baseline(make_measured(mission), mission.problem)
    curve = Curve(mission.problem, known.corner).update(state)
    by_level = {found.at: found for found in accelerations(mission.problem, known, curve)}
    assert by_level["target"].censored == "both"
    assert by_level["target"].value is None
    assert by_level["best-found"].value is not None
    leading = acceleration(state, known, curve)
    assert leading is not None
    assert leading.at == "best-found"


def test_random_search_against_random_search_gains_nothing_on_average() -> None:
    mission = make_mission(stop_when_reached=True, budget={"experiments": 150})
    known = baseline(make_measured(mission, n_repeats=100, n=150), mission.problem)
    logs = []
    for seed in range(30):
        found = acceleration(run_in_memory(mission, hill, seed=seed), known)
        if found is not None and found.value is not None and found.at == "target":
            logs.append(math.log(found.value))
    assert len(logs) > 24
    assert abs(float(np.median(logs))) < 0.9


def test_an_estimate_of_several_objectives_does_not_feign_certainty_and_costs_little() -> None:
    objectives = [{"name": n, "goal": "minimize", "unit": "1"} for n in ("y", "w", "v")]
    mission = make_mission(objectives=objectives, budget={"experiments": 20})

    def lab(c: Any) -> dict[str, float]:
        return {**hill(c), "w": float(c["a"]), "v": float(c["b"])}

    state = run_in_memory(mission, lab, seed=1, lab_is_physical=True)
    reference = references.estimate(state, GaussianProcess())
    assert reference is not None
    begun = time.process_time()
    known = baseline(reference, mission.problem)
    times = known.hitting_times(Level("best-found", 0.7 * known.best))
    assert time.process_time() - begun < 5
    low, high = times.median_interval()
    assert low < times.quantile(0.5) < high
    assert (low, high) == luck(times)

"""What was gained, held against enumeration and simulation."""

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kgenesis.campaign.fronts import GrowingFront, hypervolume, pareto_mask, running_hypervolume
from kgenesis.campaign.hitting import EstimatedTimes, RepeatedTimes, TableTimes, first_true, luck
from kgenesis.campaign.metrics import (
    Curve,
    acceleration_factor,
    aggregate,
    enhancement_factor,
    normalised_regret,
    outcome_columns,
    reference_point,
    round_significant,
    running_merit,
    score,
)
from kgenesis.campaign.state import Experiment
from kgenesis.kernel.experiment import Failure, Measurement, Why
from kgenesis.testing.builders import hill, make_mission, run_in_memory

POINTS = arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.integers(0, 5).map(float))
TWO = [
    {"name": "y", "goal": "minimize", "unit": "min", "threshold": 1.0},
    {"name": "w", "goal": "maximize", "unit": "1", "threshold": 0.0},
]


def boxes_by_counting(points: np.ndarray, corner: np.ndarray) -> float:
    """Count the unit cells of an integer lattice that some point covers."""
    m = points.shape[1]
    cells = itertools.product(*(range(int(corner[j]), 6) for j in range(m)))
    return float(sum(bool((points >= np.array(cell) + 1).all(axis=1).any()) for cell in cells))


# Several objectives -----------------------------------------------------------------------------------------------


@given(POINTS)
def test_the_hypervolume_equals_a_count_of_lattice_cells(points: np.ndarray) -> None:
    corner = np.zeros(points.shape[1])
    assert hypervolume(points, corner) == pytest.approx(boxes_by_counting(points, corner))


@given(POINTS, st.integers(0, 2))
def test_a_growing_front_has_the_hypervolume_of_all_its_points(points: np.ndarray, corner: int) -> None:
    low = np.full(points.shape[1], float(corner))
    running = running_hypervolume(points, low)
    assert running == pytest.approx([hypervolume(points[: i + 1], low) for i in range(len(points))])


@given(POINTS)
def test_the_pareto_front_is_what_no_other_point_beats(points: np.ndarray) -> None:
    beaten = [any((q >= p).all() and (q > p).any() for q in points) for p in points]
    assert pareto_mask(points).tolist() == [not b for b in beaten]


def test_points_that_were_not_measured_are_on_no_front_and_add_no_volume() -> None:
    points = np.array([[math.nan, 5.0], [1.0, 1.0]])
    assert pareto_mask(points).tolist() == [False, True]
    assert running_hypervolume(points, np.zeros(2)).tolist() == [0.0, 1.0]


def test_a_copied_front_grows_on_its_own() -> None:
    front = GrowingFront(np.zeros(2))
    front.add(np.array([1.0, 1.0]))
    front.copy().add(np.array([2.0, 2.0]))
    assert front.volume == 1.0


# Hitting times ----------------------------------------------------------------------------------------------------


@given(st.integers(1, 7), st.data())
def test_the_closed_form_equals_the_enumeration_of_every_order(n: int, data: st.DataObject) -> None:
    good = data.draw(st.integers(1, n))
    times = TableTimes(n, good)
    hits = [first_true(np.array(order) < good) for order in itertools.permutations(range(n))]
    for drawn in range(n + 1):
        assert times.cdf(drawn) == pytest.approx(np.mean(np.array(hits) <= drawn))
    for share in (0.025, 0.25, 0.5, 0.975):
        assert times.quantile(share) == np.quantile(hits, share, method="inverted_cdf")
    assert times.restricted_mean(n) == pytest.approx(np.minimum(hits, n).mean())


def test_a_level_that_no_point_of_a_table_has_is_never_reached() -> None:
    assert TableTimes(50, 0).quantile(0.5) == math.inf
    assert TableTimes(50, 0).cdf(50) == 0.0


def test_large_tables_keep_their_precision() -> None:
    times = TableTimes(200_000, 1)
    assert times.quantile(0.5) == 100_000
    assert times.cdf(2_000) == pytest.approx(0.01, rel=1e-6)


@settings(max_examples=25)
@given(st.lists(st.one_of(st.integers(1, 40).map(float), st.just(math.inf)), min_size=3, max_size=15))
def test_the_exact_bootstrap_interval_is_the_limit_of_resampling(times: list[float]) -> None:
    exact = RepeatedTimes(np.array(times), 40)
    rng = np.random.default_rng(0)
    resampled = np.sort(rng.choice(times, size=(20_000, len(times))), axis=1)[:, math.ceil(len(times) / 2) - 1]
    low, high = exact.median_interval()
    # the probability below each end, not the end itself: where it is a near tie the resampled end may jump
    assert np.mean(resampled <= low) >= 0.025 - 0.005
    assert np.mean(resampled < low) <= 0.025 + 0.005
    assert np.mean(resampled <= high) >= 0.975 - 0.005
    assert np.mean(resampled < high) <= 0.975 + 0.005


def test_the_median_is_the_first_n_that_half_of_the_repeats_reached() -> None:
    times = RepeatedTimes(np.array([3.0, 9.0, math.inf, 5.0]), 10)
    assert times.quantile(0.5) == 5.0
    assert times.cdf(4) == 0.25
    assert luck(times) == (3.0, math.inf)
    assert times.restricted_mean(10) == pytest.approx((3 + 9 + 10 + 5) / 4)


def test_what_was_reached_beyond_the_common_budget_counts_as_not_reached() -> None:
    assert RepeatedTimes(np.array([3.0, 30.0]), 10).cdf(100) == 0.5


def test_an_estimate_mixes_what_every_belief_says() -> None:
    times = EstimatedTimes(np.array([0.75, 0.0, 0.0]), 500)
    assert times.cdf(1) == pytest.approx(0.25)
    assert times.quantile(0.5) == math.inf
    assert times.median_interval() == (1.0, math.inf)
    sure = EstimatedTimes(np.full(4, 0.01), 500)
    assert sure.quantile(0.5) == 69.0
    assert sure.median_interval() == (69.0, 69.0)


# Acceleration -----------------------------------------------------------------------------------------------------


def test_the_factor_is_the_references_median_over_the_campaigns_count() -> None:
    ratio = acceleration_factor(10, 40, RepeatedTimes(np.array([20.0, 60.0, 90.0]), 100))
    assert (ratio.value, ratio.censored, ratio.n_ref) == (6.0, None, 60.0)
    assert ratio.interval[0] <= 6.0 <= ratio.interval[1]
    assert ratio.chance == 0.0


def test_a_reference_that_never_got_there_gives_a_lower_bound() -> None:
    ratio = acceleration_factor(20, 40, RepeatedTimes(np.array([50.0, math.inf, math.inf]), 100))
    assert (ratio.value, ratio.censored) == (5.0, "reference")
    assert ratio.interval == (2.5, math.inf)


def test_a_campaign_longer_than_the_reference_is_not_called_faster_than_every_search() -> None:
    ratio = acceleration_factor(200, 300, RepeatedTimes(np.array([math.inf] * 3), 100))
    assert (ratio.value, ratio.censored) == (0.5, "reference")
    assert math.isnan(ratio.chance)


def test_a_campaign_that_never_got_there_gives_an_upper_bound() -> None:
    ratio = acceleration_factor(math.inf, 40, RepeatedTimes(np.array([20.0, 20.0, 20.0]), 100))
    assert (ratio.value, ratio.censored, ratio.n_ai) == (0.5, "campaign", 40.0)
    assert ratio.interval == (0.0, 0.5)


def test_where_neither_got_there_nothing_is_claimed() -> None:
    ratio = acceleration_factor(math.inf, 40, RepeatedTimes(np.array([math.inf] * 3), 100))
    assert math.isnan(ratio.value)
    assert ratio.censored == "both"


def test_the_closed_form_leaves_no_doubt_about_the_median_but_tells_the_luck() -> None:
    ratio = acceleration_factor(10, 10, TableTimes(100, 2))
    assert ratio.interval == (ratio.value, ratio.value)
    assert ratio.luck[0] < ratio.value < ratio.luck[1]
    assert ratio.chance == pytest.approx(1 - (90 * 89) / (100 * 99))


@given(st.floats(1e-12, 1e12), st.integers(1, 9))
def test_rounding_is_the_same_as_in_a_file(value: float, digits: int) -> None:
    assert round_significant(np.array([value, -value]), digits).tolist() == [
        float(f"{value:.{digits}g}"),
        float(f"{-value:.{digits}g}"),
    ]


def test_enhancement_is_turned_over_where_less_is_better() -> None:
    less = make_mission().problem
    more = make_mission(objectives=[{"name": "y", "goal": "maximize", "unit": "1"}]).problem
    hit = make_mission(objectives=[{"name": "y", "goal": "hit", "value": 3, "unit": "1"}]).problem
    assert enhancement_factor(less, -2.0, -6.0) == 3.0
    assert enhancement_factor(more, 6.0, 2.0) == 3.0
    assert math.isnan(enhancement_factor(more, 6.0, -2.0))
    assert math.isnan(enhancement_factor(hit, -0.1, -0.2))
    assert math.isnan(enhancement_factor(more, -math.inf, 1.0))


def test_regret_is_zero_at_the_best_and_one_at_the_median() -> None:
    assert normalised_regret(10.0, 10.0, 4.0) == 0.0
    assert normalised_regret(10.0, 4.0, 4.0) == 1.0
    assert math.isnan(normalised_regret(4.0, 4.0, 4.0))
    assert math.isnan(normalised_regret(4.0, -math.inf, 1.0))


# Several campaigns ------------------------------------------------------------------------------------------------


def test_several_campaigns_are_summarised_three_ways() -> None:
    found = aggregate([10, 20, 40], 50, TableTimes(199, 1))
    assert found.ratio_of_medians == 100 / 20
    assert found.geometric_mean == pytest.approx(100 / 20)
    assert found.restricted == pytest.approx(TableTimes(199, 1).restricted_mean(50) / (70 / 3))
    low, high = found.ratio_of_medians_interval
    assert low == 100 / 40
    assert high == 100 / 10


def test_campaigns_that_never_got_there_are_counted_not_dropped() -> None:
    found = aggregate([10, math.inf, math.inf], 50, TableTimes(199, 1))
    assert (found.n_censored, found.censored) == (2, "campaign")
    assert found.ratio_of_medians == 100 / 50
    assert found.restricted < aggregate([10], 50, TableTimes(199, 1)).restricted


def test_the_bootstrap_over_campaigns_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = TableTimes(400, 8).restricted_mean(60) / np.minimum(rng.geometric(0.1, 200_000), 60).mean()
    covered = 0
    for trial in range(60):
        mine = rng.geometric(0.1, 20).astype(float)
        low, high = aggregate(mine, 60, TableTimes(400, 8), seed=trial, n_resamples=300).restricted_interval
        covered += low <= truth <= high
    assert 48 <= covered <= 60


# The curve --------------------------------------------------------------------------------------------------------


def test_failed_and_infeasible_experiments_count_as_experiments_and_never_as_results() -> None:
    problem = make_mission(outcome_constraints=[{"outcome": "heat", "at_most": 50, "unit": "degC"}]).problem
    results = [
        Failure(kind="crashed", reason="broke"),
        Measurement(outcomes={"y": 0.01, "heat": 60}),
        Measurement(outcomes={"y": 0.5, "heat": 40}),
        Measurement(outcomes={"y": 0.3, "heat": 40}),
        Measurement(outcomes={"y": 0.4, "heat": 40}),
    ]
    why = Why(reason="design", planner="p")
    experiments = [Experiment(f"e{i}", i, {}, why, "", result=r) for i, r in enumerate(results)]
    scores = score(problem, outcome_columns(problem, experiments))
    assert running_merit(scores, np.zeros(1)).tolist() == [-math.inf, -math.inf, -0.5, -0.3, -0.3]
    assert not scores.is_success.any()


@pytest.mark.parametrize("objectives", [[{"name": "y", "goal": "minimize", "unit": "min"}], TWO])
def test_a_curve_grown_step_by_step_equals_the_one_made_at_once(objectives: list[dict[str, object]]) -> None:
    mission = make_mission(objectives=objectives, budget={"experiments": 25})
    state = run_in_memory(mission, lambda c: {**hill(c), "w": float(c["a"])}, seed=2)
    problem = mission.problem
    scores = score(problem, outcome_columns(problem, state.finished()))
    corner = reference_point(problem, scores.usable())
    grown = Curve(problem, corner)
    at_once = running_merit(scores, corner)
    for n in (0, 3, 10, 25):
        state.n_finished_prefix = n  # the rest counts as finished out of order
        assert grown.update(state).merits == pytest.approx(at_once.tolist())
    assert grown.n == 25
    assert grown.n_to(grown.best) == 1 + int(np.argmax(at_once >= grown.best))
    assert grown.n_to(math.inf) == math.inf


def test_a_curve_knows_when_the_target_was_reached() -> None:
    state = run_in_memory(
        make_mission(objectives=[{"name": "y", "goal": "minimize", "unit": "min", "target": 0.1}]), hill
    )
    assert state.reached_by is not None
    curve = Curve(state.mission.problem).update(state)
    assert curve.n_to_target == state.experiments[state.reached_by].number


def test_the_corner_is_the_threshold_or_else_the_worst_of_the_pool() -> None:
    problem = make_mission(objectives=[TWO[0], {"name": "w", "goal": "maximize", "unit": "1"}]).problem
    pool = np.array([[-3.0, 5.0], [-2.0, 4.0], [math.nan, 0.0]])
    assert reference_point(problem, pool).tolist() == [-1.0, 4.0]


def test_an_update_after_a_thousand_experiments_takes_about_a_millisecond() -> None:
    mission = make_mission(budget={"experiments": 1000}, objectives=[{"name": "y", "goal": "minimize", "unit": "min"}])
    state = run_in_memory(mission, hill)
    curve = Curve(mission.problem).update(state)
    fastest = math.inf
    for _ in range(5):
        begun = time.perf_counter()
        acceleration_factor(curve.update(state).n_to(curve.best), curve.n, TableTimes(5000, 3))
        fastest = min(fastest, time.perf_counter() - begun)
    assert fastest < 3e-3

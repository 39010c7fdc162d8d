"""Why an experiment was proposed: data that is true, and sentences that say it in both languages."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from kgenesis.campaign.planners.acquisition import share_of_mean
from kgenesis.campaign.sentences import why_sentence
from kgenesis.kernel.experiment import Measurement, Neighbour, Why
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext
from kgenesis.testing.planners import asked, history_of, problem_of

ONE, TWO = ExperimentId("exp_0123456789ab_00001"), ExperimentId("exp_0123456789ab_00002")


def proposals_of(n_known: int = 9, n: int = 2, same: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    problem = problem_of("numbers")
    context = PluginContext(problem=problem, make=lambda g, name, s: make_plugin(g, name, PluginContext(settings=s)))
    request = asked(problem, history_of(problem, n_known), n=n, same=same)
    return request, make_plugin("planners", "model", context).propose(request)


def test_the_three_nearest_experiments_are_named_with_their_results() -> None:
    request, proposals = proposals_of()
    space = request.problem.space
    for proposal in proposals:
        distances = space.distance(
            space.to_values([proposal.conditions]), space.to_values([o.conditions for o in request.history])
        )[0]
        near = proposal.why.neighbours
        np.testing.assert_allclose([n.distance for n in near], np.sort(distances)[:3])
        assert (near[0].experiment, near[0].distance) == (proposal.why.nearest, proposal.why.distance)
        by_id = {o.experiment: o.result for o in request.history}
        for neighbour in near:
            result = by_id[neighbour.experiment]
            assert isinstance(result, Measurement)
            assert neighbour.outcomes == {name: outcome.mean for name, outcome in result.outcomes.items()}


def test_the_voices_are_those_of_the_surrogate_and_sum_to_one() -> None:
    _, proposals = proposals_of()
    for proposal in proposals:
        assert sum(proposal.why.voices.values()) == pytest.approx(1.0)
        assert all(weight >= 0 for weight in proposal.why.voices.values())


def test_what_a_plate_has_in_common_is_said_on_each_of_its_experiments() -> None:
    for n_known in (0, 9):
        _, proposals = proposals_of(n_known, 3, ("temperature",))
        shared = [p.why.same["temperature"] for p in proposals]
        assert shared == [p.conditions["temperature"] for p in proposals]
        assert len(set(shared)) == 1


@pytest.mark.parametrize(("mean", "sd", "best"), [(1.0, 0.5, 0.2), (0.3, 2.0, 0.2), (5.0, 0.01, 0.0)])
def test_the_share_of_the_mean_is_what_would_be_left_without_uncertainty(mean: float, sd: float, best: float) -> None:
    expected, _ = quad(lambda y: (y - best) * norm.pdf(y, mean, sd), best, mean + 40 * sd, points=[mean])
    assert share_of_mean(mean, sd**2, best) == pytest.approx((mean - best) / expected, rel=1e-6)
    assert share_of_mean(best - 0.1, sd**2, best) == 0.0


def test_exploiting_rests_on_the_mean_and_exploring_does_not() -> None:
    seen = set()
    for n_known in range(4, 14):
        _, proposals = proposals_of(n_known, 1)
        why = proposals[0].why
        if why.from_mean is not None:
            seen.add(why.reason)
            assert (why.from_mean > 0) == (why.reason == "exploit")
    assert seen


def test_sentences_say_it_in_both_languages() -> None:
    problem = problem_of("numbers")
    near = (
        Neighbour(experiment=TWO, distance=0.034, outcomes={"yield": 61.2}), Neighbour(experiment=ONE, distance=0.25),
    )  # fmt: skip
    why = Why(
        reason="exploit", planner="model", from_mean=0.37, neighbours=near, voices={"gp-ard": 0.6, "trees": 0.4},
        same={"temperature": 60.0},
    )  # fmt: skip
    text = why_sentence(problem, why, {ONE: 1, TWO: 2})
    assert "37 % of the expected improvement would be left" in text.en
    assert "2 (3.4 %, yield 61.2 %); 1 (25 %)" in text.en
    assert "gp-ard 60 %, trees 40 %" in text.en
    assert "The whole plate has temperature 60 °C." in text.en
    assert "기대 개선의 37 %" in text.ko
    assert "2번(3.4 %, yield 61.2 %); 1번(25 %)" in text.ko
    assert "의견을 낸 모델: gp-ard 60 %, trees 40 %" in text.ko
    assert "플레이트 전체의 조건: temperature 60 °C" in text.ko
    explore = why_sentence(problem, why.model_copy(update={"reason": "explore", "from_mean": 0.0}), {})
    assert "comes from uncertainty" in explore.en
    assert "불확실성에서 나옵니다" in explore.ko


def test_what_was_written_before_neighbours_were_is_still_told() -> None:
    old = Why.model_validate({"reason": "explore", "planner": "model", "nearest": ONE, "distance": 0.125})
    text = why_sentence(problem_of("numbers"), old, {ONE: 1})
    assert "Most like experiment (distance in % of the range): 1 (12 %)." in text.en

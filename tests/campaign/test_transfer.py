"""Earlier campaigns: heard where they help, silent where they mislead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kgenesis.campaign.events import CampaignOpened, EarlierExperiment, EarlierTaken
from kgenesis.campaign.planners.transfer import VOICE, Ensemble, first_guesses, ranking_weights, with_earlier
from kgenesis.campaign.remembering import remembering
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import fold
from kgenesis.kernel.experiment import Measurement, Observation, Outcome, Value
from kgenesis.kernel.ids import CampaignId, ExperimentId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Earlier, Planner, PluginContext, Posterior, ProposalRequest, TrainingData
from kgenesis.kernel.sampling import sample
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.testing.builders import make_mission

Function = Callable[[NDArray[np.float64]], float]
_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_P = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])


def hartmann(rng: np.random.Generator) -> Function:
    """Return a member of the Hartmann-3 family: the weights of its wells and their places a little moved."""
    weights, move = np.array([1, 1.2, 3, 3.2]) * rng.uniform(0.8, 1.2, 4), rng.uniform(-0.05, 0.05, 3)
    return lambda u: -float(weights @ np.exp(-(_A * (u + move - _P) ** 2).sum(axis=1)))


def cube(d: int = 3, **more: object) -> Mission:
    factors = [{"name": f"x{i}", "type": "real", "low": 0, "high": 1, "unit": "1"} for i in range(d)]
    objectives = [{"name": "y", "goal": "minimize", "unit": "1"}]
    return make_mission(space={"factors": factors}, objectives=objectives, **more)


def told(mission: Mission, f: Function, rows: Sequence[Mapping[str, Value]]) -> list[Observation]:
    names = mission.space.names
    return [
        Observation(
            ExperimentId(f"exp_t_{i:05d}"), row, Measurement(outcomes={"y": f(np.array([row[n] for n in names]))})
        )
        for i, row in enumerate(rows)
    ]


def campaign(name: str, mission: Mission, f: Function, n: int, seed: int) -> Earlier:
    rows = mission.space.to_rows(sample(mission.space, n, np.random.default_rng(seed)))
    return Earlier(name, told(mission, f, rows))


def make(group: str, name: str, settings: Mapping[str, object]) -> object:
    return make_plugin(group, name, PluginContext(settings=settings, make=make))


def found_after(mission: Mission, f: Function, earlier: Sequence[Earlier], n: int, seed: int) -> NDArray[np.float64]:
    """Return the best after each of `n` experiments of the planner that learns."""
    planner: Planner = make_plugin("planners", "model", PluginContext(problem=mission.problem, make=make))
    history: list[Observation] = []
    for i in range(n):
        (proposal,) = planner.propose(ProposalRequest(mission.problem, history, (), 1, (seed, i), earlier=earlier))
        history += told(mission, f, [proposal.conditions])
    return np.minimum.accumulate([o.result.mean("y") for o in history if isinstance(o.result, Measurement)])


def experiments_to(level: float, best: NDArray[np.float64]) -> int:
    return int(np.argmax(best <= level)) + 1 if (best <= level).any() else len(best) + 1


@pytest.mark.slow
def test_a_campaign_that_is_alike_saves_experiments_and_one_that_misleads_costs_few() -> None:
    mission, n = cube(), 18
    needed: dict[str, list[int]] = {"alone": [], "alike": [], "negated": [], "moved": []}
    for seed in range(5):
        rng = np.random.default_rng((11, seed))
        f, other = hartmann(rng), hartmann(rng)
        points = rng.random((20_000, 3))
        values = np.array([f(u) for u in points])
        level = float(values.min() + 0.05 * (np.median(values) - values.min()))
        sources: dict[str, Sequence[Earlier]] = {
            "alone": (),
            "alike": [campaign("alike", mission, other, 30, seed)],
            "negated": [campaign("negated", mission, lambda u, g=other: -g(u), 30, seed)],
            "moved": [campaign("moved", mission, lambda u, g=other: g((u + 0.4) % 1), 30, seed)],
        }
        for name, earlier in sources.items():
            needed[name].append(experiments_to(level, found_after(mission, f, earlier, n, seed)))
    total = {name: sum(counts) for name, counts in needed.items()}
    assert total["alike"] < 0.8 * total["alone"], needed
    assert total["negated"] <= 1.2 * total["alone"], needed
    assert total["moved"] <= 1.2 * total["alone"], needed


def test_the_first_experiments_are_what_was_best_before_and_the_sources_lead() -> None:
    mission = cube()
    f = hartmann(np.random.default_rng(1))
    before = campaign("pilot", mission, f, 60, 3)
    (first,) = first_guesses(ProposalRequest(mission.problem, (), (), 1, (0, 0), earlier=[before]))
    best = min(before.history, key=lambda o: o.result.mean("y") if isinstance(o.result, Measurement) else 0.0)
    assert first.conditions == best.conditions
    again = ProposalRequest(mission.problem, told(mission, f, [first.conditions]), (), 1, (0, 1), earlier=[before])
    assert first_guesses(again) == []
    assert found_after(mission, f, [before], 4, 0)[-1] < 0.9 * found_after(mission, f, (), 4, 0)[-1]


def ensemble(n: int, source: Function, f: Function, *, n_source: int = 40) -> tuple[TrainingData, Posterior]:
    mission = cube()
    rng = np.random.default_rng(0)
    x = rng.random((n, 3))
    data = TrainingData(x, np.array([f(u) for u in x]), np.full(n, np.nan), mission.space.groups)
    request = ProposalRequest(
        mission.problem, (), (), 1, (0, 0), earlier=[campaign("pilot", mission, source, n_source, 3)]
    )
    own = GaussianProcess().posterior(data, rng)
    return data, with_earlier(own, "y", data, request, GaussianProcess(), rng)


def test_few_measurements_are_understood_better_with_a_campaign_that_is_alike() -> None:
    at = np.random.default_rng(5).random((200, 3))
    errors, voices = [], []
    for seed in range(4):
        f = hartmann(np.random.default_rng(seed))
        _, posterior = ensemble(8, lambda u, f=f: 3.0 + 2.0 * f(u), f)  # another level and another scale
        _, own = ensemble(8, f, f, n_source=0)
        truth = np.array([f(u) for u in at])
        errors.append([np.abs(p.mean_and_variance(at)[0] - truth).mean() for p in (posterior, own)])
        voices.append(posterior.voices.get(f"{VOICE}pilot", 0.0))
        assert sum(posterior.voices.values()) == pytest.approx(1.0)
    together, alone = np.mean(errors, axis=0)
    assert together < 0.85 * alone, errors
    assert np.mean(voices) > 0.3, voices


@pytest.mark.parametrize(
    "turn", [lambda u, f: -f(u), lambda u, f: f((u + 0.4) % 1), lambda u, f: float(np.sin(99 * u[0]))]
)
def test_a_misleading_campaign_does_no_harm_to_what_is_expected(turn: Callable[..., float]) -> None:
    f = hartmann(np.random.default_rng(1))
    _, posterior = ensemble(25, lambda u: turn(u, f), f)
    at = np.random.default_rng(5).random((200, 3))
    truth = np.array([f(u) for u in at])
    own = ensemble(25, f, f, n_source=0)[1]
    error, error_alone = (np.abs(p.mean_and_variance(at)[0] - truth).mean() for p in (posterior, own))
    assert error < 1.15 * error_alone


def test_moments_and_joint_belief_of_an_ensemble_agree() -> None:
    f = hartmann(np.random.default_rng(1))
    data, posterior = ensemble(8, lambda u: 3.0 + 2.0 * f(u), f)
    assert isinstance(posterior, Ensemble)
    at = np.random.default_rng(5).random((6, 3))
    mean, variance = posterior.mean_and_variance(at)
    joint_mean, covariance = posterior.joint(at)
    assert joint_mean == pytest.approx(mean)
    assert np.diag(covariance) == pytest.approx(variance, rel=1e-4, abs=1e-6)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    surer = posterior.condition_on(at, mean)
    assert (surer.mean_and_variance(at)[1] < variance).all()
    assert surer.mean_and_variance(at)[0] == pytest.approx(mean, abs=0.05 * np.ptp(data.y))
    assert len(surer.leave_one_out()[0]) == len(data.y) + 6


def test_many_worthless_campaigns_do_not_outvote_the_present_one() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((20, 1))
    y = np.sin(6 * x[:, 0])
    data = TrainingData(x, y, np.full(20, np.nan), np.zeros(1, dtype=np.int64))
    own = GaussianProcess().posterior(data, rng)
    wrong = [GaussianProcess().posterior(replace(data, y=rng.standard_normal(20)), rng) for _ in range(12)]
    weights = ranking_weights([own, *wrong], y, rng)
    assert weights[0] > 0.9
    assert weights.sum() == pytest.approx(1.0)


def test_an_earlier_value_beyond_the_bounds_teaches_and_is_not_proposed() -> None:
    mission = cube(1)
    rows = [{"x0": 1.5}, {"x0": -0.5}]
    space = remembering(mission.space, rows)
    low, zero, one, high = space.encode(np.array([[-0.5], [0.0], [1.0], [1.5]]))[:, 0]
    assert (low, high) == (0.0, 1.0)
    assert (zero, one) == (pytest.approx(0.25), pytest.approx(0.75))
    assert space.is_feasible(np.array([[-0.5], [0.0], [1.0], [1.5]])).tolist() == [False, True, True, False]
    assert sample(space, 200, np.random.default_rng(0)).max() <= 1.0


def test_a_resumed_campaign_has_its_earlier_ones_from_the_log_alone() -> None:
    mission = cube(1)
    opened = CampaignOpened(
        mission=mission.model_dump(mode="json"), seed=0, folder=".", lab_version="1", lab_is_physical=False, versions={}
    )
    one = EarlierExperiment(id="a:2", conditions={"x0": 0.2}, outcomes={"y": Outcome(mean=3.0, sem=0.1)})
    taken = EarlierTaken(name="pilot", origin="a.csv", experiments=(one,))
    at = "2026-01-01T00:00:00+00:00"
    state = fold(CampaignId("cmp_0123456789ab"), [(opened, at), (taken, at)])
    (source,) = state.earlier
    assert source.name == "pilot"
    assert [o.conditions for o in source.history] == [{"x0": 0.2}]

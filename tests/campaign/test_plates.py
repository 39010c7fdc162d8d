"""Plates: a plate at a time, all of one temperature, whatever happens in between."""

from typing import Any

import numpy as np
import pytest

from kgenesis.campaign import decide
from kgenesis.campaign import events as facts
from kgenesis.campaign.choosing import chosen
from kgenesis.campaign.planners.batch import kriging_believer, plate
from kgenesis.campaign.planners.belief import learn
from kgenesis.campaign.planners.standing import Standing
from kgenesis.campaign.plates import next_plate
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState, evolve, fold
from kgenesis.kernel.errors import InvalidConditions
from kgenesis.kernel.experiment import Measurement, Proposal, Why
from kgenesis.kernel.ids import CampaignId
from kgenesis.kernel.ports import PluginContext, ProposalRequest
from kgenesis.surrogate import make_gp
from kgenesis.testing.planners import asked, history_of

AT = "2026-01-01T00:00:00+00:00"


def mission(**changes: Any) -> Mission:
    plain = {
        "name": "m", "title": "M", "lab": "python", "planner": "random",
        "space": {"factors": [
            {"type": "real", "name": "temperature", "low": 20, "high": 90, "unit": "degC"},
            {"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"},
        ]},
        "objectives": [{"name": "gain", "goal": "maximize", "unit": "1"}],
        "budget": {"experiments": 12}, "batch": {"size": 4, "same": ["temperature"]},
    }  # fmt: skip
    return Mission.model_validate(plain | changes)


def opened(plan: Mission, *, is_physical: bool = False) -> CampaignState:
    first = facts.CampaignOpened(
        mission=plan.model_dump(mode="json"), seed=1, folder="", lab_version="1", lab_is_physical=is_physical,
        versions={},
    )  # fmt: skip
    return fold(CampaignId("cmp_0123456789ab"), [(first, AT)])


def write(state: CampaignState, events: Any) -> None:
    for event in events:
        evolve(state, event, AT)


class Uniform:
    """A planner that keeps what a plate has in common, or does not."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self.requests: list[ProposalRequest] = []

    def propose(self, request: ProposalRequest) -> list[Proposal]:
        self.requests.append(request)
        rng = np.random.default_rng((*request.seed, len(request.pending)))
        temperature = float(rng.uniform(20, 90))
        rows = []
        for i in range(request.n):
            row = {"temperature": temperature + (0 if self.keeps else i), "x": float(rng.random())}
            rows.append(row | (dict(request.fixed) if self.keeps else {}))
        return [Proposal(conditions=row, why=Why(reason="design", planner="uniform")) for row in rows]


def propose(state: CampaignState, planner: Uniform, n: int, fixed: Any = None) -> int:
    """As the ask-and-tell side does it; how many came."""
    events = decide.proposed(state, chosen(state, decide.propose_now(state, n), planner, fixed))
    write(state, events)
    return len(events)


def finish(state: CampaignState, n: int | None = None) -> None:
    for experiment in [e for e in state.experiments.values() if not e.is_final][:n]:
        write(state, decide.resolved(state, experiment.id, 0, Measurement(outcomes={"gain": experiment.number})))


def plates_of(state: CampaignState) -> dict[int | None, list[float]]:
    found: dict[int | None, list[float]] = {}
    for e in state.experiments.values():
        found.setdefault(e.plate, []).append(float(e.conditions["temperature"]))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("ordering", ["reproducible", "as-they-come"])
def test_the_next_plate_is_proposed_when_all_of_this_one_are_final(ordering: str) -> None:
    state, planner = opened(mission(ordering=ordering, parallel=2)), Uniform()
    while steps := decide.next_steps(state):
        match steps[0]:
            case decide.Propose() as step:
                assert not [e for e in state.experiments.values() if not e.is_final]
                assert len(step.history) == state.n_proposed
                write(state, decide.proposed(state, chosen(state, step, planner)))
            case decide.Submit(task):
                write(state, decide.started(task))
                if len(state.running) == 2:  # a slow one and a fast one
                    finish(state, 1)
            case decide.Wait():
                finish(state, 1)
            case decide.Stop(reason):
                write(state, decide.stopped(state, reason))
    plates = plates_of(state)
    assert [len(plates[k]) for k in (1, 2, 3)] == [4, 4, 4]
    assert all(len(set(temperatures)) == 1 for temperatures in plates.values())
    assert len({temperatures[0] for temperatures in plates.values()}) == 3


def test_a_plate_with_places_left_is_filled_while_anything_on_it_is_open() -> None:
    state, planner = opened(mission(), is_physical=True), Uniform()
    assert propose(state, planner, 3) == 3
    assert propose(state, planner, 3) == 1
    assert propose(state, planner, 2) == 2
    finish(state)
    assert propose(state, planner, 1) == 1
    plates = plates_of(state)
    assert [len(plates[k]) for k in (1, 2, 3)] == [4, 2, 1]
    assert all(len(set(temperatures)) == 1 for temperatures in plates.values())


def test_a_wish_that_differs_begins_a_new_plate() -> None:
    state, planner = opened(mission(), is_physical=True), Uniform()
    propose(state, planner, 2)
    propose(state, planner, 1, {"temperature": 77.0})
    propose(state, planner, 1, {"x": 0.5})
    assert plates_of(state)[2] == [77.0, 77.0]
    assert list(state.experiments.values())[-1].conditions["x"] == 0.5


def test_starting_points_take_plates_of_their_own_which_are_filled_up() -> None:
    start = [{"temperature": t, "x": x} for t, x in ((30.0, 0.1), (30.0, 0.2), (60.0, 0.3))]
    state, planner = opened(mission(start=start)), Uniform()
    for _ in range(2):
        step = decide.next_steps(state)[0]
        assert isinstance(step, decide.Propose)
        write(state, decide.proposed(state, chosen(state, step, planner)))
        finish(state)
    assert plates_of(state) == {1: [30.0] * 4, 2: [60.0] * 4}


def test_replicates_stay_on_one_plate() -> None:
    state, planner = opened(mission(replicates=3, batch={"size": 7, "same": ["temperature"]})), Uniform()
    step = decide.next_steps(state)[0]
    assert isinstance(step, decide.Propose)
    assert step.n == 2
    write(state, decide.proposed(state, chosen(state, step, planner)))
    assert [len(t) for t in plates_of(state).values()] == [6]


def test_a_planner_that_breaks_a_plate_is_refused_and_nothing_is_written() -> None:
    state = opened(mission())
    step = decide.next_steps(state)[0]
    assert isinstance(step, decide.Propose)
    proposals = chosen(state, step, Uniform(keeps=False))
    with pytest.raises(InvalidConditions) as refusal:
        decide.proposed(state, proposals)
    assert refusal.value.problems[0].field == "temperature"
    assert "uniform" in str(refusal.value)
    assert not state.experiments


def test_what_a_person_brings_is_on_no_plate() -> None:
    state, planner = opened(mission(), is_physical=True), Uniform()
    propose(state, planner, 2)
    write(state, decide.brought(state, {"temperature": 50.0, "x": 0.5}, Measurement(outcomes={"gain": 1.0})))
    found = next_plate(state)
    assert found is not None
    assert (found.number, found.n_free) == (1, 2)
    assert plates_of(state)[None] == [50.0]


def test_withdrawn_experiments_make_place() -> None:
    state, planner = opened(mission(), is_physical=True), Uniform()
    propose(state, planner, 4)
    ids = list(state.experiments)
    write(state, [facts.ExperimentWithdrawn(experiment=id_) for id_ in ids[:3]])
    found = next_plate(state)
    assert found is not None
    assert (found.number, found.n_free) == (1, 3)
    write(state, [facts.ExperimentWithdrawn(experiment=ids[3])])
    found = next_plate(state)
    assert found is not None
    assert (found.number, found.n_free, found.values) == (2, 4, {})


def test_the_value_a_plate_shares_is_the_one_that_makes_the_whole_plate_worth_most() -> None:
    problem = mission().problem
    for seed in range(3):
        request = asked(problem, history_of(problem, 9, seed=seed), n=5, same=("temperature",), seed=seed)
        belief = learn(request, make_gp(PluginContext()), np.random.default_rng(seed))
        found = plate(belief, request, np.random.default_rng(seed))
        assert len(found.values) == 5
        assert np.ptp(found.values[:, 0]) == 0.0
        worth = np.logaddexp.reduce(found.worth)
        for temperature in np.linspace(20, 90, 8):
            fixed = ProposalRequest(problem, request.history, (), 5, request.seed, {"temperature": float(temperature)})
            other = kriging_believer(belief, Standing(fixed), 5, np.random.default_rng(seed))
            assert worth >= np.logaddexp.reduce(other.worth) - 0.1

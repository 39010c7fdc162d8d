"""Missions and campaigns for tests, made in memory: no store, no executor, no clock."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from kgenesis.campaign import decide
from kgenesis.campaign import events as facts
from kgenesis.campaign.choosing import chosen
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState, evolve, fold
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Failure, Measurement, Proposal, Result, Value, Why
from kgenesis.kernel.ids import CampaignId
from kgenesis.kernel.ports import Planner, ProposalRequest
from kgenesis.kernel.sampling import from_cube, n_cube_dimensions, sample

LabFunction = Callable[[Mapping[str, Value]], Mapping[str, float] | Result]
"""Conditions in, outcomes (or a whole result) out."""

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def make_mission(**overrides: object) -> Mission:
    """Return a small mission of two real factors and one level, to minimise `y`; any field can be overridden."""
    plain: dict[str, Any] = {
        "name": "hill",
        "title": "A hill to climb",
        "space": {
            "factors": [
                {"name": "a", "type": "real", "low": 0.0, "high": 1.0, "unit": "1"},
                {"name": "b", "type": "real", "low": 0.0, "high": 1.0, "unit": "1"},
                {"name": "kind", "type": "categorical", "levels": ["x", "y", "z"]},
            ]
        },
        "objectives": [{"name": "y", "goal": "minimize", "unit": "min", "target": 0.02}],
        "lab": "hill",
        "planner": "random",
        "budget": {"experiments": 40},
    }
    return Mission.model_validate(plain | overrides)


def hill(conditions: Mapping[str, Value]) -> Mapping[str, float]:
    """Return the distance of (a, b) from (0.3, 0.7), squared, a little more for the wrong kind."""
    a, b = float(conditions["a"] or 0.0), float(conditions["b"] or 0.0)
    return {"y": (a - 0.3) ** 2 + (b - 0.7) ** 2 + {"x": 0.0, "y": 0.05, "z": 0.2}[str(conditions["kind"])]}


class UniformPlanner:
    """Proposes at random, without looking."""

    def propose(self, request: ProposalRequest) -> list[Proposal]:
        """Return `n` feasible points."""
        space, rng = request.problem.space, np.random.default_rng(request.seed)
        points = from_cube(space, rng.random((4 * request.n, n_cube_dimensions(space))))
        points = points[space.is_feasible(points)][: request.n]
        if len(points) < request.n:  # rare enough that the cheap way pays
            points = sample(space, request.n, rng)
        rows = space.to_rows(points)
        return [Proposal(conditions=row, why=Why(reason="design", planner="random")) for row in rows]


def run_in_memory(
    mission: Mission, lab_function: LabFunction, planner: Planner | None = None, seed: int = 0,
    *, lab_is_physical: bool = False, lab_version: str = "1", seconds: float = 1.0,
) -> CampaignState:  # fmt: skip
    """Return the state of a campaign run to its end, one task after another.

    Args:
        mission: what to do.
        lab_function: stands for the lab; an exception becomes a failure.
        planner: who proposes; `UniformPlanner` if not given.
        seed: of the campaign.
        lab_is_physical: as the lab would say.
        lab_version: as the lab would say.
        seconds: how long every experiment takes on the imagined clock.
    """
    opened = facts.CampaignOpened(
        mission=mission.model_dump(mode="json"), seed=seed, folder=".", lab_version=lab_version,
        lab_is_physical=lab_is_physical, versions={"kgenesis": "0", "python": "3"},
    )  # fmt: skip
    clock = [START]
    state = fold(CampaignId("cmp_0000000test1"), [(opened, clock[0].isoformat())])

    def write(events: list[Event], later: float = 0.0) -> None:
        clock[0] += timedelta(seconds=later)
        for event in events:
            evolve(state, event, clock[0].isoformat())

    proposer = planner or UniformPlanner()
    while steps := decide.next_steps(state):
        for step in steps:
            match step:
                case decide.Propose():
                    found = chosen(state, step, proposer)
                    write(decide.proposed(state, found) if found else decide.stopped(state, "exhausted"))
                case decide.Submit(task):
                    write(decide.started(task))
                    result = _measure(lab_function, task.conditions, seconds)
                    write(decide.resolved(state, task.experiment, task.attempt, result), seconds)
                case decide.Stop(reason):
                    write(decide.stopped(state, reason))
                case decide.Wait():
                    msg = "nothing runs in memory, so there is nothing to wait for"
                    raise AssertionError(msg)
    return state


def _measure(lab_function: LabFunction, conditions: Mapping[str, Value], seconds: float) -> Result:
    try:
        found = lab_function(conditions)
    except Exception as error:  # noqa: BLE001  a lab may raise anything
        return Failure(kind="crashed", reason=str(error), seconds=seconds)
    if isinstance(found, Measurement | Failure):
        return found
    return Measurement(outcomes=dict(found), seconds=seconds)

"""Ask a planner what a campaign should try next: the only place where a request to a planner is made for it."""

from collections.abc import Mapping
from dataclasses import replace

from kgenesis.campaign.decide import Propose, starts_left
from kgenesis.campaign.plates import next_plate
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Proposal, Value
from kgenesis.kernel.ports import Planner, ProposalRequest


def chosen(
    state: CampaignState, step: Propose, planner: Planner, fixed: Mapping[str, Value] | None = None
) -> list[Proposal]:
    """Return up to `step.n` proposals: the mission's own starting points that are left, then the planner's.

    On a plate all have the values of those that are on it already; `fixed` values that differ begin a new one.
    """
    starts, given, plate = starts_left(state)[: step.n], dict(fixed or {}), next_plate(state)
    if plate is not None:
        starts = plate.leading(starts)
        if starts:
            given |= plate.shared(starts[0].conditions)
        elif plate.suits(given):
            given = plate.values | given
    if len(starts) == step.n:
        return starts
    request = ProposalRequest(
        state.mission.problem, step.history, (*step.pending, *(p.conditions for p in starts)), step.n - len(starts),
        step.seed, given, same=() if plate is None else plate.same,
        experiments_left=step.experiments_left, cost_left=step.cost_left, earlier=state.earlier,
    )  # fmt: skip
    found = [*starts, *planner.propose(request)]
    if not found and plate is not None and plate.values:  # nothing more goes with what is on the plate
        found = list(planner.propose(replace(request, fixed=dict(fixed or {}))))
    return found

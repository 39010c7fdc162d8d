"""Experiments that are done together, as in one oven or on one plate, and have some settings in common."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import InvalidConditions, Mistake
from kgenesis.kernel.experiment import Conditions, Proposal, Value
from kgenesis.kernel.text import say


@dataclass(slots=True)
class Plate:
    """The plate on which the next experiments go."""

    number: int
    """From 1."""
    n_free: int
    """Places left on it."""
    size: int
    same: tuple[str, ...]
    """Variables that have one value on a plate."""
    values: dict[str, Value]
    """Their values; empty while nothing is on it."""

    def turn(self) -> None:
        """Go on to the next, empty plate."""
        self.number, self.n_free, self.values = self.number + 1, self.size, {}

    def shared(self, conditions: Conditions) -> dict[str, Value]:
        """Return what experiments with these conditions have in common."""
        return {name: conditions[name] for name in self.same}

    def suits(self, conditions: Mapping[str, Value]) -> bool:
        """Say whether these conditions, perhaps of only some variables, agree with what is on the plate."""
        return all(_is_same(value, conditions.get(name, value)) for name, value in self.values.items())

    def leading(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Return the first of some proposals that go together: on this plate, or on the next if none goes here."""
        together = Plate(self.number, self.n_free, self.size, self.same, dict(self.values))
        if proposals and not together.suits(proposals[0].conditions):
            together.turn()
        found: list[Proposal] = []
        for proposal in proposals[: together.n_free]:
            if not together.suits(proposal.conditions):
                break
            together.values = together.shared(proposal.conditions)
            found.append(proposal)
        return found

    def load(self, proposal: Proposal, n_places: int, *, must_suit: bool) -> int:
        """Put a proposal on the plate, or on the next if there is no place or it does not suit; return which.

        Raises:
            InvalidConditions: it does not suit, and `must_suit`.
        """
        if self.n_free < n_places:
            self.turn()
        if not self.suits(proposal.conditions):
            if must_suit:
                raise _broken(self, proposal)
            self.turn()
        self.values, self.n_free = self.shared(proposal.conditions), self.n_free - n_places
        return self.number


def next_plate(state: CampaignState) -> Plate | None:
    """Return the plate on which the next experiments go; None where the mission knows of no plates.

    That is the last one while anything on it is open and there is a place, else a new one.
    """
    batch = state.mission.batch
    if batch is None:
        return None
    everything = state.experiments.values()
    last = max((e.plate for e in everything if e.plate is not None), default=0)
    on = [e for e in everything if last and e.plate == last and e.status != "withdrawn"]
    plate = Plate(last, batch.size - len(on), batch.size, batch.same, {})
    if plate.n_free <= 0 or all(e.is_final for e in on):
        plate.turn()
    else:
        plate.values = plate.shared(on[0].conditions)
    return plate


def _is_same(a: Value, b: Value) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300)
    return a == b


def _broken(plate: Plate, proposal: Proposal) -> InvalidConditions:
    who = proposal.why.planner
    wrong = [
        Mistake(
            say(
                f"{value} on this plate, {proposal.conditions[name]} proposed",
                f"이 플레이트에서는 {value}인데 {proposal.conditions[name]}을(를) 제안했습니다",
            ),
            name,
        )
        for name, value in plate.values.items()
        if not _is_same(value, proposal.conditions[name])
    ]
    return InvalidConditions(
        say(
            f"{who} proposed experiments for one plate that differ in what a plate has in common",
            f"{who}가 한 플레이트의 실험에 서로 같아야 할 값을 다르게 제안했습니다",
        ),
        wrong,
    )

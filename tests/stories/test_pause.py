"""A campaign whose lab is out of reach pauses by itself; one whose experiments often fail by nature does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgenesis.app.campaigns import open_campaign, read_campaign
from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import Platform, open_platform
from kgenesis.app.run_campaign import CRASHES_AT_FIRST, CRASHES_LATER, Interruption, run_campaign
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.experiment import Failure, Measurement, Outcome, Result, Task
from kgenesis.kernel.text import say

MISSION = """\
kgenesis: 1
name: a-rig
title: {en: "A rig", ko: "장비"}
space:
  factors:
    - {name: x1, type: real, low: -5, high: 10, unit: mm}
    - {name: x2, type: real, low: 0, high: 15, unit: mm}
objectives: [{name: value, goal: minimize, unit: MPa}]
lab: {name: synthetic, settings: {function: branin}}
planner: random
budget: {experiments: 40}
"""
GOOD = Measurement(outcomes={"value": Outcome(mean=1.0)})
INFEASIBLE = Failure(kind="infeasible", reason=say("it falls", "넘어집니다"))


class Rig:
    """A lab whose n-th experiment ends as `answer` says; None: nobody answers."""

    name, version, is_physical, outcomes = "rig", "1", False, frozenset({"value"})

    def __init__(self, answer: Callable[[int], Result | None]) -> None:
        self.answer, self.n = answer, 0

    def measure(self, task: Task) -> Result:
        del task
        self.n += 1
        found = self.answer(self.n)
        if found is None:
            raise ConnectionRefusedError("nobody answers")
        return found


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    opened = open_platform(str(tmp_path / "store.db"))
    yield opened
    opened.store.close()


@pytest.fixture
def state(platform: Platform, tmp_path: Path) -> CampaignState:
    path = tmp_path / "rig.yaml"
    path.write_text(MISSION, encoding="utf-8")
    return open_campaign(platform, load_mission(str(path)), seed=0)


def ran(platform: Platform, state: CampaignState, answer: Callable[[int], Result | None]) -> Interruption:
    interruption = Interruption()
    run_campaign(platform, state, lab=Rig(answer), interruption=interruption, accept_lab_change=True)
    return interruption


def test_a_lab_that_never_answers_costs_five_experiments_and_the_campaign_goes_on_later(
    platform: Platform, state: CampaignState
) -> None:
    why = ran(platform, state, lambda n: None).why
    assert why is not None
    assert "nobody answers" in why.en
    assert "nobody answers" in why.ko
    assert (state.n_failed, state.stopped, state.stop_asked) == (CRASHES_AT_FIRST, None, False)
    again = read_campaign(platform, state.id)
    assert not again.running
    assert ran(platform, again, lambda n: None).why is not None, "asked again, it tries again as often"
    assert again.n_failed == 2 * CRASHES_AT_FIRST
    assert ran(platform, again, lambda n: GOOD).why is None
    assert (again.stopped, again.n_final, again.n_measured) == ("experiments", 40, 30)


def test_a_lab_that_goes_silent_on_the_way_is_noticed_after_ten(platform: Platform, state: CampaignState) -> None:
    assert ran(platform, state, lambda n: GOOD if n <= 7 else None).why is not None
    assert (state.n_measured, state.n_failed, state.stopped) == (7, CRASHES_LATER, None)


@pytest.mark.parametrize(
    "answer",
    [
        lambda n: INFEASIBLE,
        lambda n: GOOD if n % CRASHES_LATER == 0 else INFEASIBLE if n < CRASHES_LATER else None,
        lambda n: INFEASIBLE if n % CRASHES_AT_FIRST == 0 else None,
    ],
    ids=["nothing works but the lab says so", "nine crashes between measurements", "four crashes between answers"],
)
def test_a_lab_that_answers_now_and_then_is_not_stopped(
    platform: Platform, state: CampaignState, answer: Callable[[int], Result | None]
) -> None:
    assert ran(platform, state, answer).why is None
    assert (state.stopped, state.n_final) == ("experiments", 40)

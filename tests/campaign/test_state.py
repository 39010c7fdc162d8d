"""The state of a campaign is what its facts say, fact by fact."""

from datetime import UTC, datetime, timedelta

import pytest

from kgenesis.campaign import events as facts
from kgenesis.campaign.spec import Budget, Mission
from kgenesis.campaign.state import evolve, fold
from kgenesis.kernel.experiment import Failure, Measurement, Why
from kgenesis.kernel.ids import CampaignId, experiment_id
from kgenesis.kernel.text import say

CAMPAIGN = CampaignId("cmp_0123456789ab")
MISSION = Mission.model_validate({
    "name": "m", "title": "M", "lab": "python", "planner": "random", "budget": {"experiments": 6},
    "space": {"factors": [
        {"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"},
        {"type": "context", "name": "air", "low": 0, "high": 50, "unit": "degC"},
    ]},
    "objectives": [{"name": "y", "goal": "maximize", "unit": "1", "target": 0.9}],
})  # fmt: skip
BEGIN = datetime(2026, 1, 2, tzinfo=UTC)


def opened():
    return facts.CampaignOpened(
        mission=MISSION.model_dump(mode="json", exclude_defaults=True), seed=3, folder="f", lab_version="v1",
        lab_is_physical=False, versions={"kgenesis": "0.1.0"},
    )  # fmt: skip


def folded(*events, minutes=None):
    """The state after some facts, one second apart unless their minutes are given."""
    times = minutes or [i / 60 for i in range(len(events) + 1)]
    stamped = [(e, (BEGIN + timedelta(minutes=m)).isoformat()) for e, m in zip([opened(), *events], times, strict=True)]
    return fold(CAMPAIGN, stamped)


def exp(number):
    return experiment_id(CAMPAIGN, number)


def proposed(number, x=0.5, **more):
    return facts.ExperimentProposed(
        experiment=exp(number),
        number=number,
        conditions={"x": x, "air": None},
        why=Why(reason="design", planner="p"),
        **more,
    )


def started(number, attempt=1):
    return facts.ExperimentStarted(experiment=exp(number), attempt=attempt)


def measured(number, y=0.5, attempt=1, **more):
    return facts.ExperimentMeasured(
        experiment=exp(number), attempt=attempt, measurement=Measurement(outcomes={"y": y}, **more)
    )


def failed(number, kind="crashed", *, is_final=True):
    return facts.ExperimentFailed(
        experiment=exp(number), attempt=1, failure=Failure(kind=kind, reason=say("no", "안 됨")), is_final=is_final
    )


def test_a_stream_starts_with_its_opening():
    with pytest.raises(AssertionError, match="starts with"):
        fold(CAMPAIGN, [(proposed(1), BEGIN.isoformat())])
    state = folded()
    assert (state.mission, state.seed, state.budget, state.version) == (MISSION, 3, Budget(experiments=6), 1)


def test_an_experiment_goes_from_waiting_to_running_to_its_result():
    waiting = folded(proposed(1))
    assert list(waiting.waiting) == [exp(1)]
    running = folded(proposed(1), started(1))
    assert (list(running.waiting), list(running.running)) == ([], [exp(1)])
    done = folded(proposed(1), started(1), measured(1))
    assert (list(done.running), done.n_measured, done.n_final, done.n_finished_prefix) == ([], 1, 1, 1)
    assert done.experiments[exp(1)].finished_at > done.experiments[exp(1)].started_at
    assert [e.id for e in done.measured()] == [e.id for e in done.finished()] == [exp(1)]


def test_a_failure_that_is_not_final_puts_the_experiment_back_at_the_end_of_the_queue():
    state = folded(proposed(1), proposed(2), started(1), failed(1, "lost", is_final=False))
    assert list(state.waiting) == [exp(2), exp(1)]
    assert (state.experiments[exp(1)].n_retried, state.n_failed, state.spent) == (1, 0, 0)


def test_a_release_is_no_retry_and_a_doubt_is_no_place_in_the_queue():
    released = folded(proposed(1), started(1), facts.ExperimentReleased(experiment=exp(1), attempt=1))
    assert list(released.waiting) == [exp(1)]
    assert released.experiments[exp(1)].n_retried == 0
    doubted = folded(proposed(1), started(1), facts.ExperimentDoubted(experiment=exp(1), attempt=1))
    assert (list(doubted.doubted), list(doubted.waiting), list(doubted.running)) == ([exp(1)], [], [])


def test_the_finished_beginning_ends_at_the_first_gap():
    state = folded(proposed(1), proposed(2), proposed(3), measured(3), measured(1))
    assert state.n_finished_prefix == 1
    evolve(state, facts.ExperimentWithdrawn(experiment=exp(2)), BEGIN.isoformat())
    assert state.n_finished_prefix == 3


def test_failures_cost_and_withdrawn_experiments_do_not():
    state = folded(
        proposed(1), proposed(2), proposed(3), measured(1), failed(2), facts.ExperimentWithdrawn(experiment=exp(3))
    )
    assert (state.spent, state.n_counted, state.n_final, state.n_withdrawn) == (2.0, 2, 2, 1)


def test_a_second_receipt_changes_nothing():
    once = folded(proposed(1), measured(1, y=0.5))
    twice = folded(proposed(1), measured(1, y=0.5), measured(1, y=0.95), failed(1))
    assert twice.experiments == once.experiments
    assert (twice.n_measured, twice.n_failed, twice.spent, twice.reached_by) == (1, 0, 1.0, None)


def test_the_first_experiment_that_reaches_the_target_is_remembered():
    state = folded(proposed(1), proposed(2), proposed(3), measured(1, y=0.5), measured(3, y=0.95), measured(2, y=0.99))
    assert state.reached_by == exp(3)


def test_planners_see_the_context_as_it_was_measured():
    state = folded(proposed(1), measured(1, context={"air": 21.5}))
    (found,) = state.finished()
    assert found.observation().conditions == {"x": 0.5, "air": 21.5}
    assert found.conditions["air"] is None


def test_time_counts_only_while_a_runner_has_the_campaign():
    state = folded(
        facts.CampaignContinued(), proposed(1), started(1), facts.CampaignContinued(versions={"numpy": "2"}), measured(1),
        minutes=[0, 1, 2, 3, 600, 601],
    )  # fmt: skip
    assert state.seconds == 3 * 60
    assert state.versions == {"kgenesis": "0.1.0", "numpy": "2"}


def test_a_clock_that_goes_backwards_takes_no_time_away():
    assert folded(facts.CampaignContinued(), proposed(1), proposed(2), minutes=[0, 5, 8, 4]).seconds == 180


def test_extending_opens_an_ended_campaign_again():
    ended = [proposed(1), measured(1), facts.StopAsked(), facts.CampaignStopped(reason="asked")]
    assert folded(*ended).stopped == "asked"
    again = folded(*ended, facts.CampaignExtended(budget=Budget(experiments=9)))
    assert (again.stopped, again.stop_asked, again.budget.experiments) == (None, False, 9)
    assert not again.goes_on_after_target


def test_an_accepted_lab_is_the_campaigns_lab_from_then_on():
    assert folded(facts.LabChangeAccepted(lab_version="v2")).lab_version == "v2"


def test_every_fact_adds_one_to_the_version():
    state = folded(proposed(1), started(1), measured(1))
    assert state.version == 4

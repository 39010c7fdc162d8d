"""A campaign from its first fact to its last, through `app` as every door uses it, whatever comes in between."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kgenesis.app.ask_and_tell import RecordSummary, record_table, suggest
from kgenesis.app.campaigns import open_campaign, read_campaign
from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import Platform, open_platform
from kgenesis.app.run_campaign import Interruption, run_campaign
from kgenesis.app.steer import extend_campaign, stop_campaign
from kgenesis.campaign import events as happened
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import CampaignBusy, CampaignEnded, InvalidResults, LabChanged, StoreUnavailable
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Failure, Measurement, Outcome, Result, Task
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import say

PLANE = [
    {"type": "real", "name": "x1", "low": -5, "high": 10, "unit": "1"},
    {"type": "real", "name": "x2", "low": 0, "high": 15, "unit": "1"},
]
BRANIN: dict[str, Any] = {
    "kgenesis": 1,
    "name": "valley",
    "title": "Down into the valley",
    "space": {"factors": PLANE},
    "objectives": [{"name": "value", "goal": "minimize", "unit": "1"}],
    "lab": {"name": "synthetic", "settings": {"function": "branin"}},
    "planner": "random",
    "budget": {"experiments": 12},
}
Watch = Callable[[CampaignState], None]


class Bench:
    """A store in a folder, and short words for what a person does with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._n_missions = 0
        self._open: list[Platform] = []
        self.platform = self.handle()

    def handle(self) -> Platform:
        """Open the store once more, as another process would."""
        opened = open_platform(str(self.folder / "kgenesis.db"))
        self._open.append(opened)
        return opened

    def begin(self, seed: int = 7, **changes: Any) -> CampaignState:
        """Open a campaign of the mission with some changes."""
        self._n_missions += 1
        path = self.folder / f"mission-{self._n_missions}.yaml"
        path.write_text(yaml.safe_dump(BRANIN | changes), encoding="utf-8")
        return open_campaign(self.platform, load_mission(str(path)), seed)

    def run(self, state: CampaignState, executor: str = "inline", **how: Any) -> CampaignState:
        """Run it in this process."""
        return run_campaign(self.platform, state, executor=executor, **how)

    def whole(self, seed: int = 7, **changes: Any) -> CampaignState:
        """Open a campaign and run it to its end."""
        return self.run(self.begin(seed, **changes))

    def again(self, state: CampaignState) -> CampaignState:
        """Read it as a process that starts now would."""
        return read_campaign(self.handle(), state.id)

    def log(self, state: CampaignState) -> list[Event]:
        """Return what is written of it."""
        return [self.platform.vocabulary.decode(r) for r in self.platform.store.read(StreamId(state.id))]

    def close(self) -> None:
        """Close every handle."""
        for opened in self._open:
            opened.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """Make one and close it."""
    made = Bench(tmp_path)
    yield made
    made.close()


def essence(state: CampaignState) -> list[tuple[Any, ...]]:
    """Return what the same seed must give again: numbers, conditions, outcomes."""
    return [(e.number, e.conditions, e.status, outcomes_of(e.result), e.why.reason) for e in state.experiments.values()]


def outcomes_of(result: Result | None) -> Any:
    return dict(result.outcomes) if isinstance(result, Measurement) else result and (result.kind, result.reason)


def at(n: int, act: Callable[[CampaignState], object]) -> Watch:
    """Return a watcher that acts once, as soon as `n` experiments are final."""
    done: list[bool] = []

    def watch(state: CampaignState) -> None:
        if state.n_final >= n and not done:
            done.append(True)
            act(state)

    return watch


def is_drained(state: CampaignState) -> bool:
    return not (state.running or state.waiting or state.doubted)


class Scripted:
    """A lab that answers each attempt as a script says, then measures x1."""

    name = "scripted"
    version = "1"
    is_physical = False
    outcomes = frozenset({"value"})

    def __init__(self, script: Mapping[tuple[int, int], Result] = {}) -> None:
        self.script = script
        self.seen: list[tuple[int, int]] = []

    def measure(self, task: Task) -> Result:
        key = (task.seed[1], task.attempt)
        self.seen.append(key)
        return self.script.get(key, Measurement(outcomes={"value": Outcome(mean=float(task.conditions["x1"] or 0))}))


class PhysicalScripted(Scripted):
    """The same on a bench: what was started may have happened."""

    is_physical = True


def failure(kind: Any) -> Failure:
    return Failure(kind=kind, reason=say("as the script says", "대본대로"))


# From beginning to end ----------------------------------------------------------------------------------------------


def test_a_campaign_runs_until_its_target_is_reached_and_is_read_back_the_same(bench: Bench) -> None:
    target = [{"name": "value", "goal": "minimize", "unit": "1", "target": 20}]
    state = bench.whole(objectives=target, budget={"experiments": 200})
    assert state.stopped == "reached"
    assert state.reached_by == list(state.experiments)[-1]
    assert is_drained(state)
    assert bench.again(state) == state
    assert not bench.platform.store.verify().broken


def test_the_budget_ends_a_campaign_that_has_no_target(bench: Bench) -> None:
    state = bench.whole(planner="model", parallel=3, budget={"experiments": 8})
    assert (state.stopped, state.n_measured, is_drained(state)) == ("experiments", 8, True)


def test_the_same_seed_gives_the_same_campaign_and_another_gives_another(bench: Bench) -> None:
    first, second, other = bench.whole(seed=1), bench.whole(seed=1), bench.whole(seed=2)
    assert essence(first) == essence(second)
    assert essence(first) != essence(other)


def test_a_finite_space_ends_when_every_point_was_tried(bench: Bench) -> None:
    levels = {"type": "categorical", "name": "kind", "levels": ["p", "q"]}
    steps = {"type": "grid", "name": "n", "values": [1, 2, 3], "unit": "1"}
    state = bench.whole(
        space={"factors": [levels, steps]}, lab={"name": "synthetic", "settings": {"function": "flat"}}, planner="model",
        budget={"experiments": 50},
    )  # fmt: skip
    assert state.stopped == "exhausted"
    assert len({tuple(e.conditions.values()) for e in state.experiments.values()}) == len(state.experiments) == 6


def test_every_intent_stands_in_the_log_before_its_receipt(bench: Bench) -> None:
    order = [type(e) for e in bench.log(bench.whole(budget={"experiments": 2}))]
    once = [happened.ExperimentProposed, happened.ExperimentStarted, happened.ExperimentMeasured]
    assert order == [happened.CampaignOpened, happened.CampaignContinued, *once, *once, happened.CampaignStopped]


def test_a_watcher_is_told_only_what_stands_in_the_log(bench: Bench) -> None:
    seen: list[tuple[int, int]] = []

    def look(state: CampaignState) -> None:
        seen.append((state.version, len(bench.platform.store.read(StreamId(state.id)))))

    bench.run(bench.begin(parallel=2, budget={"experiments": 5}), watch=look)
    assert len(seen) >= 5
    assert all(known == written for known, written in seen)


def test_what_others_write_while_a_lab_measures_is_heeded_before_the_next_experiment(bench: Bench) -> None:
    class Impatient(Scripted):
        """While it measures the third experiment, somebody asks for an end."""

        def measure(self, task: Task) -> Result:
            if task.seed[1] == 3:
                stop_campaign(bench.handle(), state.id, "enough")
            return super().measure(task)

    state = bench.begin()
    lab = Impatient()
    bench.run(state, lab=lab, accept_lab_change=True)
    assert (state.stopped, state.n_measured, len(lab.seen)) == ("asked", 3, 3)
    assert is_drained(state)
    assert bench.again(state) == state
    bare = [type(e) for e in bench.log(state)]
    assert bare.count(happened.ExperimentMeasured) == 3
    assert bare.index(happened.StopAsked) < len(bare) - 2, "the third receipt was written after the wish"


PLUG_IN = """
from kgenesis.campaign.planners.designs import RandomPlanner

class Stumbling(RandomPlanner):
    def propose(self, request):
        if len(request.history) == 3:
            raise ZeroDivisionError("the planner stumbles")
        return super().propose(request)

def make(context):
    return Stumbling()
"""


def test_a_planner_that_fails_costs_no_result_and_leaves_a_campaign_that_goes_on(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = tmp_path / "stumbling-1.0.dist-info"
    offered.mkdir()
    (tmp_path / "stumbling.py").write_text(PLUG_IN, encoding="utf-8")
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: stumbling\nVersion: 1.0\n", encoding="utf-8")
    (offered / "entry_points.txt").write_text("[kgenesis.planners]\nstumbling = stumbling:make\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    state = bench.begin(planner="stumbling")
    with pytest.raises(ZeroDivisionError):
        bench.run(state)
    assert (state.n_measured, state.stopped) == (3, None)
    assert bench.again(state) == state
    (tmp_path / "stumbling.py").write_text(PLUG_IN.replace("== 3", "== 99"), encoding="utf-8")
    monkeypatch.delitem(sys.modules, "stumbling")
    assert essence(bench.run(state)) == essence(bench.whole())


# Being stopped, interrupted, resumed --------------------------------------------------------------------------------


def test_a_wish_to_stop_from_another_handle_is_granted_once_what_runs_is_done(bench: Bench) -> None:
    running: list[str] = []

    def ask(state: CampaignState) -> None:
        running.extend(state.running)
        stop_campaign(bench.handle(), state.id, "enough")

    state = bench.run(bench.begin(parallel=3), watch=at(4, ask))
    assert state.stopped == "asked"
    assert is_drained(state)
    assert running
    assert all(state.experiments[id_].status == "measured" for id_ in running)  # type: ignore[index]
    assert state.n_final < 12


def test_two_runners_of_one_campaign_never_meet(bench: Bench) -> None:
    refused: list[CampaignBusy] = []

    def run_too(state: CampaignState) -> None:
        other = bench.handle()
        with pytest.raises(CampaignBusy) as caught:
            run_campaign(other, read_campaign(other, state.id), executor="inline")
        refused.append(caught.value)

    state = bench.run(bench.begin(), watch=at(3, run_too))
    assert refused
    assert essence(state) == essence(bench.whole())


@pytest.mark.parametrize("n_asked", [1, 2])
@pytest.mark.parametrize("planner", ["random", "model"])
def test_a_campaign_that_was_interrupted_and_resumed_equals_one_that_was_not(
    bench: Bench, n_asked: int, planner: str
) -> None:
    changes = {"planner": planner, "parallel": 2, "budget": {"experiments": 9}}
    state = bench.begin(**changes)
    for n in (2, 5):
        interruption = Interruption()
        platform = bench.handle()
        held = read_campaign(platform, state.id)
        watch = at(n, lambda _, i=interruption: [i.ask() for _ in range(n_asked)])  # type: ignore[misc]
        run_campaign(platform, held, executor="inline", watch=watch, interruption=interruption)
        assert held.stopped is None
        assert not held.running, "an interruption leaves nothing that seems to run"
        assert n <= held.n_final < n + 3
    resumed = bench.run(bench.again(state))
    assert essence(resumed) == essence(bench.whole(**changes))
    released = [e for e in bench.log(state) if isinstance(e, happened.ExperimentReleased)]
    assert bool(released) == (n_asked == 2)


def test_a_runner_that_vanished_leaves_experiments_that_are_done_again_once(bench: Bench) -> None:
    def vanish(_: CampaignState) -> None:
        raise KeyboardInterrupt

    state = bench.begin(parallel=2)
    with pytest.raises(KeyboardInterrupt):
        bench.run(state, watch=at(5, vanish))
    left = bench.again(state)
    assert left.running, "the log says that something runs, which nobody carries any more"
    resumed = bench.run(left)
    assert essence(resumed) == essence(bench.whole(parallel=2))
    receipts = [e.experiment for e in bench.log(state) if isinstance(e, happened.ExperimentMeasured)]
    assert len(receipts) == len(set(receipts)) == 12


def test_what_was_started_on_a_bench_when_the_runner_vanished_is_asked_about_not_done_again(bench: Bench) -> None:
    lab = PhysicalScripted()

    def vanish(_: CampaignState) -> None:
        raise KeyboardInterrupt

    state = bench.begin(budget={"experiments": 3})
    path = bench.folder / "mission-1.yaml"
    state = open_campaign(bench.platform, load_mission(str(path)), 7, lab=lab)
    with pytest.raises(KeyboardInterrupt):
        # the second experiment is started and never comes back
        bench.run(state, lab=lab, watch=lambda s: vanish(s) if s.n_final == 1 and s.running else None)
    interruption = Interruption()
    interruption.ask()
    left = bench.run(bench.again(state), lab=lab, interruption=interruption)
    (doubted,) = left.doubted
    assert [number for number, _ in lab.seen].count(left.experiments[doubted].number) == 0
    record_table(bench.platform, left, ["experiment", "value"], [[doubted, 3.0]])
    ended = bench.run(left, lab=lab)
    assert (ended.stopped, ended.n_measured) == ("experiments", 3)


def test_a_larger_budget_opens_an_ended_campaign_again_and_gives_what_it_would_have_given(bench: Bench) -> None:
    state = bench.whole(planner="model", budget={"experiments": 6})
    extend_campaign(bench.platform, state, experiments=9)
    assert state.stopped is None
    assert essence(bench.run(state)) == essence(bench.whole(planner="model", budget={"experiments": 9}))


def test_a_campaign_goes_on_after_its_target_if_its_budget_is_raised(bench: Bench) -> None:
    target = [{"name": "value", "goal": "minimize", "unit": "1", "target": 1000}]
    state = bench.whole(objectives=target)
    assert (state.stopped, state.n_final) == ("reached", 1)
    extend_campaign(bench.platform, state, experiments=5)
    assert (bench.run(state).stopped, state.n_final) == ("experiments", 5)


def test_a_lab_that_changed_is_refused_until_somebody_says_to_go_on(bench: Bench) -> None:
    lab = Scripted()
    path = bench.folder / "valley.yaml"
    path.write_text(yaml.safe_dump(BRANIN), encoding="utf-8")
    state = open_campaign(bench.platform, load_mission(str(path)), 7, lab=lab)
    lab.version = "2"
    with pytest.raises(LabChanged):
        bench.run(state, lab=lab)
    assert bench.run(state, lab=lab, accept_lab_change=True).stopped == "experiments"


# Failures -----------------------------------------------------------------------------------------------------------


def test_failures_are_results_and_count(bench: Bench) -> None:
    lab = {"name": "synthetic", "settings": {"function": "branin", "failure_rate": 0.4, "infeasible_above": 60}}
    state = bench.whole(lab=lab, planner="model", budget={"experiments": 20})
    kinds = {e.failure.kind for e in bench.log(state) if isinstance(e, happened.ExperimentFailed)}
    assert kinds == {"crashed", "infeasible"}
    assert state.n_failed + state.n_measured == 20
    assert not any(e.n_retried for e in state.experiments.values()), "neither kind would go better a second time"


def test_lost_and_late_experiments_are_tried_again_as_often_as_the_mission_says(bench: Bench) -> None:
    lab = Scripted({
        (1, 1): failure("lost"),
        (2, 1): failure("timed-out"), (2, 2): failure("lost"),
        (3, 1): failure("timed-out"), (3, 2): failure("timed-out"), (3, 3): failure("timed-out"),
        (4, 1): failure("crashed"),
    })  # fmt: skip
    state = bench.run(bench.begin(retries=2, budget={"experiments": 5}), lab=lab, accept_lab_change=True)
    first, second, third, fourth, fifth = state.experiments.values()
    assert [e.status for e in (first, second, third, fourth, fifth)] == [
        "measured", "measured", "failed", "failed", "measured"
    ]  # fmt: skip
    assert [e.attempt for e in (first, second, third, fourth, fifth)] == [2, 3, 3, 1, 1]
    finals = [(e.attempt, e.is_final) for e in bench.log(state) if isinstance(e, happened.ExperimentFailed)]
    assert sorted(finals) == [(1, False), (1, False), (1, False), (1, True), (2, False), (2, False), (3, True)]


def test_a_lost_experiment_on_a_bench_is_never_tried_again(bench: Bench) -> None:
    lab = PhysicalScripted({(1, 1): failure("lost")})
    path = bench.folder / "valley.yaml"
    path.write_text(yaml.safe_dump(BRANIN | {"retries": 3, "budget": {"experiments": 2}}), encoding="utf-8")
    state = open_campaign(bench.platform, load_mission(str(path)), 7, lab=lab)
    assert bench.run(state, lab=lab).n_failed == 1
    assert lab.seen == [(1, 1), (2, 1)]


@pytest.mark.parametrize("what", ["full", pytest.param("read-only", marks=pytest.mark.slow)])
def test_a_disk_that_takes_no_more_ends_the_run_and_nothing_that_was_stored_is_lost(bench: Bench, what: str) -> None:
    def spoil(_: CampaignState) -> None:
        engine = bench.platform.store._database.engine
        with engine.connect() as one, engine.connect() as other:
            for connection in (one, other):
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
                limit = f"max_page_count={pages}" if what == "full" else "query_only=1"
                connection.exec_driver_sql(f"PRAGMA {limit}")

    def mend() -> None:
        engine = bench.platform.store._database.engine
        with engine.connect() as one, engine.connect() as other:
            for connection in (one, other):
                connection.exec_driver_sql("PRAGMA query_only=0")
                connection.exec_driver_sql("PRAGMA max_page_count=1000000")

    state = bench.begin(planner="model", budget={"experiments": 60})
    with pytest.raises(StoreUnavailable):
        bench.run(state, watch=at(3, spoil))
    mend()
    left = bench.again(state)
    assert 3 <= left.n_final < 60
    platform = bench.handle()
    extend_campaign(platform, left, experiments=left.n_final + 4)
    resumed = once_free(lambda: run_campaign(platform, left, executor="inline"))
    assert resumed.stopped == "experiments"
    assert not platform.store.verify().broken
    assert essence(resumed) == essence(bench.whole(planner="model", budget={"experiments": resumed.n_final}))


def once_free(act: Callable[[], CampaignState], patience: float = 30.0) -> CampaignState:
    """Do it as soon as nobody holds the campaign: a lease that could not be given back is, once the store takes it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return act()
        except CampaignBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


# People -------------------------------------------------------------------------------------------------------------


def told(bench: Bench, state: CampaignState, rows: list[tuple[str, float]]) -> RecordSummary:
    return record_table(bench.platform, state, ["experiment", "value"], rows)


def test_people_bring_results_in_any_order_and_the_campaign_ends_with_the_last(bench: Bench) -> None:
    state = bench.begin(lab="people", budget={"experiments": 4})
    first = suggest(bench.platform, state, 3)
    assert [e.number for e in first] == [1, 2, 3]
    summary = told(bench, state, [(first[2].id, 3.0), (first[0].id, 1.0)])
    assert summary.answered == [first[2].id, first[0].id]
    (last,) = suggest(bench.platform, state, 3)
    assert last.number == 4
    told(bench, state, [(last.id, 0.5), (first[1].id, 2.0)])
    assert (state.stopped, state.n_measured) == ("experiments", 4)
    with pytest.raises(CampaignEnded):
        suggest(bench.platform, state, 1)


def test_proposals_are_spread_and_know_what_is_under_way(bench: Bench) -> None:
    state = bench.begin(lab="people", planner="model", budget={"experiments": 30})
    for _ in range(3):
        for e in suggest(bench.platform, state, 4):
            told(bench, state, [(e.id, float(e.conditions["x1"] or 0))])
    batch = [*suggest(bench.platform, state, 4), *suggest(bench.platform, state, 4)]
    assert len({tuple(e.conditions.values()) for e in batch}) == 8


def test_results_nobody_asked_for_are_taken_and_learned_from(bench: Bench) -> None:
    state = bench.begin(lab="people")
    header = ["x1", "x2", "value"]
    summary = record_table(bench.platform, state, header, [[1.5, 2.5, 9.0], [0.5, 12.0, 4.0]])
    assert len(summary.added) == 2
    assert [e.why.reason for e in state.experiments.values()] == ["person", "person"]
    assert [e.number for e in suggest(bench.platform, state, 1)] == [3]
    assert bench.again(state) == state


def test_a_result_without_an_id_answers_the_proposal_with_the_same_conditions(bench: Bench) -> None:
    state = bench.begin(lab="people")
    (asked,) = suggest(bench.platform, state, 1)
    summary = record_table(
        bench.platform, state, ["x1", "x2", "value"], [[asked.conditions["x1"], asked.conditions["x2"], 5.0]]
    )
    assert (summary.answered, summary.added) == ([asked.id], [])


def test_a_result_brought_twice_is_refused_and_so_is_all_that_came_with_it(bench: Bench) -> None:
    state = bench.begin(lab="people")
    one, two = suggest(bench.platform, state, 2)
    told(bench, state, [(one.id, 1.0)])
    before = bench.log(state)
    for rows in (
        [(two.id, 2.0), (one.id, 1.0)],
        [(two.id, 2.0), (two.id, 2.5)],
        [(two.id, 2.0), ("exp_other_00001", 1.0)],
    ):
        with pytest.raises(InvalidResults):
            told(bench, state, rows)
    assert bench.log(state) == before


# In real processes --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_worker_or_two_make_the_same_campaign_if_as_many_experiments_may_run_at_a_time(bench: Bench) -> None:
    lab = {"name": "synthetic", "settings": {"function": "branin", "noise": 0.3, "seconds": 0.02}}
    changes = {"lab": lab, "planner": "model", "parallel": 2}
    one = bench.run(bench.begin(**changes), executor="pool", n_workers=1)
    two = bench.run(bench.begin(**changes), executor="pool", n_workers=2)
    assert essence(one) == essence(two) == essence(bench.whole(**changes))


@pytest.mark.slow
def test_an_experiment_that_takes_too_long_is_stopped_tried_again_and_then_failed(bench: Bench) -> None:
    lab = {"name": "synthetic", "settings": {"function": "branin", "seconds": 60}}
    state = bench.run(bench.begin(lab=lab, timeout=0.3, retries=1, budget={"experiments": 1}), executor="pool")
    failed = [e for e in bench.log(state) if isinstance(e, happened.ExperimentFailed)]
    assert [(e.failure.kind, e.attempt, e.is_final) for e in failed] == [
        ("timed-out", 1, False),
        ("timed-out", 2, True),
    ]
    assert state.stopped == "experiments"

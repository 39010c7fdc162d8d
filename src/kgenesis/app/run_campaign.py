"""Run a campaign: carry out what `campaign.decide` says, one step at a time, until it ends or is interrupted."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kgenesis.app.campaigns import append, catch_up, check_lab, lab_of, read_again
from kgenesis.app.platform import Platform, make_planner, plugin_context, versions
from kgenesis.campaign import decide
from kgenesis.campaign.choosing import chosen
from kgenesis.campaign.events import CampaignContinued
from kgenesis.campaign.state import CampaignState, evolve
from kgenesis.kernel.errors import Conflict
from kgenesis.kernel.events import Event, time_now
from kgenesis.kernel.experiment import Failure, FileRef, Result, Task
from kgenesis.kernel.ids import ExperimentId, StreamId
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import Executor, Lab, LabRecipe, Planner
from kgenesis.kernel.text import Text, say
from kgenesis.store import Lease

Watcher = Callable[[CampaignState], None]
"""Told after every change, once it is written, and every half second while nothing changes."""

TICK = 0.5
"""Seconds between looks at what other processes wrote."""
PATIENCE = 0.02
"""Seconds a receipt may wait for the proposal that follows from it, to be written together."""


CRASHES = frozenset({"crashed", "lost", "timed-out"})
"""Failures that may be the lab's own: it raised, vanished or hung. One that says `infeasible` is there and answers."""
CRASHES_AT_FIRST, CRASHES_LATER = 5, 10
"""So many in a row pause a campaign: where nothing was measured yet, and where something was. If by its nature every
second experiment of a lab crashes, ten in a row are met once in about 2,000 experiments."""


class Interruption:
    """A wish to stop: once to finish what runs, twice to release it."""

    def __init__(self) -> None:
        self.n_asked = 0
        self.why: Text | None = None
        """What the runner has to say, if the wish is its own."""

    def ask(self, why: Text | None = None) -> None:
        """Ask once more."""
        self.n_asked += 1
        self.why = self.why or why

    @property
    def is_asked(self) -> bool:
        """Whether nothing new may be started."""
        return self.n_asked > 0

    @property
    def is_urgent(self) -> bool:
        """Whether what runs must be released now."""
        return self.n_asked > 1


def run_campaign(
    platform: Platform,
    state: CampaignState,
    *,
    n_workers: int | None = None,
    executor: str = "pool",
    lab: Lab | None = None,
    watch: Watcher = lambda state: None,
    interruption: Interruption | None = None,
    accept_lab_change: bool = False,
) -> CampaignState:
    """Run a campaign from where it stands until it ends; the state is changed in place and returned.

    It pauses by itself, as if asked to, when experiments crash one after another: `interruption.why` then says so.

    Args:
        platform: the store it lives in.
        state: as read from the store.
        n_workers: processes; as many as the mission runs in parallel if not given.
        executor: name of the executor plug-in.
        lab: an object to measure with, in this process, instead of the mission's own lab.
        watch: told about every change.
        interruption: lets another thread (a signal handler) ask for an end; the campaign can be resumed.
        accept_lab_change: go on although the lab's version differs from the one the campaign began with.

    Raises:
        CampaignBusy: another process runs it.
        LabChanged: the lab has another version.
    """
    interruption = interruption or Interruption()
    if state.stopped is not None:
        return state
    with platform.store.lease(StreamId(state.id)) as lease:
        catch_up(platform, state)
        check_lab(platform, state, lab or lab_of(state), accept_change=accept_lab_change)
        append(platform, state, [CampaignContinued(versions=versions())], lease.fence)
        n_workers = min(n_workers or state.mission.parallel, state.mission.parallel)
        carrier = _executor(state, "inline" if lab else executor, n_workers, lab)
        runner = _Runner(platform, state, lease, carrier, watch, interruption)
        try:
            runner.run()
        finally:
            carrier.close(wait=False)
    return state


def _executor(state: CampaignState, name: str, n_workers: int, lab: Lab | None) -> Executor:
    mission = state.mission
    problem = mission.problem.model_dump(mode="json")
    problem["space"]["candidates"] = None  # a lab measures one point; it has no use for the list of all
    recipe = LabRecipe(mission.lab.name, mission.lab.settings, problem, state.folder)
    settings = {"recipe": recipe, "n_workers": n_workers} | ({"lab": lab} if lab else {})
    made: Executor = make_plugin("executors", name, plugin_context(mission.problem, settings, Path(state.folder)))
    return made


class _Runner:
    """One run of a campaign by this process, which holds its lease.

    A receipt, the proposals that follow from it and their intents are written at once, as an append waits for the
    disk: facts are added to the state as they come about, and to the log before anything follows from them outside
    (a task leaves), and before anything that takes time.
    """

    def __init__(
        self, platform: Platform, state: CampaignState, lease: Lease, carrier: Executor, watch: Watcher,
        interruption: Interruption,
    ) -> None:  # fmt: skip
        self.platform, self.state, self.lease, self.carrier = platform, state, lease, carrier
        self.watch, self.interruption = watch, interruption
        self.planner = planner_of(state)
        self.began = time.monotonic() - state.seconds
        self.planned_in = math.inf
        """Seconds the planner took last."""
        self.unwritten: list[tuple[Event, str]] = []
        """Facts in the state that are not in the log yet, and when they came about."""
        self.results: list[tuple[ExperimentId, int, Result]] = []
        """Those whose receipts are among them."""
        self.n_crashes = 0
        """In a row, the latest results of this run."""

    def run(self) -> None:
        self._write_all(lambda: decide.recovered(self.state, self.carrier.carries()))
        try:
            while self.state.stopped is None or self.unwritten:
                if not self.unwritten:
                    self.watch(self.state)
                if self.interruption.is_asked and (self.interruption.is_urgent or not self.state.running):
                    self._release()
                    return
                self._carry_out(decide.next_steps(self.state, time.monotonic() - self.began))
            self.watch(self.state)
        finally:
            self._settle()

    def _carry_out(self, steps: Sequence[decide.Step]) -> None:
        submits = [step for step in steps if isinstance(step, decide.Submit)]
        match steps:
            case []:
                self._write()
            case _ if self.interruption.is_asked:
                self._collect()
            case [decide.Propose() as step, *_]:
                self._propose(step)
            case [decide.Submit(), *_]:
                self._submit([step.task for step in submits])
            case [decide.Wait(), *_]:
                self._collect()
            case [decide.Stop(reason), *_]:
                self._note(decide.stopped(self.state, reason))

    def _propose(self, step: decide.Propose) -> None:
        if self.unwritten and (self.planned_in > PATIENCE or self.state.lab_is_physical):
            self._write()
            return
        began = time.monotonic()
        proposals = chosen(self.state, step, self.planner)
        self.planned_in = time.monotonic() - began
        if proposals:
            self._note(decide.proposed(self.state, proposals))
        elif self.state.running:
            self._collect()
        else:
            self._note(decide.stopped(self.state, "exhausted"))

    def _submit(self, tasks: Sequence[Task]) -> None:
        """Write the intents, then let the tasks go."""
        for task in tasks:
            self._note(decide.started(task))
        if not self._write():
            return
        folder = self.platform.folder / "experiments" / self.state.id
        for task in tasks:
            self.carrier.submit(dataclasses.replace(task, folder=folder / task.experiment))

    def _collect(self) -> None:
        if self.unwritten:
            self._write()
            return
        found = self.carrier.collect(TICK)
        if not found:
            self._catch_up()
            return
        self.results = [(id_, attempt, self._keep_files(id_, result)) for id_, attempt, result in found]
        self._note_receipts()
        for _, _, result in found:
            self._listen(result)

    def _listen(self, result: Result) -> None:
        """Pause if the lab seems to be out of reach: the rest of the budget would go the same way."""
        if not isinstance(result, Failure) or result.kind not in CRASHES:
            self.n_crashes = 0
            return
        self.n_crashes += 1
        if self.interruption.is_asked or self.n_crashes < (
            CRASHES_LATER if self.state.n_measured else CRASHES_AT_FIRST
        ):
            return
        lab, n, last = self.state.mission.lab.name, self.n_crashes, result.reason
        self.interruption.ask(
            say(
                f"the last {n} experiments crashed one after another, as if the lab {lab} were out of reach; the last "
                f"one said: {last.en}",
                f"최근 실험 {n}개가 잇달아 고장으로 끝났습니다. 실험실 {lab}에 닿지 못하는 듯합니다. 마지막 이유: {last.ko}",
            )
        )

    def _keep_files(self, experiment: ExperimentId, result: Result) -> Result:
        """Put the files an experiment left into the store, by content."""
        if not result.files:
            return result
        folder = self.platform.folder / "experiments" / self.state.id / experiment
        kept = []
        for file in result.files:
            path = folder / file.name
            if not file.sha256 and path.is_file():
                kept.append(
                    FileRef(name=file.name, sha256=self.platform.store.blobs.put(path), size=path.stat().st_size)
                )
            else:
                kept.append(file)
        return result.model_copy(update={"files": tuple(kept)})

    def _release(self) -> None:
        """Give up what still runs: it will be done again (or asked about) when the campaign is resumed."""
        self.carrier.close(wait=False)
        self._write_all(lambda: decide.recovered(self.state, frozenset()))
        self.watch(self.state)

    # ---- facts -----------------------------------------------------------------------------------------------------

    def _note(self, events: Sequence[Event]) -> None:
        """Add facts to the state; the next `_write` takes them to the log."""
        for event in events:
            at = time_now()
            evolve(self.state, event, at)
            self.unwritten.append((event, at))

    def _note_receipts(self) -> None:
        for found in self.results:
            self._note(decide.resolved(self.state, *found))

    def _write(self) -> bool:
        """Append what was noted, all or none.

        Returns:
            False if somebody else wrote first, perhaps a wish to stop: then only the receipts are noted again, on what
            the log says now, and everything else must be decided anew.

        Raises:
            Conflict: the lease is no longer ours.
        """
        if not self.unwritten:
            return True
        events, at = zip(*self.unwritten, strict=True)
        version = self.state.version - len(events)
        try:
            self.platform.store.append(StreamId(self.state.id), version, events, self.lease.fence, at)
        except Conflict:
            self.lease.renew()
            read_again(self.platform, self.state)
            self.unwritten.clear()
            self._note_receipts()
            return False
        self.unwritten.clear()
        self.results.clear()
        return True

    def _write_all(self, events: Callable[[], Sequence[Event]] = lambda: ()) -> None:
        """Append what was noted and what `events` makes of the state, again on what others wrote meanwhile."""
        self._note(events())
        while not self._write():
            self._note(events())

    def _settle(self) -> None:
        """Leave the state as the log has it; what a lab found is not lost to an error of a planner or a watcher."""
        try:
            self._write_all()
        except BaseException:
            read_again(self.platform, self.state)
            raise

    def _catch_up(self) -> None:
        """Read what others wrote; raises Conflict if the lease is no longer ours."""
        self.lease.renew()
        catch_up(self.platform, self.state)


def planner_of(state: CampaignState) -> Planner:
    """Return the campaign's planner."""
    return make_planner(state.mission.problem, state.mission.planner, Path(state.folder))

"""The same campaigns from Python: run them, or ask and tell with dictionaries or DataFrames."""

import hashlib
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from kgenesis.app import ask_and_tell, mission_files
from kgenesis.app.campaigns import open_campaign as write_first_fact
from kgenesis.app.campaigns import read_campaign
from kgenesis.app.exchange.frames import framed, rows_of
from kgenesis.app.mission_files import LoadedMission, check_mission, with_candidates
from kgenesis.app.platform import Platform, open_platform
from kgenesis.app.run_campaign import Interruption, Watcher, run_campaign
from kgenesis.campaign.sentences import why_of
from kgenesis.campaign.spec import Choice, Mission
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import KGenesisError, NotFound
from kgenesis.kernel.experiment import Measurement, Result, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.text import Lang, lang_of_environment, say

if TYPE_CHECKING:
    from kgenesis.campaign.report_parts import Report

Measure = Callable[[dict[str, Value]], Any]
"""A function from conditions to outcomes: numbers by name, a `Measurement` or a `Failure`."""

MissionLike = Mission | Mapping[str, Any] | str | Path
"""A mission, its content as a dictionary, the path of its file, or the name of a built-in one."""


def load_mission(mission: MissionLike) -> Mission:
    """Return a mission, checked whole: schema, units, and that a feasible point exists.

    Raises:
        NotFound, InvalidSpec, InfeasibleSpace: it is not valid.
    """
    return _loaded(mission).mission


def _loaded(mission: MissionLike) -> LoadedMission:
    if isinstance(mission, str | Path):
        return mission_files.load_mission(str(mission))
    if not isinstance(mission, Mission):
        mission = mission_files.validated(dict(mission))
    mission = with_candidates(mission, Path.cwd())
    check_mission(mission)
    return LoadedMission(mission, Path.cwd(), mission.name)


def open_campaign(mission: MissionLike, *, seed: int = 0, store: str | Path | None = None) -> "Campaign":
    """Open a campaign to ask and tell: `propose` experiments, do them, `record` what came out.

    Args:
        mission: see `MissionLike`.
        seed: decides every random choice.
        store: where the campaign is kept; the user's data folder if not given.
    """
    platform = open_platform(None if store is None else str(store))
    return Campaign(platform, write_first_fact(platform, _loaded(mission), seed))


def run(
    mission: MissionLike,
    measure: Measure | None = None,
    *,
    seed: int = 0,
    workers: int | None = None,
    budget: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
) -> "Campaign":
    """Run a campaign to its end and return it.

    Args:
        mission: see `MissionLike`.
        measure: a Python function to measure with, in this process, instead of the mission's lab.
        seed: decides every random choice.
        workers: processes that measure, and how many experiments run in parallel; the mission's own number if not
            given.
        budget: experiments, instead of the mission's own number.
        store: where the campaign is kept; the user's data folder if not given.
        progress: show how it goes.
    """
    loaded = _loaded(mission)
    changes: dict[str, Any] = {}
    if workers is not None:
        changes["parallel"] = workers
    if budget is not None:
        changes["budget"] = loaded.mission.budget.model_copy(update={"experiments": budget})
    lab = None if measure is None else FunctionOfCaller(measure)
    if lab is not None:
        changes["lab"] = Choice(name="python", settings={"function": lab.source, "version": lab.version})
    changed = loaded.mission.model_copy(update=changes)
    platform = open_platform(None if store is None else str(store))
    state = write_first_fact(
        platform, LoadedMission(changed, loaded.folder, loaded.source, loaded.is_builtin), seed, lab=lab
    )
    campaign = Campaign(platform, state)
    campaign.run(measure, progress=progress)
    return campaign


class FunctionOfCaller:
    """A lab that is a Python function of this process; another process cannot make it again."""

    name = "python"
    is_physical = False
    outcomes = None

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.source = f"{getattr(measure, '__module__', '?')}:{getattr(measure, '__qualname__', repr(measure))}"

    @property
    def version(self) -> str:
        """A hash of the function's source, or of its compiled code where there is no source."""
        try:
            code = inspect.getsource(self._measure).encode()
        except (OSError, TypeError):
            code = getattr(getattr(self._measure, "__code__", None), "co_code", b"")
        return hashlib.sha256(code).hexdigest()[:12]

    def measure(self, task: Task) -> Result:
        """Call the function."""
        found = self._measure(dict(task.conditions))
        return Measurement.model_validate({"outcomes": dict(found)}) if isinstance(found, Mapping) else found


class Campaign:
    """A campaign as Python sees it; in a notebook it shows itself."""

    def __init__(self, platform: Platform, state: CampaignState) -> None:
        self._platform = platform
        self.state = state
        """Where it stands, with every experiment."""

    @classmethod
    def resume(cls, name: str = "last", *, store: str | Path | None = None) -> Self:
        """Return a campaign that was opened before, by its id, the beginning of it, or `last`."""
        platform = open_platform(None if store is None else str(store))
        return cls(platform, read_campaign(platform, name))

    @property
    def id(self) -> str:
        """Its id."""
        return self.state.id

    # ---- ask and tell ----------------------------------------------------------------------------------------------

    def propose(
        self,
        n: int | None = None,
        *,
        fixed: Mapping[str, Value] | None = None,
        redo: bool = False,
        frame: Literal["pandas", "polars"] | None = None,
    ) -> Any:
        """Return `n` experiments to do next: dictionaries with `experiment` and every factor, or a DataFrame.

        Args:
            n: how many, one if not given; fewer come back where the budget or a finite space ends.
            fixed: values the proposals must have, e.g. today's context or the solvent at hand.
            redo: withdraw what was proposed and not started, and propose as many anew, or `n`.
            frame: return a DataFrame of this library instead of a list.

        Raises:
            CampaignEnded: nothing is left to propose.
        """
        framed([], frame)  # a library that is not there is found out before anything is written
        experiments = ask_and_tell.suggest(self._platform, self.state, n, fixed, redo=redo)
        rows = [{"experiment": e.id, **e.conditions} for e in experiments]
        return framed(rows, frame)

    def why(self, experiment: str, *, lang: Lang | None = None) -> str:
        """Return in sentences why an experiment was proposed; as data it is `state.experiments[id].why`.

        Raises:
            NotFound: the campaign has no such experiment.
        """
        found = self.state.experiments.get(ExperimentId(experiment))
        if found is None:
            raise NotFound(
                say(
                    f"{experiment} is not an experiment of {self.id}",
                    f"{experiment}은(는) {self.id}의 실험이 아닙니다",
                )
            )
        return why_of(self.state, found).in_(lang or lang_of_environment())

    def record(self, results: "Mapping[str, Any] | Iterable[Mapping[str, Any]] | Any") -> ask_and_tell.RecordSummary:
        """Take results, all or none, in any order, also of experiments nobody asked for.

        Args:
            results: a dictionary, a list of them, or a pandas or polars DataFrame. Columns as on a results sheet:
                `experiment` (or else all factors), each outcome, optionally `<outcome> sem` and `<outcome> n`, or
                `failure`, `note`.

        Raises:
            InvalidResults: something cannot be taken; then nothing was.
        """
        rows = rows_of(results)
        header = list(dict.fromkeys(name for row in rows for name in row))
        return ask_and_tell.record_table(
            self._platform, self.state, header, [[row.get(name) for name in header] for row in rows]
        )

    def change(
        self, mission: MissionLike | None = None, *, was: Mapping[str, Value] | None = None, **edits: Any
    ) -> list[str]:
        """Go on with a changed mission; what was measured stays known. Return what differs, in words.

        Args:
            mission: the mission from now on; the present one if not given.
            was: the value of each added factor in all experiments so far.
            edits: small changes on top: `low`, `high`, `hold`, `target` as `{name: value}`, `add_level`, `drop_level`
                as `[(factor, level), …]`.

        Raises:
            InvalidSpec: the campaign cannot go on like that; nothing is written.
        """
        from kgenesis.app.change import Edits, change_campaign

        file, content = None, None
        if isinstance(mission, str | Path):
            file = Path(mission)
        elif mission is not None:
            content = mission.model_dump(mode="json") if isinstance(mission, Mission) else mission
        done = change_campaign(self._platform, self.state, file, edits=Edits(**edits), content=content, was=was)
        return [text.in_(lang_of_environment()) for text in done.differences]

    # ---- running ---------------------------------------------------------------------------------------------------

    def run(self, measure: Measure | None = None, *, workers: int | None = None, progress: bool = True) -> Self:
        """Run it, from where it stands, until it ends; Ctrl-C leaves it ready to be run again.

        So does a lab that seems to be out of reach: a `RuntimeWarning` says why the campaign has paused.
        """
        interruption = Interruption()
        try:
            run_campaign(
                self._platform,
                self.state,
                n_workers=workers,
                lab=None if measure is None else FunctionOfCaller(measure),
                watch=_watcher(self) if progress else (lambda state: None),
                interruption=interruption,
            )
        finally:
            if progress:
                sys.stderr.write("\n")
        if interruption.why is not None:
            why = interruption.why.in_(lang_of_environment())
            warnings.warn(f"{self.id}: {why}", RuntimeWarning, stacklevel=2)
        return self

    # ---- looking ---------------------------------------------------------------------------------------------------

    @property
    def best(self) -> dict[str, Any] | None:
        """The best experiment so far: `experiment`, its conditions and outcomes; None if nothing counts yet."""
        from kgenesis.app.report import best_experiment

        found = best_experiment(self.state)
        return None if found is None else _row(found)

    @property
    def experiments(self) -> list[dict[str, Any]]:
        """Every experiment so far as a flat dictionary."""
        return [_row(e) for e in self.state.experiments.values()]

    def to_frame(self, library: Literal["pandas", "polars"] = "pandas") -> Any:
        """Return every experiment as a DataFrame."""
        return framed(self.experiments, library)

    def make_report(self) -> "Report":
        """Return the report as data."""
        from kgenesis.app.report import make_report

        return make_report(self._platform, self.state)

    def report(self, path: str | Path | None = None, *, lang: Lang | None = None) -> Path:
        """Write the report as one HTML file that opens offline; return its path."""
        from kgenesis.app.report import write_report

        folder = None if path is None else Path(path)
        written = write_report(self._platform, self.state, folder, lang or lang_of_environment())
        return written["html"]

    def __repr__(self) -> str:
        state = self.state
        ended = f"ended: {state.stopped}" if state.stopped else "open"
        return f"<Campaign {state.id} of {state.mission.name}: {state.n_measured} measured, {state.n_failed} failed, {ended}>"

    def _repr_html_(self) -> str:
        from kgenesis.app.report import make_report
        from kgenesis.campaign.page import to_fragment

        return to_fragment(make_report(self._platform, self.state), lang_of_environment())


def _row(experiment: Experiment) -> dict[str, Any]:
    row: dict[str, Any] = {"experiment": experiment.id, "status": experiment.status, **experiment.conditions}
    result = experiment.result
    if isinstance(result, Measurement):
        row |= {name: outcome.mean for name, outcome in result.outcomes.items()}
    elif result is not None:
        row |= {"failure": result.kind, "reason": result.reason.in_(lang_of_environment())}
    return row


def _watcher(campaign: Campaign) -> Watcher:
    """Return what shows progress: a cell that redraws itself in a notebook, else one line on stderr."""
    handle = None
    if "ipykernel" in sys.modules:
        from IPython.display import display

        handle = display(campaign, display_id=True)  # type: ignore[no-untyped-call]
    last = 0.0

    def watch(state: CampaignState) -> None:
        nonlocal last
        if time.monotonic() - last < 1.0 and state.stopped is None:
            return
        last = time.monotonic()
        if handle is not None:
            handle.update(campaign)
        else:
            done, total = state.n_final, state.budget.experiments
            line = say(
                f"{done}/{total} experiments, {state.n_failed} failed", f"실험 {done}/{total}, 실패 {state.n_failed}"
            )
            sys.stderr.write(f"\r{line.in_(lang_of_environment())}")
            sys.stderr.flush()

    return watch


__all__ = ["Campaign", "KGenesisError", "load_mission", "open_campaign", "run"]

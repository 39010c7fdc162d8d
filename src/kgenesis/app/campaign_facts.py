"""What missions and the scoreboard take from a campaign's log: one fold each, and no surrogate."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kgenesis.app.campaigns import read_campaign
from kgenesis.app.platform import Platform
from kgenesis.app.reference import find_reference
from kgenesis.campaign.acceleration import at_level
from kgenesis.campaign.baselines import Baseline, Level
from kgenesis.campaign.metrics import Curve
from kgenesis.campaign.spec import canonical_hash
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import KGenesisError
from kgenesis.kernel.experiment import Failure, Measurement
from kgenesis.kernel.ids import CampaignId, ExperimentId
from kgenesis.kernel.text import Text, say
from kgenesis.missions.gain import Factor, Pooled, pooled

GPU_HOURS = "gpu_hours"
"""What a laboratory calls the GPU-hours of an experiment in its metadata."""
KRW = frozenset({"KRW", "원"})


@dataclass(frozen=True, slots=True)
class Result:
    """One finished experiment."""

    experiment: ExperimentId
    at: str
    is_failure: bool
    outcomes: Mapping[str, float]
    """Means in the mission file's units, where it is a full experiment that keeps every constraint."""
    cost: float
    """In the mission file's unit of cost."""
    gpu_hours: float
    """NaN if the laboratory logged none."""


@dataclass(frozen=True)
class CampaignFacts:
    """A campaign as missions see it."""

    state: CampaignState
    known: Baseline | None
    """What it is compared with: a measured or exact reference; None if there is none."""
    why_no_reference: Text | None
    """Why it is compared with nothing; None if it is."""

    @property
    def id(self) -> CampaignId:
        """Its id."""
        return self.state.id

    @property
    def is_in_won(self) -> bool:
        """Whether its mission file gives the cost of an experiment in KRW."""
        return self.state.mission.cost.unit in KRW

    @cached_property
    def results(self) -> Sequence[Result]:
        """Its finished experiments, in order of time."""
        return sorted((_result(self.state, e) for e in self.state.finished()), key=lambda result: result.at)

    @cached_property
    def factor(self) -> tuple[str, Factor] | None:
        """The acceleration factor at the target of the mission file, with the time it was settled.

        None while the campaign runs and has not reached the target, and wherever there is no such factor.
        """
        state, known = self.state, self.known
        if known is None or (state.reached_by is None and state.stopped is None):
            return None
        problem = state.mission.problem
        curve = Curve(problem, known.corner).update(state)
        if not curve.n:
            return None
        found = at_level(problem, known, curve, Level("target", math.nan))
        if found.value is None:
            return None
        low, high = found.interval
        bound = {"reference": "at-least", "campaign": "at-most"}.get(found.censored or "")
        made_by = known.reference
        factor = Factor(
            found.value, low or 0.0, math.inf if high is None else high,
            f"{made_by.key}/{made_by.lab_version}/{made_by.kind}", bound,  # type: ignore[arg-type]
        )  # fmt: skip
        reached = None if state.reached_by is None else state.experiments[state.reached_by].finished_at
        return reached or state.last_at, factor

    @property
    def is_undecided(self) -> bool:
        """Whether it has ended and nothing can be said of its factor though there is a reference."""
        return self.known is not None and self.state.stopped is not None and self.factor is None

    @property
    def why_no_factor(self) -> Text | None:
        """Why there is no acceleration factor; None if there is one."""
        if self.factor is not None or self.known is None:
            return self.why_no_reference
        if self.state.stopped is None:
            return say("it has not reached the target yet", "아직 목표에 도달하지 않았습니다")
        return say(
            "neither it nor half of the reference's searches reached the target",
            "이 캠페인도, 기준 탐색의 절반도 목표에 도달하지 못했습니다",
        )


def _result(state: CampaignState, experiment: Experiment) -> Result:
    problem, result = state.mission.problem, experiment.result
    assert result is not None
    counts = isinstance(result, Measurement) and problem.is_full(experiment.conditions) and problem.is_feasible(result)
    outcomes = {}
    if counts and isinstance(result, Measurement):
        outcomes = {name: found.mean for name, found in result.outcomes.items() if math.isfinite(found.mean)}
    logged = result.metadata.get(GPU_HOURS)
    hours = float(logged) if isinstance(logged, int | float) and not isinstance(logged, bool) else math.nan
    return Result(
        experiment.id, experiment.finished_at or "", isinstance(result, Failure), outcomes,
        problem.cost_of(experiment.conditions, result), hours if hours >= 0 else math.nan,
    )  # fmt: skip


def gain_of(campaigns: Iterable[CampaignFacts]) -> Pooled | None:
    """Return what campaigns gained together; None where nothing can be said of any."""
    held = list(campaigns)
    factors = [campaign.factor[1] for campaign in held if campaign.factor is not None]
    return pooled(factors, sum(campaign.is_undecided for campaign in held))


class CampaignReader:
    """Reads campaigns for one question, each once; campaigns of one mission file share a reference, read once too.

    Args:
        platform: the store.
        until: what was written at this time or later is not read, as if it had not happened.
    """

    def __init__(self, platform: Platform, until: str | None = None) -> None:
        self._platform, self._until = platform, until
        self._facts: dict[str, CampaignFacts] = {}
        self._references: dict[tuple[str, str, str], tuple[Baseline | None, Text | None]] = {}

    def facts(self, campaign: str) -> CampaignFacts:
        """Return what a campaign's log says.

        Raises:
            NotFound: there is no such campaign.
        """
        if campaign not in self._facts:
            state = read_campaign(self._platform, campaign, self._until)
            known, why = self._reference(state)
            self._facts[campaign] = CampaignFacts(state, known, why)
        return self._facts[campaign]

    def _reference(self, state: CampaignState) -> tuple[Baseline | None, Text | None]:
        if not state.mission.problem.has_target:
            return None, say("its mission file has no target", "미션 파일에 목표가 없습니다")
        if state.lab_is_physical:
            return None, say(
                "a real laboratory is not searched at random; the campaign's own report has an estimate",
                "실제 실험실은 무작위로 탐색하지 않습니다. 추정값은 캠페인 보고서에 있습니다",
            )
        # budgets differ between campaigns of one mission file, and decide nothing here
        problem = canonical_hash(state.mission.problem.model_dump(mode="json"))
        key = (f"{state.mission.name}/{state.mission.reference_key}/{problem}", state.lab_version, state.folder)
        if key not in self._references:
            try:
                known, said = find_reference(self._platform, state)
            except (KGenesisError, OSError) as error:
                text = str(error)
                known, said = None, error.detail if isinstance(error, KGenesisError) else say(text, text)
            missing = say(
                f"no reference: `kgenesis reference make {state.mission.name}`",
                f"기준이 없습니다: `kgenesis reference make {state.mission.name}`",
            )
            self._references[key] = known, None if known is not None else said or missing
        return self._references[key]

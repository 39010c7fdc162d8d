"""How far a mission has come: its KPIs and exams held against what the campaigns' logs say, and nothing else."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.ids import ExperimentId
from kgenesis.missions.exams import BEST, QUANTITIES
from kgenesis.missions.gain import Factor, pooled
from kgenesis.missions.spec import Charter, Kpi, Milestone

MilestoneState = Literal["passed", "late", "open", "overdue"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finished experiment as a mission sees it."""

    campaign: str
    experiment: ExperimentId
    at: str
    """When it ended, ISO 8601, UTC."""
    values: Mapping[str, float]
    """KPI's outcomes in the KPI's units; nothing for a failure, a proxy, or where a constraint does not hold."""
    is_failure: bool = False
    won: float = math.nan
    """Its cost in KRW; NaN where the mission file gives none in KRW."""
    gpu_hours: float = math.nan
    """What its laboratory logged; NaN where it logged none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the logs of a mission's campaigns say, put together."""

    findings: Sequence[Finding]
    """In order of time."""
    factors: Sequence[tuple[str, Factor]] = ()
    """Acceleration factors at the target, each with the time it was settled."""
    n_proposed: int = 0
    """Experiments that count against the budget, open ones included."""


@dataclass(frozen=True, slots=True)
class KpiStanding:
    """How far a KPI is."""

    kpi: Kpi
    best: Finding | None
    """The finding with the best value; None if there is none."""
    reached_by: Finding | None
    """The first that reaches it, and with it every other KPI that it measured."""
    is_prior: bool = False
    """Whether `reached_by` was known before the target was set."""

    @property
    def value(self) -> float | None:
        """The best value, in the KPI's unit."""
        return None if self.best is None else self.best.values[self.kpi.outcome]


@dataclass(frozen=True, slots=True)
class MilestoneStanding:
    """How far a milestone is."""

    milestone: Milestone
    state: MilestoneState
    by: Finding | None
    """The finding after which the exam held first."""
    values: Mapping[str, float]
    """What the exam names: then, or now while it is open; without what is not known."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a mission has come."""

    kpis: Sequence[KpiStanding]
    milestones: Sequence[MilestoneStanding]
    n_experiments: int
    n_failures: int
    n_proposed: int
    won: float | None
    """None where an experiment's cost is not known in KRW."""
    gpu_hours: float | None
    """None where no laboratory logged any."""
    n_without_gpu_hours: int
    """Experiments whose laboratory logged none."""

    @property
    def is_met(self) -> bool:
        """Whether every KPI is reached."""
        return all(kpi.reached_by is not None for kpi in self.kpis)


def standing(charter: Charter, evidence: Evidence, held_since: Mapping[str, str], now: datetime) -> Standing:
    """Return how far a mission has come.

    Args:
        charter: the present one.
        evidence: what its campaigns' logs say.
        held_since: for each KPI's outcome when its present target was set.
        now: decides what is overdue.
    """
    findings = evidence.findings
    columns = quantities(charter, evidence)
    won = [finding.won for finding in findings]
    hours = [finding.gpu_hours for finding in findings if not math.isnan(finding.gpu_hours)]
    return Standing(
        kpis=tuple(_kpi(charter, kpi, findings, held_since.get(kpi.outcome, "")) for kpi in charter.kpis),
        milestones=tuple(_milestone(charter, m, findings, columns, now.date()) for m in charter.milestones),
        n_experiments=len(findings), n_failures=sum(finding.is_failure for finding in findings),
        n_proposed=evidence.n_proposed, won=None if any(map(math.isnan, won)) else math.fsum(won),
        gpu_hours=math.fsum(hours) if hours else None, n_without_gpu_hours=len(findings) - len(hours),
    )  # fmt: skip


def quantities(charter: Charter, evidence: Evidence) -> dict[str, NDArray[np.float64]]:
    """Return what exams may name, (n,) each: as it stood after each finding; NaN where it is not known."""
    findings = evidence.findings
    n = len(findings)
    columns: dict[str, NDArray[np.float64]] = {}
    for kpi in charter.kpis:
        values = np.array([finding.values.get(kpi.outcome, math.nan) for finding in findings])
        columns[BEST + kpi.outcome] = _running_best(kpi, values)
    times = [datetime.fromisoformat(finding.at) for finding in findings]
    known: dict[str, None] = {}
    seen = [len(known := known | {finding.campaign: None}) for finding in findings]
    columns |= {
        "n_experiments": np.arange(1.0, n + 1.0),
        "n_failures": np.cumsum([float(finding.is_failure) for finding in findings]),
        "n_campaigns": np.array(seen, dtype=np.float64),
        "cost": np.cumsum([finding.won for finding in findings]),
        "hours": np.array([(time - times[0]).total_seconds() / 3600.0 for time in times]),
    }
    central, low = _accelerations(evidence)
    columns |= {"acceleration": central, "acceleration_low": low}
    assert set(QUANTITIES) <= set(columns)
    return columns


def _running_best(kpi: Kpi, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the best of the first 1 … n values; NaN while there is none."""
    best = np.full(len(values), math.nan)
    objective, held = kpi.objective, math.nan
    for i, value in enumerate(values.tolist()):
        if not math.isnan(value) and (math.isnan(held) or objective.utility(value) > objective.utility(held)):
            held = value
        best[i] = held
    return best


def _accelerations(evidence: Evidence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the pooled factor and the lower end of its interval after each finding."""
    n = len(evidence.findings)
    central, low = np.full(n, math.nan), np.full(n, math.nan)
    settled = sorted(evidence.factors, key=lambda item: item[0])
    for k in range(1, len(settled) + 1):
        together = pooled([factor for _, factor in settled[:k]])
        since = settled[k - 1][0]
        for i, finding in enumerate(evidence.findings):
            if finding.at >= since and together is not None:
                central[i], low[i] = together.geometric_mean, together.interval[0]
    return central, low


def _kpi(charter: Charter, kpi: Kpi, findings: Sequence[Finding], since: str) -> KpiStanding:
    measured = [finding for finding in findings if kpi.outcome in finding.values]
    objective = kpi.objective
    best = max(measured, key=lambda finding: objective.utility(finding.values[kpi.outcome]), default=None)
    reached = next((finding for finding in measured if reaches(charter, finding)), None)
    return KpiStanding(kpi, best, reached, is_prior=reached is not None and reached.at < since)


def reaches(charter: Charter, finding: Finding) -> bool:
    """Say whether a finding reaches every KPI that it measured: two halves of a promise do not make it kept."""
    return all(
        kpi.objective.utility(finding.values[kpi.outcome]) >= kpi.objective.target_utility()
        for kpi in charter.kpis
        if kpi.outcome in finding.values
    )


def _milestone(
    charter: Charter, milestone: Milestone, findings: Sequence[Finding], columns: Mapping[str, NDArray[np.float64]],
    today: date,
) -> MilestoneStanding:  # fmt: skip
    exam = charter.exam_of(milestone)
    held = exam.passed(columns) if findings else np.zeros(0, dtype=bool)
    i = int(np.argmax(held)) if held.any() else None
    row = len(findings) - 1 if i is None else i
    known = {name: float(columns[name][row]) for name in sorted(exam.names)} if findings else {}
    values = {name: value for name, value in known.items() if math.isfinite(value)}
    due = milestone.due
    n_then = len(findings) if i is None else i + 1
    day_then = today if i is None else datetime.fromisoformat(findings[i].at).date()
    is_late = due.date is not None and day_then > due.date
    is_late |= due.experiments is not None and (n_then > due.experiments or (i is None and n_then == due.experiments))
    if i is None:
        return MilestoneStanding(milestone, "overdue" if is_late else "open", None, values)
    return MilestoneStanding(milestone, "late" if is_late else "passed", findings[i], values)

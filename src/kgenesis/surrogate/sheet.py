"""The score sheet of a model: a hundred points in the manner of the national evaluation, and a gate that overrides them.

That evaluation (stage 1, January 2026) gave 40 points to benchmarks, 35 to experts, 25 to users, and failed a team whose
score was among the best for want of independence. Here every point comes from a measurement by a rule that stands below;
what needs people's judgement is listed as not measured, and nothing is put in its place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isfinite, log10
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kgenesis.kernel.text import Text, say
from kgenesis.surrogate.evaluation import MISTAKES, SEED, attempt, map_gp, prior_sets
from kgenesis.surrogate.evaluation import score as foretell
from kgenesis.surrogate.families import FAMILIES, draw_family
from kgenesis.surrogate.gate import OPEN, Gate, judge
from kgenesis.surrogate.soundness import PROMISES, cases, changed_by, hard_cases, passed, wide_cases
from kgenesis.surrogate.use import cold_start, suggestion_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kgenesis.kernel.ports import Surrogate
    from kgenesis.surrogate.entrants import Entrant
    from kgenesis.surrogate.prior import DataSet

Block = Literal["benchmark", "expert", "use"]

FAMILIES_AT = (8, 20, 50)
"""Measurements of the data sets of families outside the prior."""

MOST = 2.0
"""Nats by which one data set may count for or against a model; a failure counts as this much worse."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """What earns points: none up to one value, all from another one on, in proportion between them."""

    name: str
    block: Block
    points: float
    nothing: float
    """Value that earns nothing."""
    full: float
    """Value that earns all points."""
    what: Text
    is_log: bool = False
    """In proportion to the logarithm."""

    def earned(self, value: float | None) -> float:
        """Return the points for a measured value; what could not be measured earns nothing."""
        if value is None or not isfinite(value):
            return 0.0
        low, high = self.nothing, self.full
        if self.is_log:
            value, low, high = log10(max(value, 1e-300)), log10(low), log10(high)
        return self.points * min(1.0, max(0.0, (value - low) / (high - low)))


CRITERIA = (
    Criterion("prior-gain", "benchmark", 8, -0.5, 0.5, say(
        "nats gained on a fitted process (MAP-GP), draws of the prior", "사전분포 표본에서 MAP-GP보다 나은 정도(nat)")),
    Criterion("prior-better", "benchmark", 4, 0.5, 1.0, say(
        "share of them foretold better than by knowing nothing", "그중 아무것도 모를 때보다 잘 예측한 비율")),
    Criterion("families-gain", "benchmark", 8, -0.5, 0.5, say(
        "nats gained on MAP-GP, families outside the prior", "사전분포 밖의 응답에서 MAP-GP보다 나은 정도(nat)")),
    Criterion("families-better", "benchmark", 4, 0.5, 1.0, say(
        "share of them foretold better than by knowing nothing", "그중 아무것도 모를 때보다 잘 예측한 비율")),
    Criterion("coverage", "benchmark", 6, 0.2, 0.02, say(
        "distance of the 90 % intervals' coverage from 90 %", "90 % 구간의 실제 포함률과 90 %의 차이")),
    Criterion("regret-random", "benchmark", 5, 0.0, 0.95, say(
        "part of random search's regret saved by short campaigns", "짧은 캠페인이 무작위 탐색의 후회를 줄인 비율")),
    Criterion("regret-gp", "benchmark", 5, -0.5, 0.5, say(
        "decades of regret below the same planner with `gp`", "같은 계획기에 `gp`를 쓸 때보다 줄어든 후회(자릿수)")),
    Criterion("evidence", "expert", 12, 0.0, 1.0, say(
        "share of the evidence of independence that holds", "독립성 증거 가운데 확인된 비율")),
    Criterion("openness", "expert", 4, 0.0, 1.0, say(
        "of open licence, whole log, code that trained", "개방형 라이선스·온전한 기록·학습한 코드 가운데 갖춘 비율")),
    Criterion("robustness", "expert", 6, 0.5, 1.0, say(
        "share of hard data answered soundly", "까다로운 데이터에 올바르게 답한 비율")),
    Criterion("invariance", "expert", 4, 1e-1, 1e-5, say(
        "change with order of factors and unit of the outcome", "요인 순서나 결과 단위에 따라 달라지는 정도"), is_log=True),
    Criterion("promises", "expert", 5, 0.0, 1.0, say(
        "share of what planners rely on that is kept", "계획기가 믿고 쓰는 약속 가운데 지킨 비율")),
    Criterion("range", "expert", 4, 0.0, 1.0, say(
        "share of spaces from narrow to wide that it takes", "좁은 공간부터 넓은 공간까지 다룬 비율")),
    Criterion("solved", "use", 8, 0.25, 0.85, say(
        "share of short campaigns with a tenth of random search's regret", "후회를 무작위 탐색의 1/10로 줄인 짧은 캠페인 비율")),
    Criterion("solved-seconds", "use", 5, 300.0, 3.0, say(
        "CPU seconds of deciding for each of these", "그런 캠페인 하나에 든 결정 CPU 시간(초)"), is_log=True),
    Criterion("median-seconds", "use", 2, 5.0, 0.05, say(
        "CPU seconds a suggestion, median", "제안 한 번의 CPU 시간(초), 중앙값"), is_log=True),
    Criterion("p95-seconds", "use", 3, 10.0, 0.05, say(
        "CPU seconds a suggestion, 95th percentile", "제안 한 번의 CPU 시간(초), 95백분위"), is_log=True),
    Criterion("cold-start", "use", 3, 30.0, 2.0, say(
        "CPU seconds to a first suggestion in a fresh process", "새 프로세스에서 첫 제안까지 CPU 시간(초)"), is_log=True),
    Criterion("memory", "use", 1, 4000.0, 250.0, say(
        "most memory of that process, MB", "그 프로세스의 최대 메모리(MB)"), is_log=True),
    Criterion("weights", "use", 1, 400.0, 4.0, say("size of the weights, MB", "가중치 크기(MB)"), is_log=True),
    Criterion("failures", "use", 2, 0.1, 0.0, say(
        "share of data sets, suggestions and campaigns that failed", "데이터·제안·캠페인 가운데 실패한 비율")),
)  # fmt: skip
"""Level with the yardstick (MAP-GP, the planner with `gp`) is half the points; the gates of `benchmarks/arena/gates.yaml`
(coverage within 0.02, change 1e-5, 50 ms, 4 MB) are all of them. Being cheap earns little by itself: most points for use
are for campaigns that come out well, and for what those cost."""

NOT_MEASURED = (
    say("strategy, and what others gain from the model", "전략과 파급 효과"),
    say("ethics and policy", "윤리와 정책"),
    say("how people judge its suggestions in their own work", "현장에서 쓰는 사람의 평가"),
)
"""Parts of such an evaluation that need people: no points are given or taken for them."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What came of short campaigns that a surrogate decided."""

    saved: float | None
    """Part of random search's regret that was saved, mean over campaigns."""
    decades: float | None
    """By how many decades the regret is below that of the same planner with `gp`, mean over campaigns."""
    failures: tuple[str, ...] = ()
    """One for each campaign that broke off."""
    n_campaigns: int = 0
    n_solved: int = 0
    """Campaigns that ended with a tenth of random search's regret or less."""
    seconds: float = 0.0
    """CPU time of deciding, all campaigns together."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a model earned, and whether it passed the gate."""

    name: str
    figures: Mapping[str, float | None]
    """What was measured for each criterion; None where nothing could be."""
    gate: Gate
    failures: Mapping[str, int]
    """What went wrong on the way, and how often."""
    broken: Mapping[str, str]
    """Hard data, wide spaces and promises that were not mastered, and what happened."""

    def earned(self, block: Block | None = None) -> float:
        """Return the points of a block, or of all."""
        return sum(c.earned(self.figures.get(c.name)) for c in CRITERIA if block in {None, c.block})

    def as_json(self) -> dict[str, Any]:
        """Return everything, JSON-ready; `score` is null where the gate failed."""
        return {
            "model": self.name,
            "passed_gate": self.gate.is_passed,
            "score": self.earned() if self.gate.is_passed else None,
            "would_score": self.earned(),
            "blocks": {block: self.earned(block) for block in ("benchmark", "expert", "use")},
            "criteria": [
                {
                    "name": c.name,
                    "block": c.block,
                    "what": c.what.model_dump(),
                    "measured": self.figures.get(c.name),
                    "points": c.points,
                }
                | {"earned": c.earned(self.figures.get(c.name)), "nothing_at": c.nothing, "full_at": c.full}
                for c in CRITERIA
            ],
            "gate": [{"name": f.name, "state": f.state, "text": f.text.model_dump()} for f in self.gate.findings],
            "failures": dict(self.failures),
            "broken": dict(self.broken),
            "not_measured": [text.model_dump() for text in NOT_MEASURED],
        }


def score(
    entrant: Entrant,
    decide: Callable[[Surrogate], Decisions],
    n_sets: int = 4,
    against: Sequence[Path] = (),
    on_progress: Callable[[float], None] = lambda part: None,
) -> Sheet:
    """Measure a model and fill in its sheet. The same every time, but for what is counted in seconds or megabytes.

    Args:
        entrant: The model.
        decide: Lets a surrogate decide short campaigns.
        n_sets: Data sets of each size.
        against: Weights of other models that it must not resemble.
        on_progress: Told how much is done, 0–1.

    Raises:
        NotFound, InvalidSpec: A file to compare with is not there or cannot be read; nothing a model does wrong raises.
    """
    surrogate = entrant.surrogate
    gate = judge(entrant, against)
    on_progress(0.1)
    figures, failures, n_asked = _foretelling(surrogate, n_sets, lambda part: on_progress(0.1 + 0.4 * part))
    found = decide(surrogate)
    on_progress(0.8)
    figures |= {
        "regret-random": found.saved,
        "regret-gp": found.decades,
        "solved": found.n_solved / found.n_campaigns if found.n_campaigns else None,
        "solved-seconds": found.seconds / found.n_solved if found.n_solved else None,
    }
    expert, broken = _expert(entrant, gate)
    figures |= expert
    on_progress(0.9)
    repeats = 10 * n_sets
    seconds, start = suggestion_seconds(surrogate, repeats), cold_start(entrant)
    failures = [*failures, *found.failures, *["no suggestion"] * (repeats - len(seconds))]
    if start is None:
        failures.append("no suggestion in a fresh process")
    figures |= {
        "median-seconds": float(np.median(seconds)) if seconds else None,
        "p95-seconds": float(np.quantile(seconds, 0.95)) if seconds else None,
        "cold-start": start.seconds if start else None,
        "memory": start.megabytes if start else None,
        "weights": sum(path.stat().st_size for path in entrant.weights) / 1e6,
        "failures": len(failures) / (n_asked + found.n_campaigns + repeats + 1),
    }
    on_progress(1.0)
    return Sheet(entrant.name, figures, gate, Counter(failures), broken)


def _foretelling(
    surrogate: Surrogate, n_sets: int, on_progress: Callable[[float], None]
) -> tuple[dict[str, float | None], list[str], int]:
    """Return the figures of the suites `prior` and `families`, what went wrong, and how many data sets there were."""
    suites: dict[str, list[DataSet]] = {
        "prior": list(prior_sets(n_sets)),
        "families": [
            draw_family(np.random.default_rng((SEED, n, i)), n, i, 40)
            for n in FAMILIES_AT
            for i in range(n_sets * len(FAMILIES))
        ],
    }
    figures: dict[str, float | None] = {}
    failures: list[str] = []
    off, done, total = [], 0, sum(map(len, suites.values()))
    for suite, sets in suites.items():
        gains, betters, covered = [], [], []
        for s in sets:
            ours, yardstick = attempt(surrogate, s), foretell(map_gp(), s)
            nothing = float(np.mean(0.5 * (np.log(2.0 * np.pi) + s.y**2)))  # outcomes are standardised
            if ours.failure:
                failures.append(ours.failure)
            else:
                covered.append(ours.coverage)
            gains.append(-MOST if ours.failure else float(np.clip(yardstick.nll - ours.nll, -MOST, MOST)))
            betters.append(ours.nll < nothing)
            done += 1
            on_progress(done / total)
        figures |= {f"{suite}-gain": float(np.mean(gains)), f"{suite}-better": float(np.mean(betters))}
        off.append(abs(float(np.mean(covered)) - 0.9) if covered else 1.0)
    return figures | {"coverage": float(np.mean(off))}, failures, total


def _expert(entrant: Entrant, gate: Gate) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return what software can check of what experts look at, and what was not mastered."""
    surrogate = entrant.surrogate
    tried = {
        "robustness": passed(surrogate, cases(hard_cases())),
        "promises": passed(surrogate, PROMISES),
        "range": passed(surrogate, cases(wide_cases())),
    }
    try:
        change: float | None = changed_by(surrogate)
    except MISTAKES:
        change = None
    is_open = entrant.is_ours or entrant.licence in OPEN
    figures: dict[str, float | None] = {
        name: sum(not wrong for wrong in found.values()) / len(found) for name, found in tried.items()
    }
    figures |= {
        "evidence": gate.evidence,
        "openness": float(np.mean([is_open, gate.holds("log"), gate.holds("code")])),
        "invariance": change,
    }
    return figures, {case: wrong for found in tried.values() for case, wrong in found.items() if wrong}

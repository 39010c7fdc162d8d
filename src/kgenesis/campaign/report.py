"""A campaign's report as data: every number and sentence that the page, the JSON and the CSV show."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from kgenesis.campaign import analysis, sentences
from kgenesis.campaign.acceleration import DEFINITION, accelerations, headline, shown, targets_text
from kgenesis.campaign.baselines import Baseline, baseline
from kgenesis.campaign.changes import change_notes
from kgenesis.campaign.drift import flags
from kgenesis.campaign.events import EarlierTaken
from kgenesis.campaign.fronts import pareto_mask
from kgenesis.campaign.learning import MAX_ROWS, Learned, learn_outcomes
from kgenesis.campaign.metrics import (
    Curve,
    FloatArray,
    Scores,
    enhancement_factor,
    normalised_regret,
    outcome_columns,
    reference_point,
    score,
)
from kgenesis.campaign.outlook import Possible, outlook_sentence
from kgenesis.campaign.reference import Reference, caution, mismatch
from kgenesis.campaign.report_parts import (
    Band,
    Enhancement,
    FailureGroup,
    Gain,
    Progress,
    Provenance,
    Quantity,
    Report,
    Row,
)
from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.campaign.words import name_of, number, readable, unit_sign
from kgenesis.kernel.experiment import Failure, FailureKind, Measurement
from kgenesis.kernel.factors import Mixture
from kgenesis.kernel.ports import Surrogate
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say

_CURVE_POINTS = 400
"""A reference band is thinned to this many points."""


def build(
    state: CampaignState, reference: Reference | None, surrogate: Surrogate | None, now: datetime,
    *, command: str = "", notes: Sequence[Text] = (), possible: Possible | None = None,
) -> Report:  # fmt: skip
    """Return the report of a campaign, running or ended.

    Args:
        state: the campaign.
        reference: what to compare with; one that does not fit is not used, and the report says why.
        surrogate: learns what matters and what is expected; None leaves those parts out.
        now: time of making.
        command: what does it again; made from mission, seed and budget if not given.
        notes: what else the reader must know.
        possible: what the lab knows to be possible at all.
    """
    problem = state.mission.problem
    remarks = list(notes)
    known = _usable(state, reference, remarks)
    finished = state.finished()
    scores = score(problem, outcome_columns(problem, finished))
    corner = known.corner if known else reference_point(problem, scores.usable())
    curve = Curve(problem, corner).update(state)
    best = best_experiment(state, corner)
    learned = learn_outcomes(state, surrogate) if surrogate is not None else {}
    rows = _rows(state, best, scores)
    gain = _gain(problem, known, curve)
    repeats = gain.n_repeats if gain else 0
    lead = gain.headline if gain else None
    told = [
        sentences.found_sentence(state, best),
        sentences.gain_sentence(lead, repeats),
        sentences.luck_sentence(lead, repeats),
        outlook_sentence(state, possible) or say("", ""),
    ]
    checked = [v for v in (analysis.validation(one) for one in learned.values()) if v is not None]
    remarks += _remarks(state, gain, learned)
    # a simulation does not age and has no operators: what seems to drift there is the model of it that misleads
    is_bench = state.lab_is_physical or any(e.attempt == 0 and e.result is not None for e in state.experiments.values())
    flagged = flags(state, learned, surrogate) if surrogate is not None and is_bench else []
    remarks += [flag.text for flag in flagged]
    spent = sum(row.seconds or 0.0 for row in rows)
    return Report(
        title=state.mission.title, summary=state.mission.summary, field=state.mission.field,
        technology=state.mission.technology, status=_status(state), is_open=state.stopped is None,
        headline=sentences.joined(*told[:2]), sentences=tuple(text for text in told if text.en),
        n_proposed=state.n_counted, n_measured=state.n_measured, n_failed=state.n_failed,
        n_infeasible=sum(row.is_feasible is False for row in rows),
        target=targets_text(problem) if problem.has_target else None, target_reached=state.reached_by is not None,
        factors=_factors(state), outcomes=_outcomes(problem),
        best=next((row for row in rows if row.is_best), None), progress=_progress(problem, known, curve, scores),
        gain=gain, front=tuple(row.number for row in rows if row.is_on_front),
        sensitivity=_sensitivities(state, learned), slices=_slices(state, learned, best), validation=tuple(checked),
        trust=tuple(
            sentences.trust_note(name_of(problem, v.outcome), v.q2, v.coverage, len(v.measured)) for v in checked
        ),
        experiments=tuple(rows), failures=_failures(rows), provenance=_provenance(state, reference, now, command),
        seconds=state.seconds, lab_seconds=spent, cost=state.spent, cost_unit=unit_sign(state.mission.cost.unit),
        flags=tuple(flagged), notes=tuple(remarks),
    )  # fmt: skip


def best_experiment(state: CampaignState, corner: FloatArray | None = None) -> Experiment | None:
    """Return the best experiment that keeps every outcome constraint, the first of equals; None if none does.

    With several objectives: among those that reach every target if any do, the one that covers most by itself (the
    largest product of utilities above `corner`).
    """
    problem = state.mission.problem
    finished = state.finished()
    scores = score(problem, outcome_columns(problem, finished))
    usable = scores.usable()
    if not scores.is_feasible.any():
        return None
    if usable.shape[1] == 1:
        merits = usable[:, 0]
    else:
        low = reference_point(problem, usable) if corner is None else corner
        merits = np.prod(np.maximum(usable - low, 0.0), axis=1)
        merits = np.where(pareto_mask(usable), merits + 1e-300, -1.0)
        merits = np.where(scores.is_success, merits + 2.0 * float(np.nanmax(merits)), merits)
    return finished[int(np.nanargmax(np.where(scores.is_feasible, merits, math.nan)))]


# Parts ------------------------------------------------------------------------------------------------------------


def _usable(state: CampaignState, reference: Reference | None, remarks: list[Text]) -> Baseline | None:
    if reference is None:
        remarks.append(
            say(
                "There is no reference, so nothing is said about what was gained; `kgenesis reference make` makes one.",
                "비교할 기준이 없어 얼마나 절약했는지 말할 수 없습니다. "
                "`kgenesis reference make`로 기준을 측정하십시오.",
            )
        )
        return None
    why_not = mismatch(reference, state.mission, state.lab_version)
    if why_not is not None:
        remarks.append(
            say(
                f"Not compared: {why_not.en}. `kgenesis reference make` measures it anew.",
                f"비교하지 않았습니다. {why_not.ko}. `kgenesis reference make`로 다시 측정하십시오.",
            )
        )
        return None
    careful = caution(reference, state.lab_version)
    remarks += [careful] if careful is not None else []
    return baseline(reference, state.mission.problem)


def _status(state: CampaignState) -> Text:
    if state.stopped is not None:
        return sentences.STOPS.get(state.stopped, say(state.stopped, state.stopped))
    return say(f"still open ({len(state.running)} running)", f"진행 중(실험 {len(state.running)}개 실행)")


def _factors(state: CampaignState) -> tuple[Quantity, ...]:
    labels = {f.name: f.label for f in state.mission.space.factors}
    for factor in state.mission.space.factors:
        if isinstance(factor, Mixture):
            labels |= {c.name: c.label for c in factor.components}
    return tuple(
        Quantity(
            name=v.name, label=labels.get(v.name) or say(readable(v.name), readable(v.name)), unit=unit_sign(v.unit), levels=v.levels,
            is_log=v.is_log,
        )
        for v in state.mission.space.variables
    )  # fmt: skip


def _outcomes(problem: Problem) -> tuple[Quantity, ...]:
    objectives = {o.name: o for o in problem.objectives}
    found = []
    for name in problem.outcomes:
        o = objectives.get(name)
        extra: dict[str, Any] = {} if o is None else {
            "goal": o.goal, "target": o.target, "value": o.value, "threshold": o.threshold
        }  # fmt: skip
        unit = unit_sign(problem.units.get(name, ""))
        found.append(Quantity(name=name, label=name_of(problem, name), unit=unit, **extra))
    return tuple(found)


def _rows(state: CampaignState, best: Experiment | None, scores: Scores) -> list[Row]:
    problem = state.mission.problem
    numbers = {e.id: e.number for e in state.experiments.values()}
    front: set[int] = set()
    if len(problem.objectives) > 1:
        mask = pareto_mask(scores.usable())
        front = {e.number for e, on in zip(state.finished(), mask.tolist(), strict=True) if on}
    reached = {e.number for e, hit in zip(state.finished(), scores.is_success.tolist(), strict=True) if hit}
    rows = []
    for e in state.experiments.values():
        result = e.result
        measured = result if isinstance(result, Measurement) else None
        failed = result if isinstance(result, Failure) else None
        rows.append(
            Row(
                number=e.number, id=e.id, conditions=e.conditions, status=e.status,
                outcomes=measured.outcomes if measured else {},
                is_feasible=problem.is_feasible(measured) if measured else None,
                is_best=best is not None and e.id == best.id, is_on_front=e.number in front,
                reached=e.number in reached, why=e.why, why_text=sentences.why_sentence(problem, e.why, numbers),
                failure=failed.reason if failed else None, failure_kind=failed.kind if failed else None,
                cost=problem.cost_of(e.conditions, result) if result else 0.0,
                seconds=result.seconds if result else None, finished_at=e.finished_at,
            )
        )  # fmt: skip
    return rows


def _progress(problem: Problem, known: Baseline | None, curve: Curve, scores: Scores) -> Progress:
    is_single = len(problem.objectives) == 1
    # without a reference the campaign's own end stands for the best known
    best = max(known.best if known else -math.inf, curve.best)
    first = problem.objectives[0]
    name = name_of(problem, first.name)
    is_less = is_single and first.goal != "maximize"
    if not is_single:
        text, unit = say("Hypervolume, share of the best known", "초부피(알려진 최대값에 대한 비율)"), ""
    elif first.goal == "hit":
        text, unit = say(f"Deviation of {name.en}", f"{name.ko} 편차"), unit_sign(first.unit)
    else:
        text, unit = name, unit_sign(first.unit)
    values = scores.utilities[:, 0] if is_single else np.empty(0)
    target = number(shown(problem, first.target_utility())) if is_single and first.target is not None else None
    return Progress(
        quantity=text, unit=unit, is_less_better=is_less, target=target,
        best=tuple(number(shown(problem, m, best)) for m in curve.merits),
        values=tuple(number(shown(problem, v)) for v in values.tolist()),
        counts=tuple(bool(v) for v in scores.is_feasible), band=_band(problem, known, curve, best),
    )  # fmt: skip


def _band(problem: Problem, known: Baseline | None, curve: Curve, best: float) -> Band | None:
    if known is None or not curve.n:
        return None
    lead = headline(problem, accelerations(problem, known, curve), curve)
    crossed = [lead.n_ref] if lead is not None else []
    merits = known.band(min(max([curve.n, *(math.ceil(1.15 * n) for n in crossed)]), 5000))
    keep = np.unique(np.linspace(0, len(merits) - 1, min(len(merits), _CURVE_POINTS)).round().astype(int)).tolist()
    expected = known.expected_best(len(merits))

    def column(values: FloatArray) -> tuple[float | None, ...]:
        return tuple(number(shown(problem, float(values[i]), best)) for i in keep)

    return Band(
        n=tuple(i + 1 for i in keep), median=column(merits[:, 0]), low50=column(merits[:, 1]),
        high50=column(merits[:, 2]), low95=column(merits[:, 3]), high95=column(merits[:, 4]),
        expected=column(expected) if expected.size else (),
    )  # fmt: skip


def _gain(problem: Problem, known: Baseline | None, curve: Curve) -> Gain | None:
    if known is None or not curve.n:
        return None
    every = accelerations(problem, known, curve)
    lead = headline(problem, every, curve)
    medians = known.band(curve.n)[:, 0]
    at = sorted({n for n in (5, 10, 20, 50, 100, 200, 500, len(medians)) if n <= len(medians)})
    typical, best = known.typical, max(known.best, curve.best)
    return Gain(
        headline=lead, levels=tuple(every), definition=DEFINITION,
        enhancement=tuple(
            Enhancement(n=n, value=number(enhancement_factor(problem, curve.merits[n - 1], float(medians[n - 1]))))
            for n in at
        ),
        regret=number(normalised_regret(best, curve.best, typical)),
        regret_of_reference=number(normalised_regret(best, float(medians[-1]), typical)),
        hypervolume=number(curve.best) if len(problem.objectives) > 1 else None,
        reference=known.label, n_repeats=len(known.reference.repeats),
    )  # fmt: skip


def _sensitivities(state: CampaignState, learned: Mapping[str, Learned]) -> tuple[analysis.Sensitivity, ...]:
    space = state.mission.space
    found = [analysis.sensitivity(space, one, (state.seed, 31, i)) for i, one in enumerate(learned.values())]
    return tuple(one for one in found if one is not None)


def _slices(
    state: CampaignState, learned: Mapping[str, Learned], best: Experiment | None
) -> tuple[analysis.Slice, ...]:
    if best is None:
        return ()
    wanted = [o.name for o in state.mission.objectives if o.name in learned]
    centre = best.observation().conditions
    return tuple(one for name in wanted for one in analysis.slices(state.mission.space, learned[name], centre))


def _failures(rows: Sequence[Row]) -> tuple[FailureGroup, ...]:
    grouped: dict[FailureKind, dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.failure is not None and row.failure_kind is not None:
            grouped[row.failure_kind][row.failure.en, row.failure.ko].append(row.number)
    groups = []
    for kind, reasons in grouped.items():
        ranked = sorted(reasons.items(), key=lambda item: -len(item[1]))
        listed = tuple((say(*text), tuple(numbers)) for text, numbers in ranked)
        n = sum(len(numbers) for numbers in reasons.values())
        groups.append(FailureGroup(kind=kind, text=sentences.KINDS[kind], n=n, reasons=listed))
    return tuple(sorted(groups, key=lambda group: -group.n))


def _provenance(state: CampaignState, reference: Reference | None, now: datetime, command: str) -> Provenance:
    mission = state.mission
    again = f"kgenesis run {mission.name} --seed {state.seed} --budget {state.budget.experiments}"
    return Provenance(
        campaign=state.id, mission=mission.name, spec_hash=mission.spec_hash, reference_key=mission.reference_key,
        reference_made_by=reference.command if reference else "", seed=state.seed, planner=mission.planner.name,
        lab=mission.lab.name, lab_version=state.lab_version, versions=state.versions, opened_at=state.opened_at,
        last_at=state.last_at, made_at=now.isoformat(timespec="seconds"), command=command or again,
    )  # fmt: skip


def _source_note(source: EarlierTaken) -> Text:
    n, n_left = len(source.experiments), len(source.left_out)
    left = (
        say(
            f"; {n_left} left out, the first: {source.left_out[0].why.en}",
            f", 제외 {n_left}개(첫째: {source.left_out[0].why.ko})",
        )
        if source.left_out
        else say("", "")
    )
    return say(
        f"May learn from {n} earlier experiments of {source.name}{left.en}.",
        f"이전 캠페인 {source.name}의 실험 {n}개에서 배울 수 있습니다{left.ko}.",
    )


def _remarks(state: CampaignState, gain: Gain | None, learned: Mapping[str, Learned]) -> list[Text]:
    found: list[Text] = []
    if gain is not None and gain.headline is not None and gain.headline.reference == "estimate":
        found.append(
            say(
                "The comparison is an estimate: nobody has searched this laboratory at random; what such a search "
                "would find was drawn from the model that the campaign itself taught.",
                "비교 기준은 추정치입니다. 이 실험실에서 실제로 무작위 탐색을 한 것이 아니라, "
                "이 캠페인으로 학습한 모델이 예상한 결과입니다.",
            )
        )
    found += [*change_notes(state), *(_source_note(source) for source in state.taken)]
    if state.doubted:
        n = len(state.doubted)
        found.append(
            say(
                f"{n} experiments were started and nobody knows what came of them; they are not counted.",
                f"시작했지만 결과를 알 수 없는 실험이 {n}개 있으며, 세지 않았습니다.",
            )
        )
    missing = [name for name in state.mission.problem.outcomes if name not in learned]
    if learned and missing:
        names = ", ".join(missing)
        found.append(say(f"Too few measurements to learn from: {names}.", f"학습하기에 측정이 부족합니다: {names}."))
    if learned and state.n_measured > MAX_ROWS:
        found.append(
            say(
                f"The model figures rest on {MAX_ROWS} of the {state.n_measured:,} measurements, evenly chosen.",
                f"모델 그림은 측정 {state.n_measured:,}개 가운데 고르게 뽑은 {MAX_ROWS}개로 그렸습니다.",
            )
        )
    return found

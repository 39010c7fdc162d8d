"""The human in the loop: proposals out, results back, in any order, also results nobody asked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kgenesis.app.campaigns import append, append_anyway, catch_up, lab_of, read_campaign
from kgenesis.app.platform import Platform
from kgenesis.app.run_campaign import planner_of
from kgenesis.app.sheets import ResultRow, Sheet, read_results, results_of, write_proposals
from kgenesis.campaign import decide
from kgenesis.campaign.choosing import chosen
from kgenesis.campaign.state import CampaignState, Experiment, evolve
from kgenesis.kernel.errors import CampaignEnded, InvalidConditions, InvalidResults, Mistake
from kgenesis.kernel.events import Event
from kgenesis.kernel.experiment import Conditions, Value
from kgenesis.kernel.factors import Variable
from kgenesis.kernel.ids import ExperimentId, StreamId
from kgenesis.kernel.text import Lang, Text, say


@dataclass(slots=True)
class RecordSummary:
    """What became of results that were handed in."""

    answered: list[ExperimentId] = field(default_factory=list)
    """Experiments that had been proposed."""
    added: list[ExperimentId] = field(default_factory=list)
    """Experiments nobody had asked for."""


def suggest(
    platform: Platform,
    state: CampaignState,
    n: int | None = None,
    fixed: Mapping[str, Value] | None = None,
    *,
    redo: bool = False,
) -> list[Experiment]:
    """Propose `n` experiments from everything known now; fewer if the budget or a finite space ends.

    Args:
        platform: the store.
        state: changed in place.
        n: how many; one, or as many as are withdrawn.
        fixed: values the proposals must have, e.g. the context of the day, or the solvent at hand.
        redo: withdraw what a planner proposed and nobody started, and propose anew. Nothing is withdrawn unless
            there is something new.

    Raises:
        CampaignBusy: a runner is at work on it.
        CampaignEnded: it has ended, or its budget is spent.
        InvalidConditions: a fixed value does not belong to the space.
    """
    check_fixed(state, fixed or {})
    with platform.store.lease(StreamId(state.id)) as lease:
        catch_up(platform, state)
        withdrawn = decide.withdrawn_for_others(state) if redo else []
        ahead = read_campaign(platform, state.id) if withdrawn else state
        for event in withdrawn:  # what is proposed must not know of them; they are written together
            evolve(ahead, event, state.last_at)
        if n is None:
            n = max(sum(state.experiments[e.experiment].replicate_of is None for e in withdrawn), 1)
        _check_room(ahead)
        n = min(n, -(-decide.room(ahead) // state.mission.replicates))
        planner, first = planner_of(state), state.n_proposed
        while n > 0:
            step = decide.propose_now(ahead, n)
            proposals = chosen(ahead, step, planner, fixed)
            if not proposals:
                break
            append(platform, state, [*withdrawn, *decide.proposed(ahead, proposals)], lease.fence)
            withdrawn, ahead = [], state
            # a plate holds so many; what was asked for may fill several
            n = n - len(proposals) if state.mission.batch is not None else 0
    return list(state.experiments.values())[first:]


def _check_room(state: CampaignState) -> None:
    if state.stopped is not None or decide.room(state) <= 0:
        raise CampaignEnded(
            say(f"{state.id} has no experiments left to propose", f"{state.id}에는 제안할 실험이 남아 있지 않습니다")
        )


def check_fixed(state: CampaignState, fixed: Mapping[str, Value]) -> None:
    """Make sure that fixed values belong to the space.

    Raises:
        InvalidConditions: one does not.
    """
    space = state.mission.space
    mistakes = []
    for name, value in fixed.items():
        variable = next((v for v in space.variables if v.name == name), None)
        if variable is None:
            mistakes.append(Mistake(say("no such factor", "그런 요인이 없습니다"), name))
        elif variable.levels and value not in variable.levels:
            known = ", ".join(variable.levels)
            mistakes.append(
                Mistake(say(f"{value!r} is not one of {known}", f"{value!r}은(는) {known} 중에 없습니다"), name)
            )
        elif not variable.levels and not (isinstance(value, int | float) and math.isfinite(value)):
            mistakes.append(Mistake(say(f"{value!r} is not a number", f"{value!r}은(는) 수가 아닙니다"), name))
        elif not _is_within(variable, value):
            limits = f"{variable.low:g}", f"{variable.high:g}"
            mistakes.append(Mistake(say(f"must be {' to '.join(limits)}", f"{'~'.join(limits)}이어야 합니다"), name))
    if mistakes:
        raise InvalidConditions(say("a fixed value does not fit", "고정한 값이 맞지 않습니다"), mistakes)


def _is_within(variable: Variable, value: Value) -> bool:
    """Say whether a number lies in its factor's bounds; what is measured or fixed has none to keep."""
    return variable.role != "controlled" or not isinstance(value, int | float) or variable.low <= value <= variable.high


def open_proposals(state: CampaignState) -> list[Experiment]:
    """Return what was proposed and has no result yet."""
    return [e for e in state.experiments.values() if not e.is_final]


def write_sheet(
    state: CampaignState, experiments: Sequence[Experiment], path: Path, lang: Lang, *, overwrite: bool = False
) -> Path:
    """Write proposals to a CSV or Excel sheet with empty places for the results."""
    mission = state.mission
    rows = [(e.id, e.conditions) for e in experiments]
    instructions: Text | None = getattr(lab_of(state), "instructions", None)
    return write_proposals(
        path, state.id, mission.spec_hash, mission.problem, rows, lang=lang, instructions=instructions,
        overwrite=overwrite,
    )  # fmt: skip


def record_sheet(platform: Platform, name: str, path: Path) -> tuple[CampaignState, RecordSummary]:
    """Take the results in a sheet, all or none.

    Raises:
        InvalidResults: with every cell that cannot be taken.
    """
    state = read_campaign(platform, name)
    mission = state.mission
    rows = read_results(
        path, mission.problem, campaign=state.id, spec_hash=mission.spec_hash, known=_known(state),
        finished=_finished(state), earlier_hashes=_earlier_hashes(state),
    )  # fmt: skip
    return state, record(platform, state, rows)


def record_table(
    platform: Platform, state: CampaignState, header: Sequence[str], rows: Sequence[Sequence[Value]]
) -> RecordSummary:
    """Take the results in a table in memory, all or none; its header is a sheet's.

    Raises:
        InvalidResults: with every cell that cannot be taken.
    """
    sheet = Sheet(header, [(line, tuple(row)) for line, row in enumerate(rows, start=1)])
    found = results_of(
        sheet, state.mission.problem, campaign=state.id, spec_hash=state.mission.spec_hash, known=_known(state),
        finished=_finished(state), earlier_hashes=_earlier_hashes(state),
    )  # fmt: skip
    return record(platform, state, found)


def _known(state: CampaignState) -> dict[ExperimentId, Conditions]:
    return {e.id: e.conditions for e in state.experiments.values()}


def _finished(state: CampaignState) -> set[ExperimentId]:
    return {e.id for e in state.experiments.values() if e.result is not None}


def _earlier_hashes(state: CampaignState) -> list[str]:
    return [change.before.spec_hash for change in state.changes]


def record(platform: Platform, state: CampaignState, rows: Sequence[ResultRow]) -> RecordSummary:
    """Take results, all or none; the campaign ends if they end it.

    A row without an experiment's id is the result of the open proposal with the same conditions, or else of an
    experiment nobody asked for.

    Raises:
        InvalidResults: an experiment is unknown, or already has a result.
        CampaignEnded: the campaign has ended.
    """
    summary = RecordSummary()
    append_anyway(platform, state, lambda: _receipts(state, rows, summary))
    if state.stopped is None and not state.running and not open_proposals(state):
        steps = decide.next_steps(state)
        if steps and isinstance(steps[0], decide.Stop):
            append(platform, state, decide.stopped(state, steps[0].reason))
    return summary


def _receipts(state: CampaignState, rows: Sequence[ResultRow], summary: RecordSummary) -> list[Event]:
    if state.stopped is not None:
        raise CampaignEnded(
            say(f"{state.id} has ended ({state.stopped})", f"{state.id}은(는) 끝났습니다({state.stopped})")
        )
    summary.answered.clear()
    summary.added.clear()
    events: list[Event] = []
    mistakes: list[Mistake] = []
    waiting = {_key(e.conditions): e.id for e in reversed(open_proposals(state))}
    n_added = 0
    for row in rows:
        id_ = row.experiment or waiting.pop(_key(row.conditions), None)
        if id_ is None:
            added = decide.brought(state, row.conditions, row.result, after=n_added)
            events += added
            n_added += 1
            summary.added.append(added[0].experiment)
        elif (wrong := _not_awaited(state, id_, summary)) is not None:
            mistakes.append(Mistake(wrong, "experiment", line=row.line))
        else:
            events += decide.resolved(state, id_, 0, row.result)
            summary.answered.append(id_)
    if mistakes:
        raise InvalidResults(say("some results cannot be taken", "받을 수 없는 결과가 있습니다"), mistakes)
    return events


def _not_awaited(state: CampaignState, id_: ExperimentId, summary: RecordSummary) -> Text | None:
    found = state.experiments.get(id_)
    if found is None:
        return say(f"{id_} is not an experiment of this campaign", f"{id_}은(는) 이 캠페인의 실험이 아닙니다")
    if found.status == "withdrawn":
        return say(
            f"{id_} was withdrawn; without its name the result is taken as one nobody asked for",
            f"{id_}은(는) 철회되었습니다. 실험 이름을 비우면 제안하지 않은 실험의 결과로 받습니다",
        )
    if found.is_final or id_ in summary.answered:
        return say(f"{id_} already has a result", f"{id_}에는 이미 결과가 있습니다")
    return None


def _key(conditions: Conditions) -> tuple[tuple[str, str], ...]:
    """Return conditions as something that can be compared: ten digits of every number."""
    return tuple(
        sorted(
            (k, f"{v:.10g}" if isinstance(v, int | float) else str(v)) for k, v in conditions.items() if v is not None
        )
    )

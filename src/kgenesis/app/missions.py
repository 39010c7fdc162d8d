"""The life of a mission: draft, open, steer, run, join, and take from its campaigns' logs what they prove."""

import getpass
import math
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from kgenesis.app.campaign_facts import CampaignFacts, CampaignReader
from kgenesis.app.campaigns import read_campaign
from kgenesis.app.charters import LoadedCharter, unit_mistake
from kgenesis.app.mission_log import all_missions, mission_state, read_mission
from kgenesis.app.platform import Platform
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import Conflict, Refused
from kgenesis.kernel.events import Event
from kgenesis.kernel.ids import MissionId, StreamId, new_mission_id
from kgenesis.kernel.text import Text, say
from kgenesis.kernel.units import convert
from kgenesis.missions import decide
from kgenesis.missions.spec import Charter
from kgenesis.missions.standing import Evidence, Finding, Standing, standing
from kgenesis.missions.state import MissionState, evolve, fold

Deed = Literal["pause", "resume", "stop"]


def actor_of(name: str | None) -> str:
    """Return who acts: the name given, else `KGENESIS_ACTOR`, else the login name of this computer."""
    if name or (name := os.environ.get("KGENESIS_ACTOR")):
        return name.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no login name, as in some containers
        return "?"


# Reading ------------------------------------------------------------------------------------------------------------


def standing_of(platform: Platform, state: MissionState) -> Standing:
    """Return how far a mission has come, from its campaigns' logs alone."""
    reader = CampaignReader(platform)
    return standing_by(state, [reader.facts(campaign) for campaign in state.campaigns], datetime.now(UTC))


def standing_by(state: MissionState, campaigns: Sequence[CampaignFacts], now: datetime) -> Standing:
    """Return how far a mission has come, by what its campaigns' logs said until `now`."""
    since = {kpi.outcome: state.held_since(kpi.outcome) for kpi in state.charter.kpis}
    return standing(state.charter, evidence_of(state.charter, campaigns), since, now)


def evidence_of(charter: Charter, campaigns: Sequence[CampaignFacts]) -> Evidence:
    """Return what campaigns' logs say of a charter, in order of time."""
    findings: list[Finding] = []
    for campaign in campaigns:
        units = campaign.state.mission.problem.units
        scales = {
            kpi.outcome: _scale(units.get(kpi.outcome, ""), kpi.unit)
            for kpi in charter.kpis
            if kpi.outcome in campaign.state.mission.problem.outcomes
        }
        for result in campaign.results:
            values = {
                name: result.outcomes[name] * slope + offset
                for name, (slope, offset) in scales.items()
                if name in result.outcomes
            }
            won = result.cost if campaign.is_in_won else math.nan
            findings.append(
                Finding(campaign.id, result.experiment, result.at, values, result.is_failure, won, result.gpu_hours)
            )
    findings.sort(key=lambda finding: (finding.at, finding.experiment))
    factors = [campaign.factor for campaign in campaigns if campaign.factor is not None]
    return Evidence(findings, factors, sum(campaign.state.n_counted for campaign in campaigns))


@lru_cache(maxsize=256)
def _scale(given: str, wanted: str) -> tuple[float, float]:
    """Return (slope, offset) of a change of units: both ends are asked once, not every value."""
    if given == wanted:
        return 1.0, 0.0
    offset = convert(0.0, given, wanted)
    return convert(1.0, given, wanted) - offset, offset


# Writing ------------------------------------------------------------------------------------------------------------


def append_to_mission(platform: Platform, state: MissionState, events: Sequence[Event]) -> MissionState:
    """Write facts after those the state knows, then add them to it.

    Raises:
        Conflict: somebody else wrote first; nothing was written.
    """
    if events:
        recorded = platform.store.append(StreamId(state.id), state.version, events)
        for event, written in zip(events, recorded, strict=True):
            evolve(state, event, written.at)
    return state


def draft_mission(platform: Platform, loaded: LoadedCharter, actor: str) -> MissionState:
    """Write a charter down as a draft, or replace that of a draft of the same name.

    Raises:
        Refused: a mission of that name is under way, or the draft belongs to another director.
    """
    state = _latest(platform, loaded.charter.name)
    if state is None or state.has_ended:
        return _new(platform, [decide.drafted(loaded.charter, str(loaded.folder), actor)])
    _check_is_draft(state)
    return append_to_mission(platform, state, decide.revised(state, loaded.charter, str(loaded.folder), actor))


def open_mission(platform: Platform, loaded: LoadedCharter, actor: str, reason: str = "") -> MissionState:
    """Open a mission from its charter: nothing is written unless all of it can be.

    Raises:
        InvalidSpec: the charter lacks pieces.
        Refused: a mission of that name is under way, or the actor may not.
    """
    first, opened = _opening(loaded, actor, reason)
    state = _latest(platform, loaded.charter.name)
    if state is None or state.has_ended:
        return _new(platform, [first, opened])
    _check_is_draft(state)
    events = [*decide.revised(state, loaded.charter, str(loaded.folder), actor), opened]
    return append_to_mission(platform, state, events)


def check_can_open(loaded: LoadedCharter, actor: str) -> None:
    """Make sure of all that can be known before a store is touched.

    Raises:
        InvalidSpec: the charter lacks pieces.
        Refused: the actor may not.
    """
    _opening(loaded, actor, "")


def _opening(loaded: LoadedCharter, actor: str, reason: str) -> tuple[Event, Event]:
    """Return the first two facts of a mission that is opened at once."""
    decide.check_complete(loaded.charter)
    first = decide.drafted(loaded.charter, str(loaded.folder), actor)
    return first, decide.opened(fold(MissionId("mis_unopened"), [(first, "")]), actor, reason)


def _new(platform: Platform, events: Sequence[Event]) -> MissionState:
    id_ = new_mission_id()
    recorded = platform.store.append(StreamId(id_), 0, events)
    return fold(id_, [(event, r.at) for event, r in zip(events, recorded, strict=True)])


def _latest(platform: Platform, name: str) -> MissionState | None:
    return next((state for state in reversed(all_missions(platform)) if state.charter.name == name), None)


def _check_is_draft(state: MissionState) -> None:
    if state.status == "drafted":
        return
    raise Refused(
        say(f"{state.charter.name} is open already: {state.id}, {state.status}",
            f"{state.charter.name}은(는) 이미 열려 있습니다: {state.id}, {state.status}"),
        hint=say(
            f"Go on with `kgenesis mission run {state.id}`, or change the promise with `kgenesis mission pivot`.",
            f"`kgenesis mission run {state.id}`로 이어 가거나 `kgenesis mission pivot`으로 약속을 바꾸세요.",
        ),
    )  # fmt: skip


def steer_mission(platform: Platform, name: str, deed: Deed, actor: str, reason: str) -> MissionState:
    """Pause a mission, resume it, or stop it.

    Raises:
        Refused: the actor is not the director, or the mission is not where this can be done.
        BadInput: a reason is needed.
    """

    def decided(state: MissionState) -> Event:
        match deed:
            case "pause":
                return decide.paused(state, actor, reason)
            case "resume":
                return decide.resumed(state, actor, reason)
            case "stop":
                return decide.stopped(state, actor, reason)

    return decide_on(platform, name, decided)


def decide_on(platform: Platform, name: str, decision: Callable[[MissionState], Event]) -> MissionState:
    """Read a mission, let a pure function decide, and write what it decided; once more if somebody wrote meanwhile."""
    while True:
        state = read_mission(platform, name)
        try:
            return append_to_mission(platform, state, [decision(state)])
        except Conflict:
            continue


def open_draft(platform: Platform, name: str, actor: str, reason: str = "") -> MissionState:
    """Open a mission that was drafted."""
    return decide_on(platform, name, lambda state: decide.opened(state, actor, reason))


def pivot_mission(platform: Platform, name: str, loaded: LoadedCharter, actor: str, reason: str) -> MissionState:
    """Change a mission's charter; what its campaigns measured stays, and is held against the new one."""
    spent = _spent(platform, read_mission(platform, name))

    def decided(state: MissionState) -> Event:
        return decide.pivoted(state, loaded.charter, str(loaded.folder), actor, reason, spent)

    return settle(platform, decide_on(platform, name, decided))


def _spent(platform: Platform, state: MissionState) -> int:
    return sum(read_campaign(platform, campaign).n_counted for campaign in state.campaigns)


def settle(platform: Platform, state: MissionState) -> MissionState:
    """Write down what the campaigns' logs prove by now: milestones passed, the mission met. Nothing else is evidence."""
    while True:
        try:
            return append_to_mission(platform, state, decide.proved(state, standing_of(platform, state)))
        except Conflict:
            state = mission_state(platform, state.id)


def join_campaign(platform: Platform, name: str, campaign: str, actor: str) -> MissionState:
    """Let a campaign that was run by itself become evidence.

    Raises:
        Refused: it measures no KPI, or in another kind of unit, belongs to another mission, or exceeds the budget.
    """
    found = read_campaign(platform, campaign)

    def decided(state: MissionState) -> Event:
        event = decide.joined(state, found.id, "", actor)
        _check_may_join(platform, state, found)
        return event

    return settle(platform, decide_on(platform, name, decided))


def _check_may_join(platform: Platform, state: MissionState, campaign: CampaignState) -> None:
    mission, charter = campaign.mission, state.charter
    for other in all_missions(platform):
        if campaign.id in other.campaigns:
            raise Refused(
                say(
                    f"{campaign.id} is evidence of {other.id} already",
                    f"{campaign.id}은(는) 이미 {other.id}의 증거입니다",
                ),
                hint=say("No experiment counts for two promises.", "실험 하나를 두 약속의 증거로 쓸 수 없습니다."),
            )
    measured = [kpi for kpi in charter.kpis if kpi.outcome in mission.problem.outcomes]
    if not measured:
        wanted = ", ".join(kpi.outcome for kpi in charter.kpis)
        found = ", ".join(mission.problem.outcomes)
        raise Refused(
            say(f"{campaign.id} measures no KPI of {charter.name}: it has {found}, the KPIs are {wanted}",
                f"{campaign.id}은(는) {charter.name}의 KPI를 재지 않습니다. 잰 것: {found}, KPI: {wanted}"),
            hint=say("A campaign joins the mission whose number it measures.", "캠페인은 그 수치를 재는 미션에만 들어갑니다."),
        )  # fmt: skip
    for kpi in measured:
        wrong = unit_mistake(kpi, mission)
        if wrong is not None:
            raise Refused(wrong, hint=say("It measures something else.", "다른 것을 잰 캠페인입니다."))
    assert charter.budget is not None
    spent = _spent(platform, state)
    if spent + campaign.n_counted > charter.budget.experiments:
        raise over_budget(state, say(
            f"{spent} of {charter.budget.experiments} experiments are spent, the campaign has {campaign.n_counted}",
            f"실험 {charter.budget.experiments}회 중 {spent}회를 썼고, 이 캠페인은 {campaign.n_counted}회입니다"))  # fmt: skip


def over_budget(state: MissionState, detail: Text) -> Refused:
    """Return the refusal to spend more than a mission has."""
    return Refused(
        say(f"the budget of {state.charter.name} does not allow it: {detail.en}",
            f"{state.charter.name}의 예산을 넘습니다: {detail.ko}"),
        hint=say(
            "The director may raise it: `kgenesis mission pivot ID CHARTER --reason …`.",
            "책임자가 늘릴 수 있습니다: `kgenesis mission pivot ID 헌장 --reason …`.",
        ),
    )  # fmt: skip

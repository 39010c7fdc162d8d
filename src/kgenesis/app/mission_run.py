"""Which campaign a mission runs next, and what it may spend: the budget is one, however many campaigns share it."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kgenesis.app.campaign_facts import CampaignFacts, CampaignReader
from kgenesis.app.campaigns import open_campaign, read_campaign
from kgenesis.app.charters import mission_of
from kgenesis.app.mission_files import LoadedMission
from kgenesis.app.mission_log import read_mission
from kgenesis.app.missions import append_to_mission, over_budget, settle
from kgenesis.app.platform import Platform
from kgenesis.app.preflight import check_can_run
from kgenesis.app.steer import extend_campaign
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import BadInput, NotFound
from kgenesis.kernel.ids import StreamId
from kgenesis.kernel.text import Text, say
from kgenesis.missions import decide
from kgenesis.missions.state import MissionState


@dataclass(frozen=True, slots=True)
class Left:
    """What a mission may still spend."""

    experiments: int
    won: float
    """Infinite where the charter sets no limit."""
    why_none: Text | None
    """Which part of the budget is used up; None if something is left."""


def next_campaign(
    platform: Platform, name: str, actor: str, *, mission_file: str | None = None, seed: int | None = None
) -> tuple[MissionState, CampaignState]:
    """Return a mission and the campaign to run for it: one that is open, else a new one of the next mission file.

    The next file is the one that fewest of the mission's campaigns followed, in the charter's order. Opening a
    campaign and letting it join are two facts in two streams; should the process die between them, an empty campaign
    is left that belongs to nothing.

    Args:
        platform: the store.
        name: the mission.
        actor: who runs it.
        mission_file: one of the charter's, instead of the next.
        seed: of a new campaign; by default the number of campaigns that followed the file before.

    Raises:
        Refused: the actor may not, the mission is not under way, or the budget is used up.
        NotFound: the charter has no such mission file.
    """
    state = settle(platform, read_mission(platform, name))
    decide.may_run(state, actor)
    with platform.store.lease(StreamId(state.id)):
        state = read_mission(platform, state.id)
        decide.may_run(state, actor)
        reader = CampaignReader(platform)
        campaigns = [reader.facts(campaign) for campaign in state.campaigns]
        file = _file(state, mission_file)
        going_on = _unfinished(state, campaigns, mission_file)
        left = left_of(state, [c for c in campaigns if going_on is None or c.id != going_on.id])
        if left.why_none is not None and going_on is None:
            raise over_budget(state, left.why_none)
        if going_on is not None:
            return state, _limited(platform, going_on.id, left)
        loaded = _within(_runnable(state, file), left)
        check_can_run(loaded)
        campaign = open_campaign(platform, loaded, _seed(state, file) if seed is None else seed)
        joined = decide.joined(state, campaign.id, file, actor)
        return append_to_mission(platform, state, [joined]), campaign


def left_of(state: MissionState, campaigns: list[CampaignFacts]) -> Left:
    """Return what is left of a budget; what open campaigns may still spend is kept for them."""
    budget = state.charter.budget
    assert budget is not None
    spent = sum(
        c.state.n_counted if c.state.stopped is not None else max(c.state.n_counted, c.state.budget.experiments)
        for c in campaigns
    )
    won = math.fsum(c.state.spent for c in campaigns if c.is_in_won)
    hours = math.fsum(r.gpu_hours for c in campaigns for r in c.results if not math.isnan(r.gpu_hours))
    experiments = max(budget.experiments - spent, 0)
    left_won = math.inf if budget.won is None else max(budget.won - won, 0.0)
    why: Text | None = None
    if not experiments:
        why = say(f"all {budget.experiments} experiments are spent or promised to open campaigns",
                  f"실험 {budget.experiments}회를 모두 썼거나 열린 캠페인에 주었습니다")  # fmt: skip
    elif not left_won:
        why = say(f"{won:,.0f} of {budget.won:,.0f} won are spent", f"{budget.won:,.0f}원 중 {won:,.0f}원을 썼습니다")
    elif budget.gpu_hours is not None and hours >= budget.gpu_hours:
        why = say(f"{hours:g} of {budget.gpu_hours:g} GPU-hours are spent",
                  f"GPU {budget.gpu_hours:g}시간 중 {hours:g}시간을 썼습니다")  # fmt: skip
    return Left(experiments, left_won, why)


def _file(state: MissionState, wanted: str | None) -> str:
    files = state.charter.mission_files
    if wanted is not None:
        if wanted not in files:
            listed = ", ".join(files)
            raise NotFound(
                say(f"the charter has no mission file {wanted!r}; it has: {listed}",
                    f"헌장에 미션 파일 {wanted!r}이(가) 없습니다. 있는 것: {listed}"),
                hint=say("Name one of them.", "그중 하나를 쓰세요."),
            )  # fmt: skip
        return wanted
    return min(files, key=_followed(state).__getitem__)


def _followed(state: MissionState) -> Mapping[str, int]:
    """Return how many campaigns followed each mission file, in the charter's order."""
    followed = list(state.campaigns.values())
    return {file: followed.count(file) for file in state.charter.mission_files}


def _seed(state: MissionState, file: str) -> int:
    return _followed(state)[file]


def _unfinished(state: MissionState, campaigns: list[CampaignFacts], wanted: str | None) -> CampaignFacts | None:
    """Return the first open campaign of the mission files that still hold."""
    for campaign in campaigns:
        file = state.campaigns[campaign.id]
        holds = file in state.charter.mission_files and wanted in {None, file}
        if holds and campaign.state.stopped is None:
            return campaign
    return None


def _runnable(state: MissionState, file: str) -> LoadedMission:
    loaded = mission_of(Path(state.folder), file)
    if loaded.mission.lab.name != "people":
        return loaded
    raise BadInput(
        say(f"the experiments of {file} are done by people", f"{file}의 실험은 사람이 합니다"),
        hint=say(
            f"`kgenesis suggest {loaded.source} -n 4 -o next.csv` writes a sheet and opens a campaign; then "
            f"`kgenesis mission join {state.id} CAMPAIGN`.",
            f"`kgenesis suggest {loaded.source} -n 4 -o next.csv`로 시트를 만들어 캠페인을 연 뒤 "
            f"`kgenesis mission join {state.id} 캠페인`을 실행하세요.",
        ),
    )


def _within(loaded: LoadedMission, left: Left) -> LoadedMission:
    """Return the mission with a budget that is not above what is left."""
    mission = loaded.mission
    own = mission.budget
    cost = own.cost
    if math.isfinite(left.won) and mission.cost.unit in {"KRW", "원"}:
        cost = left.won if cost is None else min(cost, left.won)
    budget = own.model_copy(update={"experiments": min(own.experiments, left.experiments), "cost": cost})
    return dataclasses.replace(loaded, mission=mission.model_copy(update={"budget": budget}))


def _limited(platform: Platform, campaign: str, left: Left) -> CampaignState:
    """Return an open campaign, its budget lowered if the mission's was, but never below what it has proposed."""
    found = read_campaign(platform, campaign)
    most = max(left.experiments, found.n_counted)
    if found.budget.experiments > most:
        extend_campaign(platform, found, experiments=most)
    return found

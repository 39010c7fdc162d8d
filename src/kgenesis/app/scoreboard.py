"""What the programme gets for its experiments: by mission, technology, field, and all together.

Everything is folded from the campaigns' logs, each read once; a campaign that no mission has counts under the
technology of its mission file.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from kgenesis.app.campaign_facts import CampaignFacts, CampaignReader, gain_of
from kgenesis.app.cards import list_campaigns
from kgenesis.app.mission_log import all_missions, field_of
from kgenesis.app.mission_view import pooled_data, standing_data
from kgenesis.app.missions import standing_by
from kgenesis.app.platform import Platform
from kgenesis.missions.state import MissionState

By = Literal["mission", "technology", "field", "programme"]
BY: tuple[By, ...] = ("mission", "technology", "field", "programme")


@dataclass(frozen=True)
class Entry:
    """A campaign and what it counts under."""

    facts: CampaignFacts
    mission: MissionState | None
    """The mission it belongs to; None if it was run by itself."""

    @property
    def key(self) -> str:
        """The mission's id, or the mission file's name."""
        return self.facts.state.mission.name if self.mission is None else self.mission.id

    @property
    def technology(self) -> str:
        """The mission's main technology, else its mission file's."""
        own = self.facts.state.mission.technology
        return own if self.mission is None or not self.mission.charter.technologies else (
            self.mission.charter.technologies[0]
        )  # fmt: skip

    @property
    def field(self) -> str:
        """The field of that technology."""
        return field_of(self.technology) or self.facts.state.mission.field


@dataclass(frozen=True)
class Programme:
    """All missions and campaigns of a store."""

    missions: Sequence[MissionState]
    """Those that were opened."""
    entries: Sequence[Entry]
    now: datetime
    """When it stood so."""


def read_programme(platform: Platform, until: datetime | None = None) -> Programme:
    """Read every mission and campaign of a store, each once.

    Args:
        platform: the store.
        until: as it stood then (UTC); now if not given.
    """
    at = None if until is None else until.isoformat(timespec="microseconds")
    reader = CampaignReader(platform, at)
    missions = [state for state in all_missions(platform, at) if state.opened_at]
    owner = {str(campaign): state for state in missions for campaign in state.campaigns}
    begun = list_campaigns(platform)[::-1]
    entries = [Entry(reader.facts(c["id"]), owner.get(c["id"])) for c in begun if at is None or c["opened_at"] < at]
    return Programme(missions, entries, until or datetime.now(UTC))


def scoreboard(platform: Platform, by: By = "mission", programme: Programme | None = None) -> dict[str, Any]:
    """Return the scoreboard as data: `by`, `rows`, and `total`, a row of everything.

    A row has `key`, `n_missions`, `n_met`, `states`, `n_campaigns`, `experiments`, `failed`, `targets_reached`,
    `acceleration` (geometric mean with its 95 % interval, and the goal ×2 beside it; None where nothing can be said),
    `n_without_acceleration` with the last `why_no_acceleration`, `won`, `n_not_in_won`, `hours`; a row of a mission also `name`, `title`, `state`,
    `technology`, `kpis`.
    """
    found = programme or read_programme(platform)
    if by == "mission":
        rows = [_mission_row(state, found) for state in found.missions]
        rows += [_plain_row(name, group) for name, group in _grouped(found, "key") if group[0].mission is None]
    elif by == "programme":
        rows = []
    else:
        rows = [
            _row(key, group, _missions_of(found, by, key)) | ({"field": group[0].field} if by == "technology" else {})
            for key, group in _grouped(found, by)
        ]
        known = {row["key"] for row in rows}
        idle = {(_place(state, by), state.id): state for state in found.missions}
        rows += [
            _row(key, [], _missions_of(found, by, key))
            for key in dict.fromkeys(place for place, _ in idle)
            if key not in known
        ]
    return {"by": by, "rows": rows, "total": _row("programme", found.entries, found.missions)}


def _grouped(found: Programme, by: str) -> Iterable[tuple[str, list[Entry]]]:
    groups: dict[str, list[Entry]] = {}
    for entry in found.entries:
        groups.setdefault(getattr(entry, by), []).append(entry)
    return groups.items()


def _place(state: MissionState, by: By) -> str:
    technology = state.charter.technologies[0] if state.charter.technologies else ""
    return technology if by == "technology" else field_of(technology)


def _missions_of(found: Programme, by: By, key: str) -> list[MissionState]:
    return [state for state in found.missions if _place(state, by) == key]


def _row(key: str, entries: Sequence[Entry], missions: Sequence[MissionState]) -> dict[str, Any]:
    """Return what campaigns achieved together."""
    campaigns = [entry.facts for entry in entries]
    why = next((c.why_no_factor for c in reversed(campaigns) if c.why_no_factor is not None), None)
    in_won = [campaign.state.spent for campaign in campaigns if campaign.is_in_won]
    return {
        "key": key,
        "n_missions": len(missions),
        "n_met": sum(state.status == "met" for state in missions),
        "states": dict(Counter(state.status for state in missions)),
        "n_campaigns": len(campaigns),
        "n_open": sum(campaign.state.stopped is None for campaign in campaigns),
        "experiments": sum(campaign.state.n_final for campaign in campaigns),
        "failed": sum(campaign.state.n_failed for campaign in campaigns),
        "targets_reached": sum(campaign.state.reached_by is not None for campaign in campaigns),
        "acceleration": pooled_data(gain_of(campaigns)),
        "why_no_acceleration": None if why is None else why.model_dump(),
        "n_without_acceleration": sum(campaign.factor is None for campaign in campaigns),
        "won": math.fsum(in_won) if in_won else None,
        "n_not_in_won": len(campaigns) - len(in_won),
        "hours": math.fsum(campaign.state.seconds for campaign in campaigns) / 3600.0,
    }


def _mission_row(state: MissionState, found: Programme) -> dict[str, Any]:
    entries = [entry for entry in found.entries if entry.mission is not None and entry.mission.id == state.id]
    data = standing_data(state, standing_by(state, [entry.facts for entry in entries], found.now))
    technology = _place(state, "technology")
    return _row(state.id, entries, [state]) | {
        "name": state.charter.name, "title": state.charter.title.model_dump(), "state": state.status,
        "technology": technology, "field": field_of(technology), "kpis": data["kpis"],
        "milestones": data["milestones"], "budget": data["experiments"]["budget"],
    }  # fmt: skip


def _plain_row(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the row of a mission file whose campaigns no mission has: nothing was promised, so no KPI and no state."""
    mission = entries[-1].facts.state.mission
    return _row(name, entries, []) | {
        "name": name, "title": mission.title.model_dump(), "state": None, "technology": entries[-1].technology,
        "field": entries[-1].field, "kpis": _best_of(entries), "milestones": [], "budget": None,
    }  # fmt: skip


def _best_of(entries: Sequence[Entry]) -> list[Mapping[str, Any]]:
    """Return the best of each objective of a mission file over its campaigns, against its target."""
    mission = entries[-1].facts.state.mission
    found: list[Mapping[str, Any]] = []
    for objective in mission.objectives:
        values = [
            result.outcomes[objective.name]
            for entry in entries
            for result in entry.facts.results
            if objective.name in result.outcomes
        ]
        best = max(values, key=objective.utility, default=None)
        found.append({
            "outcome": objective.name, "label": objective.label.model_dump() if objective.label else None,
            "goal": objective.goal, "hit": objective.value, "target": objective.target, "unit": objective.unit,
            "best": best,
            "is_reached": any(entry.facts.state.reached_by is not None for entry in entries),
        })  # fmt: skip
    return found

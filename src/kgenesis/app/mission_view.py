"""A mission as data: what `--json` prints and what screens and reports are made of."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kgenesis.app.campaign_facts import CampaignFacts, CampaignReader, gain_of
from kgenesis.app.missions import standing_by
from kgenesis.app.platform import Platform
from kgenesis.kernel.ids import StreamId
from kgenesis.missions.gain import GOAL, Pooled
from kgenesis.missions.standing import KpiStanding, MilestoneStanding, Standing
from kgenesis.missions.state import MissionState


def mission_data(platform: Platform, state: MissionState) -> dict[str, Any]:
    """Return all that is known of a mission: charter, standing, campaigns, gain."""
    reader = CampaignReader(platform)
    campaigns = [reader.facts(campaign) for campaign in state.campaigns]
    found = standing_by(state, campaigns, datetime.now(UTC))
    return {
        "id": state.id,
        "name": state.charter.name,
        "title": state.charter.title.model_dump(),
        "state": state.status,
        "opened_at": state.opened_at or None,
        "last_at": state.last_at,
        "charter": state.charter.model_dump(mode="json"),
        **standing_data(state, found),
        "acceleration": pooled_data(gain_of(campaigns)),
        "campaigns": [_campaign(state, campaign) for campaign in campaigns],
    }


def standing_data(state: MissionState, found: Standing) -> dict[str, Any]:
    """Return how far a mission is."""
    budget = state.charter.budget
    return {
        "kpis": [_kpi(kpi) for kpi in found.kpis],
        "milestones": [_milestone(state, milestone) for milestone in found.milestones],
        "experiments": {
            "finished": found.n_experiments, "failed": found.n_failures, "proposed": found.n_proposed,
            "budget": None if budget is None else budget.experiments,
        },
        "won": {"spent": found.won, "budget": None if budget is None else budget.won},
        "gpu_hours": {
            "logged": found.gpu_hours, "n_not_logged": found.n_without_gpu_hours,
            "budget": None if budget is None else budget.gpu_hours,
        },
        "met": None if state.met is None else [reached.model_dump() for reached in state.met.reached],
        "is_met_by_logs": found.is_met,
    }  # fmt: skip


def _kpi(found: KpiStanding) -> dict[str, Any]:
    kpi, reached = found.kpi, found.reached_by
    return {
        "outcome": kpi.outcome, "label": kpi.label.model_dump() if kpi.label else None, "goal": kpi.goal,
        "hit": kpi.value, "target": kpi.target, "unit": kpi.unit, "best": found.value,
        "best_by": None if found.best is None else {"campaign": found.best.campaign, "experiment": found.best.experiment},
        "is_reached": reached is not None,
        "reached_by": None if reached is None else {
            "campaign": reached.campaign, "experiment": reached.experiment, "at": reached.at,
            "value": reached.values[kpi.outcome],
        },
        "is_prior": found.is_prior,
    }  # fmt: skip


def _milestone(state: MissionState, found: MilestoneStanding) -> dict[str, Any]:
    milestone = found.milestone
    return {
        "name": milestone.name, "title": milestone.title.model_dump(), "exam": milestone.exam,
        "due": milestone.due.model_dump(mode="json", exclude_none=True), "state": found.state,
        "values": dict(found.values), "is_recorded": milestone.name in state.passed,
        "passed_by": None if found.by is None else {
            "campaign": found.by.campaign, "experiment": found.by.experiment, "at": found.by.at,
        },
    }  # fmt: skip


def _campaign(state: MissionState, campaign: CampaignFacts) -> dict[str, Any]:
    found = campaign.factor
    return {
        "id": campaign.id, "mission_file": state.campaigns[campaign.id] or campaign.state.mission.name,
        "state": campaign.state.stopped or "open", "seed": campaign.state.seed,
        "experiments": campaign.state.n_final, "failed": campaign.state.n_failed,
        "acceleration": None if found is None else {
            "value": found[1].value, "interval": [found[1].low, _finite(found[1].high)], "bound": found[1].bound,
        },
        "why_no_acceleration": None if campaign.why_no_factor is None else campaign.why_no_factor.model_dump(),
    }  # fmt: skip


def pooled_data(found: Pooled | None) -> dict[str, Any] | None:
    """Return several campaigns' gain with the goal beside it; None where no reference exists."""
    if found is None:
        return None
    return {
        "geometric_mean": found.geometric_mean, "median": found.median,
        "interval": [found.interval[0], _finite(found.interval[1])], "n_campaigns": found.n,
        "n_at_least": found.n_at_least, "n_at_most": found.n_at_most, "n_undecided": found.n_undecided, "goal": GOAL, "verdict": found.verdict,
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def history_data(platform: Platform, state: MissionState) -> Sequence[dict[str, Any]]:
    """Return every fact of a mission, with who, when and why."""
    return [
        {"version": r.version, "at": r.at, "type": r.type, **platform.vocabulary.decode(r).model_dump(mode="json")}
        for r in platform.store.read(StreamId(state.id))
    ]

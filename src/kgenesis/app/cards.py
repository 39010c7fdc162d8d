"""The list of campaigns: one card each, kept by the store and made again from the log whenever it is dropped."""

import math
from typing import Any

from kgenesis.app.platform import Platform
from kgenesis.campaign import events as facts
from kgenesis.campaign.spec import Mission
from kgenesis.kernel.events import Recorded, Vocabulary
from kgenesis.kernel.experiment import Measurement
from kgenesis.kernel.problem import Problem
from kgenesis.store import Row


class CampaignCards:
    """A projection: what `campaign list` shows of each campaign."""

    name = "campaign-cards"
    version = 1

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._missions: dict[str, Mission] = {}

    def apply(self, recorded: Recorded, row: Row | None) -> Row | None:
        """Return the card after an event."""
        if not recorded.type.startswith(("campaign.", "experiment.")):
            return row
        event = self._vocabulary.decode(recorded)
        if isinstance(event, facts.CampaignOpened):
            return _opened(event, recorded)
        if row is None:
            return None
        card: dict[str, Any] = {**row, "last_at": recorded.at}
        match event:
            case facts.ExperimentProposed():
                card["n_proposed"] += 1
                if not self._problem(card).is_full(event.conditions):
                    card["partial"] = [*card.get("partial", []), event.experiment]
            case facts.ExperimentWithdrawn():
                card["n_proposed"] -= 1
            case facts.ExperimentMeasured():
                card["n_measured"] += 1
                if event.experiment not in card.get("partial", []):
                    self._rate(card, event.measurement)
            case facts.ExperimentFailed() if event.is_final:
                card["n_failed"] += 1
            case facts.CampaignExtended():
                card |= {"budget": event.budget.experiments, "state": "open"}
            case facts.CampaignChanged():
                mission = Mission.model_validate(event.mission)
                card |= {"budget": event.budget.experiments, "state": "open", "mission": event.mission}
                card |= {"spec_hash": mission.spec_hash, "title": mission.title.model_dump()}
            case facts.CampaignStopped():
                card["state"] = event.reason
        return card

    def _problem(self, card: dict[str, Any]) -> Problem:
        key = str(card["spec_hash"])
        if key not in self._missions:
            self._missions[key] = Mission.model_validate(card["mission"])
        return self._missions[key].problem

    def _rate(self, card: dict[str, Any], measurement: Measurement) -> None:
        """Keep the best value of the first objective among measurements that keep every constraint."""
        problem = self._problem(card)
        objective = problem.objectives[0]
        value = measurement.mean(objective.name)
        if problem.is_feasible(measurement) and not math.isnan(value):
            best = card["best"]
            if best is None or objective.utility(value) > objective.utility(best):
                card["best"] = value


def _opened(event: facts.CampaignOpened, recorded: Recorded) -> Row:
    mission = Mission.model_validate(event.mission)
    objective = mission.objectives[0]
    return {
        "id": recorded.stream,
        "name": mission.name,
        "title": mission.title.model_dump(),
        "spec_hash": mission.spec_hash,
        "mission": event.mission,
        "state": "open",
        "budget": mission.budget.experiments,
        "n_proposed": 0,
        "n_measured": 0,
        "n_failed": 0,
        "objective": objective.name,
        "unit": objective.unit,
        "best": None,
        "opened_at": recorded.at,
        "last_at": recorded.at,
    }


def list_campaigns(platform: Platform) -> list[dict[str, Any]]:
    """Return a card for every campaign, the latest first; `state` is `open` or the reason it ended."""
    cards = platform.store.rows(CampaignCards(platform.vocabulary)).values()
    shown = [{key: value for key, value in card.items() if key not in ("mission", "partial")} for card in cards]
    return sorted(shown, key=lambda card: str(card["opened_at"]), reverse=True)


def followed_missions(platform: Platform) -> list[dict[str, Any]]:
    """Return the mission file of every campaign as JSON, the latest campaign first, each name once."""
    cards = platform.store.rows(CampaignCards(platform.vocabulary)).values()
    latest = {str(card["name"]): card for card in sorted(cards, key=lambda card: str(card["opened_at"]))}
    return [dict(card["mission"]) | {"campaign": card["id"]} for card in reversed(latest.values())]

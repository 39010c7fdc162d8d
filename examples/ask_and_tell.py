"""The loop driven from Python: K-Genesis proposes, this script measures, K-Genesis learns."""

import sys
from typing import Any

from kgenesis import Campaign, open_campaign

MISSION = {
    "name": "espresso",
    "title": {"en": "A cup that is neither sour nor bitter", "ko": "시지도 쓰지도 않은 한 잔"},
    "space": {
        "factors": [
            {"name": "grind", "type": "integer", "low": 1, "high": 20},
            {"name": "temperature", "type": "real", "low": 86, "high": 96, "step": 0.5, "unit": "degC"},
            {"name": "bean", "type": "categorical", "levels": ["washed", "natural"]},
        ]
    },
    "objectives": [{"name": "extraction", "goal": "hit", "value": 20, "target": 0.05, "unit": "percent"}],
    "lab": "people",
    "budget": {"experiments": 20},
}


def taste(cup: dict[str, Any]) -> float:
    """Stand for a person with a refractometer."""
    sweetness = {"washed": 0.0, "natural": 0.8}[cup["bean"]]
    return 24.3 - 0.03 * cup["grind"] ** 2 + 0.45 * (cup["temperature"] - 91) + sweetness


def main(store: str | None = None) -> Campaign:
    """Run the loop; return the campaign."""
    campaign = open_campaign(MISSION, seed=1, store=store)
    while campaign.state.stopped is None:
        cups = campaign.propose(2)
        # results in any order, here the second first
        campaign.record([{"experiment": cup["experiment"], "extraction": taste(cup)} for cup in reversed(cups)])
    print(campaign)
    print(campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

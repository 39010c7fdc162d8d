"""Four wells of a plate share one temperature: K-Genesis chooses it for the plate as a whole."""

import sys
from typing import Any

from kgenesis import Campaign, open_campaign

MISSION: dict[str, Any] = {
    "name": "plates",
    "title": {"en": "Yield on plates of one temperature", "ko": "온도가 하나인 플레이트의 수율"},
    "space": {
        "factors": [
            {"name": "temperature", "type": "real", "low": 20, "high": 90, "step": 1, "unit": "degC"},
            {"name": "dose", "type": "real", "low": 0.1, "high": 10, "unit": "mmol", "scale": "log"},
            {"name": "solvent", "type": "categorical", "levels": ["water", "THF", "DMSO"]},
        ]
    },
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "lab": "people",
    "budget": {"experiments": 12},
    "batch": {"size": 4, "same": ["temperature"]},
}


def react(well: dict[str, Any]) -> float:
    """Stand for a plate reader."""
    good = {"water": 0.0, "THF": 12.0, "DMSO": 6.0}[well["solvent"]]
    return 70 + good - (well["temperature"] - 62) ** 2 / 40 - 3 * (well["dose"] - 2) ** 2 / well["dose"]


def main(store: str | None = None) -> Campaign:
    """Propose, measure and record three plates; return the campaign."""
    campaign = open_campaign(MISSION, seed=1, store=store)
    while campaign.state.stopped is None:
        plate = campaign.propose(4)
        print(f"a plate at {plate[0]['temperature']} degC")
        campaign.record([{"experiment": well["experiment"], "yield": react(well)} for well in plate])
    print(campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

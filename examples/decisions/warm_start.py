"""Last year's campaign, on another batch of catalyst, teaches this year's: it begins where the old one ended."""

import sys
from typing import Any

from kgenesis import Campaign, run

MISSION: dict[str, Any] = {
    "name": "this-year",
    "title": {"en": "A coupling with a new batch of catalyst", "ko": "새 촉매 배치로 하는 짝지음 반응"},
    "space": {
        "factors": [
            {"name": "temperature", "type": "real", "low": 20, "high": 100, "step": 1, "unit": "degC"},
            {"name": "time", "type": "real", "low": 1, "high": 24, "step": 0.5, "unit": "h"},
            {"name": "solvent", "type": "categorical", "levels": ["water", "EtOH", "MeCN"]},
        ]
    },
    "objectives": [{"name": "yield", "goal": "maximize", "unit": "percent"}],
    "budget": {"experiments": 8},
}


def react(conditions: dict[str, Any], activity: float) -> dict[str, float]:
    """Stand for a reaction; the catalyst is more or less active, which moves the best temperature a little."""
    apart = ((conditions["temperature"] - 70 + 8 * activity) / 25) ** 2 + ((conditions["time"] - 12) / 8) ** 2
    return {"yield": (88 + 6 * activity) / (1 + apart) - 20 * (conditions["solvent"] == "water")}


def main(store: str = "warm-start.db") -> Campaign:
    """Run last year's campaign and this year's in one store; return this year's."""
    last_year = MISSION | {"name": "last-year", "budget": {"experiments": 12}}
    run(last_year, lambda c: react(c, 0.0), seed=1, store=store, progress=False)
    campaign = run(MISSION | {"earlier": ["last-year"]}, lambda c: react(c, 1.0), seed=2, store=store, progress=False)
    print(campaign.experiments[0])
    print(campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

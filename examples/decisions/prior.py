"""You have an idea where the best is: say it, and it counts less and less as results come in."""

import sys
from typing import Any

from kgenesis import Campaign, run

MISSION: dict[str, Any] = {
    "name": "prior",
    "title": {"en": "A dye bath one has an idea of", "ko": "짐작이 있는 염색"},
    "space": {
        "factors": [
            {"name": "temperature", "type": "real", "low": 20, "high": 100, "step": 1, "unit": "degC"},
            {"name": "acidity", "type": "real", "low": 2, "high": 10, "step": 0.1, "unit": "1"},
            {"name": "salt", "type": "categorical", "levels": ["none", "NaCl", "Na2SO4"]},
        ]
    },
    "objectives": [{"name": "uptake", "goal": "maximize", "unit": "percent"}],
    "planner": {
        "name": "model",
        "settings": {"prior": {"temperature": {"about": 75, "within": 8}, "salt": {"Na2SO4": 3}}},
    },
    "start": [{"temperature": 75, "acidity": 5, "salt": "Na2SO4"}],
    "budget": {"experiments": 10},
}


def dye(bath: dict[str, Any]) -> dict[str, float]:
    """Stand for a spectrometer."""
    salt = {"none": 0.0, "NaCl": 8.0, "Na2SO4": 11.0}[bath["salt"]]
    return {"uptake": 80 + salt - (bath["temperature"] - 80) ** 2 / 50 - 2 * (bath["acidity"] - 4.2) ** 2}


def main(store: str | None = None) -> Campaign:
    """Run the campaign; return it."""
    campaign = run(MISSION, dye, seed=1, store=store, progress=False)
    print(campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

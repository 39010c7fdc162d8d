"""A noisy measurement: K-Genesis measures the best again before the end, and ends once little is likely to be left."""

import sys
from typing import Any

import numpy as np

from kgenesis import Campaign, run

NOISE = 3.0
"""Standard deviation of one test, MPa."""

MISSION: dict[str, Any] = {
    "name": "noise",
    "title": {"en": "Strength by a test that scatters", "ko": "흩어지는 시험으로 재는 강도"},
    "space": {
        "factors": [
            {"name": "temperature", "type": "real", "low": 100, "high": 200, "step": 5, "unit": "degC"},
            {"name": "time", "type": "real", "low": 5, "high": 60, "step": 5, "unit": "min"},
        ]
    },
    "objectives": [{"name": "strength", "goal": "maximize", "unit": "MPa", "noise": NOISE}],
    "planner": {"name": "model", "settings": {"replicate": "auto"}},
    "budget": {"experiments": 20},
    "stop_when_unlikely": {"improvement": 5, "probability": 0.05, "in_a_row": 2},
}


def main(store: str | None = None) -> Campaign:
    """Run to the end, whichever comes first: the budget, or that little is likely to be left; return the campaign."""
    scatter = np.random.default_rng(1)

    def test(conditions: dict[str, Any]) -> dict[str, float]:
        apart = ((conditions["temperature"] - 160) / 30) ** 2 + ((conditions["time"] - 35) / 20) ** 2
        return {"strength": 50 - 10 * apart + scatter.normal(0, NOISE)}

    campaign = run(MISSION, test, seed=1, store=store, progress=False)
    last = list(campaign.state.experiments.values())[-1]
    print(campaign.why(last.id))
    print(campaign.state.stopped, campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

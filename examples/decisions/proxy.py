"""A coarse mesh costs a tenth of a fine one: the budget is in hours, and K-Genesis chooses which mesh to compute."""

import sys
from typing import Any

from kgenesis import Campaign, run

MISSION: dict[str, Any] = {
    "name": "wing",
    "title": {"en": "Drag of a wing by two meshes", "ko": "두 격자로 계산하는 날개의 항력"},
    "space": {
        "factors": [
            {"name": "thickness", "type": "real", "low": 6, "high": 18, "step": 0.25, "unit": "percent"},
            {"name": "camber", "type": "real", "low": 0, "high": 6, "step": 0.25, "unit": "percent"},
            {"name": "mesh", "type": "fidelity", "levels": ["coarse", "fine"], "costs": [1, 10]},
        ]
    },
    "objectives": [{"name": "drag", "goal": "minimize", "unit": "1"}],
    "cost": {"amount": 2, "unit": "h"},
    "budget": {"experiments": 60, "cost": 20},
}


def drag(conditions: dict[str, Any]) -> dict[str, float]:
    """Stand for a flow solver; the coarse mesh sees nearly the same, a little too much."""
    thickness, camber = conditions["thickness"], conditions["camber"]
    fine = 80 + (thickness - 11) ** 2 + 4 * (camber - 2.5) ** 2 + 1.5 * (thickness - 11) * (camber - 2.5)
    return {"drag": fine if conditions["mesh"] == "fine" else 1.05 * fine + 3}


def main(store: str | None = None) -> Campaign:
    """Run until the hours are used up; return the campaign."""
    campaign = run(MISSION, drag, seed=1, store=store, progress=False)
    meshes = [row["mesh"] for row in campaign.experiments]
    print(f"{meshes.count('coarse')} coarse and {meshes.count('fine')} fine, {campaign.state.spent:g} h")
    print(campaign.best)
    return campaign


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The problem that every driver is given, and what all of them must have kept."""

import math

from gest_api.vocs import VOCS

CONSTANTS = {"offset": 0.5}


def valley(point):
    """A bowl around (0.3, 0.7) that breaks on the right; `c` must stay below 1."""
    x, y = point["x"], point["y"]
    if x > 0.95:
        raise RuntimeError("the pump stopped")
    return {"f": (x - 0.3) ** 2 + (y - 0.7) ** 2 + point["offset"], "c": x + y}


def vocs_of(**more):
    return VOCS(
        variables={"x": [0.0, 1.0], "y": [0.0, 1.0]},
        objectives={"f": "MINIMIZE"},
        constraints={"c": ["LESS_THAN", 1.05]},
        constants=CONSTANTS,
        **more,
    )


def check(points, n, best=0.53):
    """Make sure that `n` points were evaluated, that each is another one, and that the last ones are good."""
    assert len(points) == n
    assert len({(float(p["x"]), float(p["y"])) for p in points}) == n
    assert min(float(p["f"]) for p in points if p["f"] is not None and not math.isnan(p["f"])) < best

"""A made-up coating: hardness and yellowing of a blend of resins, by formulas that stand for a test bench."""

import math

import numpy as np

HARDNESS = {"acrylic": 70, "epoxy": 95, "polyester": 60, "polyurethane": 80, "silicone": 40, "melamine": 105}
YELLOWING = {"acrylic": 1.5, "epoxy": 9.0, "polyester": 4.0, "polyurethane": 5.0, "silicone": 0.5, "melamine": 3.0}


def measure(conditions: dict[str, float], seed: tuple[int, ...]) -> dict[str, float]:
    """Return the hardness (pendulum seconds) and yellowing (b* units) of one coating, with a little noise."""
    temperature, time = conditions["cure_temperature"], conditions["cure_time"]
    parts = {name: conditions[name] for name in HARDNESS}
    # how far the network has formed: an Arrhenius rate times time
    cured = 1 - math.exp(-time / 20 * math.exp((temperature - 165) / 25))
    baked = max(temperature - 170, 0) * time / 1500
    hardness = cured * sum(HARDNESS[name] * share for name, share in parts.items())
    hardness += 120 * parts["polyurethane"] * parts["melamine"]  # they cross-link
    yellowing = sum(YELLOWING[name] * share for name, share in parts.items()) * (1 + baked)
    noise = np.random.default_rng(seed).standard_normal(2)
    return {"hardness": hardness + 0.5 * noise[0], "yellowing": yellowing + 0.05 * noise[1]}

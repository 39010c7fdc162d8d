"""Laboratories of the field advanced robotics and manufacturing, and their mission files."""

from pathlib import Path

DISPATCHING = Path(__file__).with_name("dispatching.yaml")
"""A rule that tells machines what to take next."""

GAIT = Path(__file__).with_name("gait.yaml")
"""A four-legged robot that walks fast on little power."""

TOPOLOGY = Path(__file__).with_name("topology.yaml")
"""A machine's frame, stiff for its mass, as it can be made."""

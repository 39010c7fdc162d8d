"""Laboratories of advanced robotics and manufacturing, and the mission files that use them."""

from pathlib import Path

DISPATCHING = Path(__file__).with_name("dispatching.yaml")
"""A rule that tells machines what to take next."""

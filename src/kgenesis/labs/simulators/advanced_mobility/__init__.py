"""Laboratories of the field advanced mobility, and their mission files."""

from pathlib import Path

EV_RANGE = Path(__file__).with_name("ev-range.yaml")
"""An electric car that needs little and costs little."""

SIGNAL_PLAN = Path(__file__).with_name("signal-plan.yaml")
"""Traffic signals along an arterial road: little delay, and no side street that pays for it."""

"""Simulators that come with K-Genesis, and the mission files that use them."""

from pathlib import Path

BATTERY_FAST_CHARGE = Path(__file__).with_name("battery-fast-charge.yaml")
"""The built-in mission; an entry point of `kgenesis.missions` names it."""

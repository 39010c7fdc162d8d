"""Laboratories of secondary batteries, and the mission files that use them."""

from pathlib import Path

BATTERY_FAST_CHARGE = Path(__file__).with_name("battery-fast-charge.yaml")
"""The mission `battery-fast-charge`."""

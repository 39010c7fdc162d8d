"""Semiconductors and displays: devices and thin films."""

from pathlib import Path

ANTI_REFLECTION = Path(__file__).with_name("anti-reflection.yaml")
"""Four layers that hardly reflect; an entry point of `kgenesis.missions` names it."""

POWER_DEVICE = Path(__file__).with_name("power-device.yaml")
"""Least resistance at 1,200 V; an entry point of `kgenesis.missions` names it."""

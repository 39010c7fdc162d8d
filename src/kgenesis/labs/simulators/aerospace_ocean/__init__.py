"""Laboratories of the field aerospace and ocean, and their mission files."""

from pathlib import Path

WAVE_ABSORBER = Path(__file__).with_name("wave-absorber.yaml")
"""A buoy that takes power from waves."""

WING = Path(__file__).with_name("wing.yaml")
"""A wing of least drag at a bounded root bending moment."""

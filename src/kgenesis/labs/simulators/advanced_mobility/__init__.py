"""Laboratories of the field advanced mobility, and their mission files."""

from pathlib import Path

EV_RANGE = Path(__file__).with_name("ev-range.yaml")
"""An electric car that needs little and costs little."""

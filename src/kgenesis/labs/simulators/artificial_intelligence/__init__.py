"""Laboratories of artificial intelligence, and the mission files that use them."""

from pathlib import Path

SMALL_MODEL = Path(__file__).with_name("small-model.yaml")
"""A reader of digits small enough for a sensor node."""

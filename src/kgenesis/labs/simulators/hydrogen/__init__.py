"""Laboratories of hydrogen, and the mission files that use them."""

from pathlib import Path

ELECTROLYSER = Path(__file__).with_name("electrolyser.yaml")
"""The mission `electrolyser`."""

GAS_TURBINE = Path(__file__).with_name("gas-turbine.yaml")
"""The mission `gas-turbine`."""

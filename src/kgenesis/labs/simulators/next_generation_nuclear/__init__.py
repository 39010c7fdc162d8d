"""Laboratories of next-generation nuclear power, and the mission files that use them."""

from pathlib import Path

CORE_LOADING = Path(__file__).with_name("core-loading.yaml")
"""The mission `core-loading`."""

SCO2_CYCLE = Path(__file__).with_name("sco2-cycle.yaml")
"""The mission `sco2-cycle`."""

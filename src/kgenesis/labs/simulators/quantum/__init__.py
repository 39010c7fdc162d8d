"""Quantum computing: codes and control."""

from pathlib import Path

SURFACE_CODE = Path(__file__).with_name("surface-code.yaml")
"""A logical qubit at the least volume; an entry point of `kgenesis.missions` names it."""

DRAG_PULSE = Path(__file__).with_name("drag-pulse.yaml")
"""A fast gate that does not leak; an entry point of `kgenesis.missions` names it."""

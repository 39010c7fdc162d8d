"""Laboratories of advanced biotechnology, and the mission files that use them."""

from pathlib import Path

MOLECULE = Path(__file__).with_name("molecule.yaml")
"""A drug-like candidate on the scaffold of chloroquine."""

SUCCINATE = Path(__file__).with_name("succinate.yaml")
"""A strain of Escherichia coli that must make succinate to grow."""

"""Laboratories of advanced biotechnology, and the mission files that use them."""

from pathlib import Path

SUCCINATE = Path(__file__).with_name("succinate.yaml")
"""A strain of Escherichia coli that must make succinate to grow."""

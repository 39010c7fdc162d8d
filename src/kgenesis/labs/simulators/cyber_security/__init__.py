"""Laboratories of cyber security, and the mission files that use them."""

from pathlib import Path

INTRUSION_DETECTOR = Path(__file__).with_name("intrusion-detector.yaml")
"""A streaming detector: the most attacks found at a rate of false alarms and a number of operations."""

KEM_PARAMETERS = Path(__file__).with_name("kem-parameters.yaml")
"""Parameters of a module-lattice key encapsulation: the fewest bytes at a security and a failure rate."""

"""Laboratories of cyber security, and the mission files that use them."""

from pathlib import Path

KEM_PARAMETERS = Path(__file__).with_name("kem-parameters.yaml")
"""Parameters of a module-lattice key encapsulation: the fewest bytes at a security and a failure rate."""

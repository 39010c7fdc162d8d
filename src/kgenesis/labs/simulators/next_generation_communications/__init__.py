"""Next-generation communications: codes and links."""

from pathlib import Path

LDPC_DEGREES = Path(__file__).with_name("ldpc-degrees.yaml")
"""A code of rate one half close to the Shannon limit; an entry point of `kgenesis.missions` names it."""

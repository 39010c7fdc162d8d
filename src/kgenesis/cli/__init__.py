"""The door for terminals: `kgenesis …`.

Nothing of the platform is imported before a command needs it, so that `--help` answers at once.
"""

from kgenesis.cli.entry import main

__all__ = ["main"]

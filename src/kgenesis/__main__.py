"""`python -m kgenesis` is `kgenesis`."""

import sys

from kgenesis.cli import main

if __name__ == "__main__":  # worker processes import this file again under another name
    sys.exit(main())

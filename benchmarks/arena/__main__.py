"""Start the benchmark: `python benchmarks/arena --help`."""

import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before any numerical library is imported, here and in the workers
sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from arena.command import main

    sys.exit(main(sys.argv[1:]))

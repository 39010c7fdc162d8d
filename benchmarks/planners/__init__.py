"""Planners, ours and other people's, on the same experiments: `python benchmarks/planners --help`."""

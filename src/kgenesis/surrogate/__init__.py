"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.gp import GaussianProcess, make_gp

__all__ = ["GaussianProcess", "make_gp"]

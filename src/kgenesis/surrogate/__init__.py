"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.gp import GaussianProcess

__all__ = ["GaussianProcess"]

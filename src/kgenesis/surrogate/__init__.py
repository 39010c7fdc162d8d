"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.gp import GaussianProcess, make_gp
from kgenesis.surrogate.portfolio import Portfolio, make_portfolio
from kgenesis.surrogate.trees import Trees, make_trees

__all__ = ["GaussianProcess", "Portfolio", "Trees", "make_gp", "make_portfolio", "make_trees"]

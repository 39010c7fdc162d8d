"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.genesis import Genesis, make_genesis
from kgenesis.surrogate.gp import GaussianProcess, make_gp
from kgenesis.surrogate.portfolio import Portfolio, make_portfolio
from kgenesis.surrogate.trees import Trees, make_trees

__all__ = [
    "GaussianProcess", "Genesis", "Portfolio", "Trees", "make_genesis", "make_gp", "make_portfolio", "make_trees",
]  # fmt: skip

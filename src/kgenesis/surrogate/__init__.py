"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.evaluation import evaluate as evaluate_model
from kgenesis.surrogate.genesis import find as find_model
from kgenesis.surrogate.genesis import make_genesis
from kgenesis.surrogate.gp import GaussianProcess, make_gp
from kgenesis.surrogate.lineage import Finding
from kgenesis.surrogate.lineage import verify as verify_lineage
from kgenesis.surrogate.portfolio import Portfolio, make_portfolio
from kgenesis.surrogate.recipe import Recipe
from kgenesis.surrogate.training import Sitting, begin_training, resume_training
from kgenesis.surrogate.trees import Trees, make_trees

__all__ = [
    "Finding",
    "GaussianProcess",
    "Portfolio",
    "Recipe",
    "Sitting",
    "Trees",
    "begin_training",
    "evaluate_model",
    "find_model",
    "make_genesis",
    "make_gp",
    "make_portfolio",
    "make_trees",
    "resume_training",
    "verify_lineage",
]

"""Learn from history, say what to expect and how surely."""

from kgenesis.surrogate.entrants import Entrant
from kgenesis.surrogate.evaluation import evaluate as evaluate_model
from kgenesis.surrogate.gate import Gate
from kgenesis.surrogate.gate import judge as judge_independence
from kgenesis.surrogate.genesis import make_genesis
from kgenesis.surrogate.gp import make_gp
from kgenesis.surrogate.portfolio import make_portfolio
from kgenesis.surrogate.recipe import Recipe
from kgenesis.surrogate.sheet import Decisions, Sheet
from kgenesis.surrogate.sheet import score as score_model
from kgenesis.surrogate.training import Sitting, begin_training, resume_training
from kgenesis.surrogate.trees import make_trees

__all__ = [
    "Decisions",
    "Entrant",
    "Gate",
    "Recipe",
    "Sheet",
    "Sitting",
    "begin_training",
    "evaluate_model",
    "judge_independence",
    "make_genesis",
    "make_gp",
    "make_portfolio",
    "make_trees",
    "resume_training",
    "score_model",
]

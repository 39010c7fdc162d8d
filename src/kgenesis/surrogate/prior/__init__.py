"""Imaginary campaigns that the foundation model learns from: factors, responses, noise and designs, all drawn by us."""

from kgenesis.surrogate.prior.datasets import DataSet, draw_data_set
from kgenesis.surrogate.prior.responses import Process, draw_process
from kgenesis.surrogate.prior.stream import VALIDATION, Drawn, chain, draw_step, draw_steps

__all__ = [
    "VALIDATION",
    "DataSet",
    "Drawn",
    "Process",
    "chain",
    "draw_data_set",
    "draw_process",
    "draw_step",
    "draw_steps",
]

"""Carry a task to a lab and its result back: in this process, or in a pool of worker processes."""

from kgenesis.executors.inline import InlineExecutor
from kgenesis.executors.pool import PoolExecutor
from kgenesis.executors.work import perform

__all__ = ["InlineExecutor", "PoolExecutor", "perform"]

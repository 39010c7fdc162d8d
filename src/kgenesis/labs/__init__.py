"""Where conditions become outcomes: simulators, tables, programs, functions, people."""

from kgenesis.labs.columns import Columns, read_columns
from kgenesis.labs.scaffold import write_lab_plugin

__all__ = ["Columns", "read_columns", "write_lab_plugin"]

"""Proposals to a sheet that people fill in, and their results back: CSV and Excel."""

from kgenesis.app.sheets.layout import neutral
from kgenesis.app.sheets.loading import Sheet
from kgenesis.app.sheets.reading import ResultRow, read_results, results_of
from kgenesis.app.sheets.writing import write_proposals

__all__ = ["ResultRow", "Sheet", "neutral", "read_results", "results_of", "write_proposals"]

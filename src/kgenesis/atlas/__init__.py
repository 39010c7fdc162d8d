"""The 12 fields and 50 technologies of national strategic technology: versioned reference data, and the search in it."""

from kgenesis.atlas.atlas import DEFAULT, HINT, Atlas, load_atlas, schemes
from kgenesis.atlas.search import Found, Index
from kgenesis.atlas.spec import Entry, Field, NeighbouringList, Source, Target, Technology, Verification

__all__ = [
    "DEFAULT",
    "HINT",
    "Atlas",
    "Entry",
    "Field",
    "Found",
    "Index",
    "NeighbouringList",
    "Source",
    "Target",
    "Technology",
    "Verification",
    "load_atlas",
    "schemes",
]

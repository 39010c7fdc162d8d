"""A space that can learn from experiments beyond its bounds: earlier bounds, levels that are gone, held factors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Conditions, Value
from kgenesis.kernel.factors import RESOLUTION, Categorical, Variable
from kgenesis.kernel.space import Space, seen_as

Described = Mapping[str, Mapping[str, float]]
"""The descriptors of each level of a factor."""


def remembering(space: Space, rows: Sequence[Conditions], spaces: Sequence[Space] = ()) -> Space:
    """Return the space, its arrays as wide as what rows hold; what may be tried stays as it is.

    A factor that is held now but varied in the rows is learned from as before, so that its effect is not taken for
    noise. A context factor's bounds stay: they say nothing of what was measured.

    Args:
        space: what may be tried.
        rows: conditions of experiments done elsewhere or before; they may lack variables.
        spaces: where those conditions came from, the latest last; they know the descriptors of levels that are gone.
    """
    wide = [
        _widened(v, [row.get(v.name) for row in rows], described(v.name, [*spaces, space])) for v in space.variables
    ]
    return space if all(w is v for w, v in zip(wide, space.variables, strict=True)) else seen_as(space, wide)


def described(name: str, spaces: Sequence[Space]) -> Described:
    """Return the descriptors of every level that a categorical factor ever had; the latest space's word counts."""
    found: dict[str, Mapping[str, float]] = {}
    for space in spaces:
        for factor in space.factors:
            if isinstance(factor, Categorical) and factor.name == name and factor.descriptors:
                columns = list(zip(*factor.descriptors.values(), strict=True))
                found |= {
                    level: dict(zip(factor.descriptors, row, strict=True))
                    for level, row in zip(factor.levels, columns, strict=True)
                }
    return found


def _widened(variable: Variable, cells: Sequence[Value], known: Described) -> Variable:
    if variable.levels:
        levels = tuple(dict.fromkeys([*variable.levels, *(cell for cell in cells if isinstance(cell, str))]))
        if len(levels) == len(variable.levels):
            return variable
        role = "controlled" if variable.role == "fixed" else variable.role
        return replace(
            variable, levels=levels, high=len(levels) - 1, coordinates=_coordinates(levels, known), role=role
        )
    numbers = [float(cell) for cell in cells if isinstance(cell, int | float)]
    if variable.is_log:
        numbers = [number for number in numbers if number > 0]
    low, high = min([variable.low, *numbers]), max([variable.high, *numbers])
    slack = RESOLUTION * max(high - low, abs(low), abs(high))
    is_inside = low >= variable.low - slack and high <= variable.high + slack
    if variable.role == "context" or is_inside:
        return variable
    return replace(variable, low=low, high=high, grid=None, role="controlled")


def _coordinates(levels: Sequence[str], known: Described) -> NDArray[np.float64]:
    """Return what levels are encoded as (n_levels, c): their descriptors where all have the same ones."""
    names = {tuple(known.get(level, ())) for level in levels}
    if len(names) == 1 and (keys := names.pop()):
        table = np.array([[known[level][key] for key in keys] for level in levels])
        span = np.ptp(table, axis=0)
        table, span = table[:, span > 0], span[span > 0]
        if len(np.unique(table, axis=0)) == len(levels):
            scaled: NDArray[np.float64] = (table - table.min(axis=0)) / span
            return scaled
    return np.eye(len(levels))

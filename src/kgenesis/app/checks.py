"""Compare a mission's laboratory with what is known by other means: published values, closed forms, balances."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from kgenesis.app.mission_files import load_mission
from kgenesis.app.platform import make_lab
from kgenesis.kernel.text import Text


class Comparison(Protocol):
    """One quantity, as the laboratory gives it and as it is known."""

    what: Text
    found: float
    expected: float
    tolerance: float
    unit: str
    source: str

    @property
    def holds(self) -> bool:
        """Whether the two agree within the tolerance."""
        ...


@runtime_checkable
class Checked(Protocol):
    """A laboratory that can be compared with what is known."""

    def checks(self) -> Iterator[Comparison]:
        """Do the comparisons, one after another; seconds, at most a minute."""
        ...


def check_lab(name_or_path: str) -> Iterator[dict[str, Any]]:
    """Yield the comparisons of a mission's laboratory as they are done; none if it has none.

    Args:
        name_or_path: a built-in mission's name, or the path of a mission file.

    Raises:
        NotFound, InvalidSpec, UnknownPlugin: there is no such mission, or it is not valid.
        MissingPart: an engine is not installed.
    """
    loaded = load_mission(name_or_path)
    mission = loaded.mission
    lab = make_lab(mission.problem, mission.lab.name, mission.lab.settings, loaded.folder)
    if isinstance(lab, Checked):
        for one in lab.checks():
            yield {
                "what": one.what.model_dump(), "found": one.found, "expected": one.expected, "tolerance": one.tolerance,
                "unit": one.unit, "source": one.source, "holds": one.holds,
            }  # fmt: skip

"""The lab `people`: somebody does the experiment at a bench and brings the results back on a sheet."""

from kgenesis.kernel.experiment import Failure, Frozen, Result, Task
from kgenesis.kernel.ports import PluginContext
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import Text, say
from kgenesis.labs.settings import read_settings


class Settings(Frozen):
    """What the lab `people` can be told in a mission file."""

    instructions: Text | None = None
    """How to do the experiment; printed on every sheet. One text, or `{en: …, ko: …}`."""
    version: str = "1"
    """Change it when the protocol or the instrument changes."""


def make_lab(context: PluginContext) -> "PeopleLab":
    """Return the lab of a mission.

    Raises:
        InvalidSpec: a setting is wrong.
    """
    return PeopleLab(read_settings(Settings, context), context.problem)


class PeopleLab:
    """Experiments done by hand: proposals leave on a sheet, results come back on one."""

    name = "people"
    is_physical = True

    def __init__(self, settings: Settings, problem: Problem | None) -> None:
        self.version = settings.version
        self.instructions = settings.instructions
        self._problem = problem

    @property
    def outcomes(self) -> frozenset[str] | None:
        """The outcomes the sheet has columns for: all the mission asks for."""
        return None if self._problem is None else frozenset(self._problem.outcomes)

    def measure(self, task: Task) -> Result:
        """Refuse: no program can do it."""
        reason = say(
            f"experiment {task.experiment} is done by people: `kgenesis suggest` writes the sheet and "
            "`kgenesis record` takes the results",
            f"실험 {task.experiment}은(는) 사람이 합니다. `kgenesis suggest`로 시트를 만들고 "
            "`kgenesis record`로 결과를 넣으세요",
        )
        return Failure(kind="refused", reason=reason)

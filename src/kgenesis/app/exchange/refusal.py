"""What exporters share: the reasons why a program cannot say what a campaign says, and an experiment as a row."""

from kgenesis.campaign.state import CampaignState, Experiment
from kgenesis.kernel.errors import BadInput, Mistake
from kgenesis.kernel.experiment import Value
from kgenesis.kernel.factors import Grid, Integer, Real
from kgenesis.kernel.fidelity import AnyFactor, Fidelity
from kgenesis.kernel.text import say


class Refusal:
    """The reasons why a campaign cannot be written for a program."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._reasons: list[Mistake] = []

    def add(self, field: str, en: str, ko: str) -> None:
        """Note something the program has no word for."""
        self._reasons.append(Mistake(say(en, ko), field))

    def check_plain(self, factor: AnyFactor) -> None:
        """Note a factor that exists only under a condition, or is no factor but the thoroughness of an experiment."""
        if isinstance(factor, Fidelity):
            self.add(factor.name, "a fidelity", "충실도")
        if factor.active_if:
            self.add(factor.name, "a factor that does not always exist", "늘 존재하지는 않는 요인")

    def check_scale(self, factor: Real | Integer | Grid) -> None:
        """Note a logarithmic scale."""
        if factor.scale == "log":
            self.add(factor.name, "a logarithmic scale", "로그 척도")

    def raise_if_any(self) -> None:
        """Refuse if there is a reason.

        Raises:
            BadInput: with every reason.
        """
        if self._reasons:
            raise BadInput(
                say(
                    f"{self._program} cannot say all that this campaign says",
                    f"{self._program}(으)로는 이 캠페인을 그대로 나타낼 수 없습니다",
                ),
                self._reasons,
                hint=say(
                    "Nothing was written. `--output table.csv` writes the experiments alone.",
                    "아무것도 쓰지 않았습니다. `--output table.csv`는 실험 표만 씁니다.",
                ),
            )


def as_row(state: CampaignState, experiment: Experiment) -> dict[str, Value]:
    """Return an experiment's value of every variable, whole numbers as such, context as it was measured."""
    conditions = experiment.conditions if experiment.result is None else experiment.observation().conditions
    space = state.mission.space
    return space.to_rows(space.to_values([conditions]))[0]

"""What a campaign is compared with, as data: the outcomes of a search without AI, kept raw.

Raw outcomes and not curves, so that another target or constraint needs no new reference. Three kinds:

- `closed-form`: every point of a finite table was looked at, so random search over it can be computed exactly;
- `measured`: a random or Sobol search was done many times over;
- `estimate`: nobody can afford to search a real laboratory at random, so a surrogate says what would have come out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from kgenesis.campaign.learning import learn_outcomes
from kgenesis.campaign.metrics import DIGITS, FloatArray
from kgenesis.campaign.spec import Mission
from kgenesis.campaign.state import CampaignState
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.experiment import Failure, FailureKind, Frozen, Measurement, Result
from kgenesis.kernel.ports import Surrogate
from kgenesis.kernel.sampling import sample
from kgenesis.kernel.text import Text, say

Kind = Literal["closed-form", "measured", "estimate"]

ESTIMATE_POINTS = 512
"""Conditions drawn at random per group of beliefs: an estimate sees chances down to about one in this many."""
ESTIMATE_GROUPS = 4
ESTIMATE_DRAWS = 25
"""Draws from the surrogate's belief per group."""


class Repeat(Frozen):
    """The experiments of one search in order, column by column."""

    outcomes: dict[str, tuple[float | None, ...]]
    """Means rounded to six significant digits; null where the experiment failed or did not measure it."""
    failures: dict[int, FailureKind] = Field(default_factory=dict)
    """What kind of failure, by place from 0."""

    @property
    def n(self) -> int:
        """Number of experiments, failed ones included."""
        return len(next(iter(self.outcomes.values()), ()))

    def columns(self) -> dict[str, FloatArray]:
        """Return each outcome as an array (n,), NaN for null."""
        return {name: np.array(column, dtype=np.float64) for name, column in self.outcomes.items()}


class Reference(Frozen):
    """A search without AI, to compare with; a JSON file."""

    kgenesis_reference: Literal[1] = 1
    kind: Kind
    mission: str
    """Name of the mission it was made for."""
    key: str
    """`Mission.reference_key`: space, lab and outcomes it holds for."""
    lab: str
    lab_version: str
    planner: str
    """Who chose the experiments: `random`, `sobol`."""
    seed: Annotated[int, Field(ge=0)] = 0
    repeats: tuple[Repeat, ...] = Field(min_length=1)
    """Independent searches; for `closed-form` one, with every point; for `estimate` one per draw of belief."""
    made_with: dict[str, str] = Field(default_factory=dict)
    """Versions of K-Genesis, Python and the libraries."""
    command: str = ""
    """What makes it again."""

    @property
    def n_experiments(self) -> int:
        """Experiments in the shortest repeat."""
        return min(repeat.n for repeat in self.repeats)


def _repeat(outcomes: Sequence[str], results: Sequence[Result]) -> Repeat:
    def rounded(result: Result, name: str) -> float | None:
        if not isinstance(result, Measurement) or name not in result.outcomes:
            return None
        return float(f"{result.outcomes[name].mean:.{DIGITS}g}")

    return Repeat(
        outcomes={name: tuple(rounded(result, name) for result in results) for name in outcomes},
        failures={i: result.kind for i, result in enumerate(results) if isinstance(result, Failure)},
    )


def measured(
    mission: Mission, lab_version: str, repeats: Iterable[Sequence[Result]], seed: int,
    made_with: Mapping[str, str] | None = None, command: str = "",
) -> Reference:  # fmt: skip
    """Return a reference from independent searches by `mission.reference.planner`, results in order.

    Raises:
        ValueError: there is no repeat, or one is empty.
    """
    kept = tuple(_repeat(mission.problem.outcomes, results) for results in repeats)
    if not kept or min(repeat.n for repeat in kept) == 0:
        msg = "a measured reference needs repeats with experiments in them"
        raise ValueError(msg)
    return Reference(
        kind="measured", mission=mission.name, key=mission.reference_key, lab=mission.lab.name,
        lab_version=lab_version, planner=mission.reference.planner, seed=seed, repeats=kept,
        made_with=dict(made_with or {}), command=command,
    )  # fmt: skip


def closed_form(
    mission: Mission, lab_version: str, results: Sequence[Result],
    made_with: Mapping[str, str] | None = None, command: str = "",
) -> Reference:  # fmt: skip
    """Return the exact reference of a finite table: what every one of its points gives, in any order.

    The search it stands for draws points at random without replacement and measures each once.
    """
    return Reference(
        kind="closed-form", mission=mission.name, key=mission.reference_key, lab=mission.lab.name,
        lab_version=lab_version, planner="random", repeats=(_repeat(mission.problem.outcomes, results),),
        made_with=dict(made_with or {}), command=command,
    )  # fmt: skip


def estimate(state: CampaignState, surrogate: Surrogate, seed: int | None = None) -> Reference | None:
    """Return what a random search would probably have found, from what the campaign itself learned.

    Conditions are drawn uniformly over the feasible space; outcomes are drawn jointly from the surrogate's posterior,
    one function per repeat, plus the noise of one measurement. Failures are not imagined, which favours the random
    search. None if the surrogate has nothing to learn from. It is an estimate: everything that shows it says so.
    """
    mission = state.mission
    learned = learn_outcomes(state, surrogate)
    if any(name not in learned for name in mission.problem.outcomes):
        return None
    rng = np.random.default_rng((state.seed if seed is None else seed, state.n_final, 17))
    repeats: list[Repeat] = []
    for _ in range(ESTIMATE_GROUPS):
        x = mission.space.encode(sample(mission.space, ESTIMATE_POINTS, rng, mission.problem.full))
        drawn: dict[str, FloatArray] = {}
        for name in mission.problem.outcomes:
            mean, covariance = learned[name].posterior.joint(x)
            shape = (ESTIMATE_DRAWS, ESTIMATE_POINTS)
            noise = learned[name].posterior.noise_sd * rng.standard_normal(shape)
            drawn[name] = mean + rng.standard_normal(shape) @ _root(covariance).T + noise
        repeats += [
            Repeat(outcomes={n: tuple(float(f"{v:.{DIGITS}g}") for v in rows[i].tolist()) for n, rows in drawn.items()})
            for i in range(ESTIMATE_DRAWS)
        ]
    return Reference(
        kind="estimate", mission=mission.name, key=mission.reference_key, lab=mission.lab.name,
        lab_version=state.lab_version, planner="random", seed=state.seed if seed is None else seed,
        repeats=tuple(repeats), made_with=dict(state.versions),
    )  # fmt: skip


def _root(covariance: FloatArray) -> FloatArray:
    """Return a matrix whose product with its own transpose is the covariance, however close to singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: FloatArray = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def read_reference(text: str, file: str = "") -> Reference:
    """Return a reference from its JSON.

    Raises:
        InvalidSpec: it is not one.
    """
    try:
        return Reference.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidSpec(
            say(
                f"{file or 'the reference'} is not a reference file: {place}: {first['msg']}",
                f"{file or '기준'} 파일은 기준 파일이 아닙니다: {place}: {first['msg']}",
            ),
            hint=say("Make it again with `kgenesis reference make`.", "`kgenesis reference make`로 다시 만드세요."),
        ) from error


def load_reference(path: Path) -> Reference:
    """Return the reference in a file.

    Raises:
        InvalidSpec: it is not one.
    """
    return read_reference(path.read_text(encoding="utf-8"), path.name)


_ENGINE = re.compile(r"(?<=\+)([A-Za-z][\w.-]*)-\d+\.[\w.]+")
"""An engine and its version inside a lab's version, as simulators write it: `1+stim-1.16.0+…`."""


def _without_engines(lab_version: str) -> str:
    """Return a lab's version with the names of its engines but not their versions."""
    return _ENGINE.sub(r"\1", lab_version)


def caution(reference: Reference, lab_version: str) -> Text | None:
    """Return what must be said of a reference that fits but was measured with other versions of the lab's engines.

    A library that is a release newer rarely changes what a search at random needs; without a word it must not pass.
    """
    if reference.lab_version == lab_version:
        return None
    return say(
        f"The reference was measured with {reference.lab_version}, this campaign with {lab_version}; "
        "`kgenesis reference make` measures it anew.",
        f"기준은 {reference.lab_version}(으)로, 이 캠페인은 {lab_version}(으)로 측정했습니다. "
        "`kgenesis reference make`로 다시 측정할 수 있습니다.",
    )


def mismatch(reference: Reference, mission: Mission, lab_version: str) -> Text | None:
    """Return why a reference does not fit a mission and its lab, None if it does."""
    if reference.key != mission.reference_key:
        return say(
            f"the reference was made for another problem (key {reference.key}, this mission has "
            f"{mission.reference_key}): the space, the lab's settings or the outcomes have changed",
            f"이 기준은 다른 문제로 만든 것입니다(키 {reference.key}, 이 미션의 키 {mission.reference_key}). "
            "공간, 실험실 설정 또는 결과 항목이 바뀌었습니다",
        )
    if _without_engines(reference.lab_version) != _without_engines(lab_version):
        return say(
            f"the reference was measured with {reference.lab} {reference.lab_version}, the lab is now {lab_version}",
            f"이 기준은 {reference.lab} {reference.lab_version} 버전으로 측정했고, "
            f"지금 실험실은 {lab_version} 버전입니다",
        )
    if reference.kind == "measured" and reference.planner != mission.reference.planner:
        return say(
            f"the reference is a {reference.planner} search, the mission asks for {mission.reference.planner}",
            f"이 기준은 {reference.planner} 탐색이고, 미션이 요구하는 것은 {mission.reference.planner} 탐색입니다",
        )
    return None

"""K-Genesis as a sampler of Optuna: the study keeps the records, our planners decide."""

import json
import secrets
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError
from typing_extensions import override

from kgenesis.app.platform import make_planner
from kgenesis.campaign.spec import Choice
from kgenesis.kernel.errors import MissingPart
from kgenesis.kernel.experiment import Conditions, Failure, Measurement, Observation, Result, Value
from kgenesis.kernel.factors import MAX_GRID
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.ports import Planner, ProposalRequest
from kgenesis.kernel.problem import Problem
from kgenesis.kernel.text import say

try:
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.search_space import intersection_search_space
    from optuna.study import Study, StudyDirection
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise MissingPart(
        say("an Optuna sampler needs the package optuna", "Optuna 샘플러에는 optuna 패키지가 필요합니다"),
        hint=say("Install it: pip install 'kgenesis[optuna]'", "설치하세요: pip install 'kgenesis[optuna]'"),
    ) from error

SearchSpace = dict[str, BaseDistribution]

_DECIDED = "kgenesis:relative_params"
"""Attribute of a trial where its parameters stand from the moment they are decided, before the objective asks."""

_LONGEST = 2045
"""Characters of an attribute; Optuna's relational storage takes no more (as its own samplers note)."""

_LOOKS = 6
"""How often a trial is decided, should other processes decide the same at the same moment."""

_ONE_BY_ONE = threading.Lock()
"""Threads decide one after another, each knowing what the others decided."""


class OptunaSampler(BaseSampler):
    """Samples parameters of an Optuna study by one of our planners.

    All that the planner knows is the study: finished trials, and running ones as pending. Trials with values count as
    measured, pruned ones at the last value they reported. Trials that failed, or were pruned without a value, count
    as conditions that do not work. Values of `trial.set_constraint` must be zero or less, as everywhere in Optuna.

    Parameters that every finished trial has (the intersection search space) are decided together; the others, as in
    the first trial of a study, by `independent_sampler`.

    Args:
        planner: name of the planner.
        settings: the planner's own settings.
        seed: decides every random choice; drawn if not given.
        search_space: distributions by parameter, if they are known beforehand: then the first trial is planned too.
        independent_sampler: for parameters outside the search space; a random sampler if not given.
    """

    def __init__(
        self,
        *,
        planner: str = "model",
        settings: Mapping[str, Any] | None = None,
        seed: int | None = None,
        search_space: Mapping[str, BaseDistribution] | None = None,
        independent_sampler: BaseSampler | None = None,
    ) -> None:
        self._choice = Choice(name=planner, settings=dict(settings or {}))
        self._seed = secrets.randbits(32) if seed is None else seed
        self._search_space = dict(search_space or {})
        self._independent = independent_sampler

    @override
    def reseed_rng(self) -> None:
        # ours draws from (seed, number of the trial): no two trials share a stream, whichever process does them
        if self._independent is not None:
            self._independent.reseed_rng()

    @override
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that are decided together."""
        found = self._search_space or intersection_search_space(study.get_trials(deepcopy=False))
        return {name: d for name, d in sorted(found.items()) if not d.single() and _factor(d) is not None}

    @override
    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: SearchSpace) -> dict[str, Any]:
        """Return values of all parameters in the search space; none where a finite space has no untried point left."""
        if not search_space:
            return {}
        space, params = _Space(search_space), {}
        with _ONE_BY_ONE:
            for _ in range(_LOOKS):
                params = self._decide(study, trial, space)
                self._note(study, trial, params)
                # two processes may have decided the same before either could see it: whoever sees that looks again
                if not any(_has(_decided(t), params) for t in _others(study, trial)):
                    break
        return params

    def _decide(self, study: Study, trial: FrozenTrial, space: "_Space") -> dict[str, Any]:
        """Return values of all parameters in a space, by all that the study knows now."""
        others = _others(study, trial)
        finished = [t for t in others if t.state.is_finished() and space.has(t.params)]
        running = [_decided(t) for t in others if t.state == TrialState.RUNNING]
        constraints = sorted({key for t in finished for key in t.constraints})
        problem = _problem(space, study.directions, len(constraints))
        request = ProposalRequest(
            problem,
            [Observation(_id(t), space.conditions(t.params), _result(t, constraints)) for t in finished],
            [space.conditions(params) for params in running if space.has(params)],
            1,
            (self._seed, trial.number),
            space.conditions(space.known(trial.system_attrs.get("fixed_params", {}))),
        )
        planner: Planner = make_planner(problem, self._choice)
        proposals = planner.propose(request)
        return space.params(proposals[0].conditions) if proposals else {}

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return one parameter by itself."""
        if self._independent is not None:
            return self._independent.sample_independent(study, trial, param_name, param_distribution)
        stream = np.random.SeedSequence((self._seed, trial.number, zlib.crc32(param_name.encode())))
        drawn = RandomSampler(seed=int(stream.generate_state(1)[0]))
        return drawn.sample_independent(study, trial, param_name, param_distribution)

    @override
    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if self._independent is not None:
            self._independent.before_trial(study, trial)

    @override
    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        if self._independent is not None:
            self._independent.after_trial(study, trial, state, values)

    @staticmethod
    def _note(study: Study, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Write down what was decided, so that other workers know before the objective asks for it."""
        text = json.dumps(params)
        for i, start in enumerate(range(0, len(text), _LONGEST)):
            part = text[start : start + _LONGEST]
            study._storage.set_trial_system_attr(trial._trial_id, f"{_DECIDED}:{i}", part)  # noqa: SLF001


def _others(study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
    return [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]


def _has(whole: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return bool(part) and all(name in whole and whole[name] == value for name, value in part.items())


class _Space:
    """A search space in both languages."""

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = distributions
        self.names = {name: f"p{i}" for i, name in enumerate(distributions)}  # Optuna allows any text as a name

    def factors(self) -> list[dict[str, Any]]:
        """Return our factors."""
        return [{"name": self.names[name], **(_factor(d) or {})} for name, d in self.distributions.items()]

    def has(self, params: Mapping[str, Any]) -> bool:
        """Say whether these are values of all parameters; a trial may have been added from anywhere."""
        return self.distributions.keys() <= self.known(params).keys()

    def known(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that belong to the space."""
        return {
            name: value for name, value in params.items() if name in self.distributions and self._is_in(name, value)
        }

    def _is_in(self, name: str, value: Any) -> bool:
        distribution = self.distributions[name]
        try:
            return bool(distribution._contains(distribution.to_internal_repr(value)))  # noqa: SLF001
        except ValueError:
            return False

    def conditions(self, params: Mapping[str, Any]) -> dict[str, Value]:
        """Return parameters as conditions of ours."""
        conditions: dict[str, Value] = {}
        for name, distribution in self.distributions.items():
            if name in params:
                number = distribution.to_internal_repr(params[name])
                is_level = isinstance(distribution, CategoricalDistribution)
                conditions[self.names[name]] = str(int(number)) if is_level else number
        return conditions

    def params(self, conditions: Conditions) -> dict[str, Any]:
        """Return conditions of ours as parameters."""
        return {name: _value(d, conditions[self.names[name]]) for name, d in self.distributions.items()}


def _factor(distribution: BaseDistribution) -> dict[str, Any] | None:
    """Return a distribution as a factor of ours without its name; None if it cannot be one."""
    factor: dict[str, Any]
    match distribution:
        case CategoricalDistribution():
            return {"type": "categorical", "levels": [str(i) for i in range(len(distribution.choices))]}
        case FloatDistribution() | IntDistribution():
            low, high, step = distribution.low, distribution.high, distribution.step
            scale = "log" if distribution.log else "linear"
            factor = {"type": "real", "low": low, "high": high, "scale": scale, "unit": "1"}
            n_steps = (high - low) / step if step else np.inf
            if n_steps <= MAX_GRID:  # finer ones are decided as numbers and rounded
                is_whole = isinstance(distribution, IntDistribution) and step == 1
                factor |= {"type": "integer"} if is_whole else {"step": step}
        case _:
            return None
    try:
        _problem_of([{"name": "p", **factor}], ["minimize"], 0)
    except ValidationError:
        return None  # bounds too close or too far apart for floating-point numbers
    return factor


def _value(distribution: BaseDistribution, value: Value) -> Any:
    """Return a value of ours as the distribution has it."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(str(value))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    assert isinstance(value, int | float)
    number = float(value)
    if distribution.step:
        number = distribution.low + round((number - distribution.low) / distribution.step) * distribution.step
    number = min(max(number, distribution.low), distribution.high)
    return round(number) if isinstance(distribution, IntDistribution) else number


def _problem(space: _Space, directions: Sequence[StudyDirection], n_constraints: int) -> Problem:
    goals = ["maximize" if direction == StudyDirection.MAXIMIZE else "minimize" for direction in directions]
    return _problem_of(space.factors(), goals, n_constraints)


def _problem_of(factors: Sequence[Mapping[str, Any]], goals: Sequence[str], n_constraints: int) -> Problem:
    return Problem.model_validate({
        "space": {"factors": factors},
        "objectives": [{"name": f"v{i}", "goal": goal, "unit": "1"} for i, goal in enumerate(goals)],
        "outcome_constraints": [{"outcome": f"c{i}", "at_most": 0, "unit": "1"} for i in range(n_constraints)],
    })  # fmt: skip


def _result(trial: FrozenTrial, constraints: Sequence[str]) -> Result:
    """Return what became of a finished trial."""
    values = trial.values or ()
    found = {f"v{i}": value for i, value in enumerate(values) if np.isfinite(value)}
    if trial.state == TrialState.FAIL:
        return Failure(kind="crashed", reason=say("the trial failed", "시행이 실패했습니다"))
    if not found:
        return Failure(kind="infeasible", reason=say("no finite value", "유한한 값이 없습니다"))
    kept = {f"c{i}": trial.constraints[key] for i, key in enumerate(constraints) if key in trial.constraints}
    return Measurement.model_validate({"outcomes": found | {k: v for k, v in kept.items() if np.isfinite(v)}})


def _decided(trial: FrozenTrial) -> dict[str, Any]:
    """Return what is known of a running trial's parameters: asked for by the objective, or decided."""
    parts: list[str] = []
    while (part := trial.system_attrs.get(f"{_DECIDED}:{len(parts)}")) is not None:
        parts.append(part)
    return {**(json.loads("".join(parts)) if parts else {}), **trial.params}


def _id(trial: FrozenTrial) -> ExperimentId:
    return ExperimentId(f"trial-{trial.number}")

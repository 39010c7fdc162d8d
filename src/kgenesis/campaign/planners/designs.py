"""Planners that do not learn: random, Sobol, Latin hypercube and factorial designs."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from kgenesis.campaign.planners.standing import Standing, on_one_plate
from kgenesis.kernel import finite
from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.experiment import Frozen, Proposal
from kgenesis.kernel.factors import Component, Mixture, Variable
from kgenesis.kernel.fields import ONLY_NUMBERS
from kgenesis.kernel.ports import FloatArray, Planner, PluginContext, ProposalRequest
from kgenesis.kernel.sampling import apply_fixed, from_cube, matches, n_cube_dimensions
from kgenesis.kernel.space import Space
from kgenesis.kernel.text import Text, say

MAX_FACTORIAL = 20_000
"""Most points of a full factorial."""

MAX_SEQUENCE = 2**16
"""Most elements of a sequence that are looked at for feasible ones; then points are drawn at random instead."""

_ENOUGH_TO_JUDGE, _RARE = 2048, 256
"""After so many elements less than one feasible in so many is no use."""
S = TypeVar("S", bound=Frozen)


class NoSettings(Frozen):
    """Settings of the planners `random` and `sobol`: none."""


class LatinHypercubeSettings(Frozen):
    """Settings of the planner `latin-hypercube`."""

    n: Annotated[int, Field(ge=2, le=10_000), ONLY_NUMBERS] | None = None
    """Experiments in one hypercube: the budget, as a rule. Default: ten for each factor (Loeppky, Sacks & Welch 2009,
    Technometrics 51, 366)."""


class FactorialSettings(Frozen):
    """Settings of the planner `factorial`."""

    levels: (
        Annotated[int, Field(ge=2, le=1000), ONLY_NUMBERS]
        | dict[str, Annotated[int, Field(ge=2, le=1000), ONLY_NUMBERS]]
    ) = 3
    """Levels of every factor that may take any number, or of the factors named; those that take few numbers have
    them all unless named. For a mixture: levels of each component in a simplex lattice (Scheffé 1958, J. R. Stat. Soc.
    B 20, 344)."""
    order: Literal["random", "standard"] = "random"


def make_random(context: PluginContext) -> Planner:
    """Entry point of the planner `random`; raises InvalidSpec if a setting is not valid."""
    _read(NoSettings, context)
    return RandomPlanner()


def make_sobol(context: PluginContext) -> Planner:
    """Entry point of the planner `sobol`; raises InvalidSpec if a setting is not valid."""
    _read(NoSettings, context)
    return SequencePlanner("sobol", _sobol)


def make_latin_hypercube(context: PluginContext) -> Planner:
    """Entry point of the planner `latin-hypercube`.

    Raises:
        InvalidSpec: a setting is not valid.
    """
    settings = _read(LatinHypercubeSettings, context)
    return SequencePlanner("latin-hypercube", lambda space, seed, _: _latin_hypercubes(space, seed, settings.n))


def make_factorial(context: PluginContext) -> Planner:
    """Entry point of the planner `factorial`.

    Raises:
        InvalidSpec: a setting is not valid, or the factorial would be too large.
    """
    settings = _read(FactorialSettings, context)
    if context.problem is not None:
        _factorial(context.problem.space, settings)
    return FactorialPlanner(settings)


def _read(model: type[S], context: PluginContext) -> S:
    try:
        return model.model_validate(dict(context.settings))
    except ValidationError as error:
        wrong = []
        for item in error.errors(include_url=False):
            text = getattr(item.get("ctx", {}).get("error"), "text", None) or say(item["msg"], item["msg"])
            wrong.append((text, _place(item["loc"], context.settings)))
        raise _invalid(*wrong) from error


def _place(location: Sequence[str | int], given: object) -> list[str | int]:
    """Return where a mistake stands in the settings, without the names pydantic gives to parts of a union."""
    place: list[str | int] = []
    for part in location:
        if isinstance(given, Mapping) and part in given:
            given = given[part]
            place.append(part)
        elif not place:
            place.append(part)
    return place


def _invalid(*wrong: tuple[Text, Sequence[str | int]]) -> InvalidSpec:
    problems = [Mistake(text, ".".join(["planner.settings", *map(str, place)])) for text, place in wrong]
    return InvalidSpec(say("the planner's settings are not valid", "계획기 설정이 올바르지 않습니다"), problems)


# ---- random ------------------------------------------------------------------------------------------------------


class RandomPlanner:
    """Draws from what is feasible: without replacement where the space is finite."""

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals; fewer only when a finite space, or what goes on one plate, is exhausted."""
        return on_one_plate(request, self._propose)

    def _propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        standing = Standing(request)
        rng = np.random.default_rng(request.seed)
        return standing.explained(standing.drawn(request.n, rng), "random")


# ---- sequences that fill the space -------------------------------------------------------------------------------

Blocks = Callable[[Space, tuple[int, ...], int], Iterator[FloatArray]]
"""(space, campaign seed, how many elements are needed at least) to blocks of unit-cube points, in order."""


class SequencePlanner:
    """Takes the points of one sequence in turn: with k experiments known, those from the k-th on.

    Elements that are infeasible or were tried are passed over; in a finite space the nearest point that is free
    stands in for each. Experiments that repeat the same conditions count once, or replicates would thin the sequence.
    """

    def __init__(self, name: str, blocks: Blocks) -> None:
        self._name, self._blocks = name, blocks

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals; fewer only when a finite space, or what goes on one plate, is exhausted."""
        return on_one_plate(request, self._propose)

    def _propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        standing = Standing(request)
        position = len(standing.keys)
        if standing.space.points is not None:
            values = self._nearest_free(standing, request.seed[:-1], position, request.n)
        else:
            values = self._feasible(standing, request.seed[:-1], position, request.n)
            if len(values) < request.n:
                # what is feasible is too small a part of the cube for the sequence to hit it
                rest = standing.drawn(request.n, np.random.default_rng((*request.seed[:-1], position)))
                both = np.vstack([values, rest])
                values = both[standing.new(both)][: request.n]
        return standing.explained(values, self._name)

    def _feasible(self, standing: Standing, seed: tuple[int, ...], position: int, n: int) -> FloatArray:
        space, found = standing.space, [np.empty((0, len(standing.space.variables)))]
        n_passed = n_seen = n_found = 0
        for cube in self._blocks(space, seed, position + n):
            values = apply_fixed(space, from_cube(space, cube, standing.fixed), standing.fixed)
            values = values[space.is_feasible(values) & matches(space, values, standing.fixed)]
            fresh = values[max(position - n_passed, 0) :]
            n_passed, n_seen = n_passed + len(values), n_seen + len(cube)
            found.append(fresh[standing.new(fresh)])
            n_found += len(found[-1])
            is_rare = n_seen >= _ENOUGH_TO_JUDGE and n_passed * _RARE < n_seen
            if n_found >= n or n_seen >= MAX_SEQUENCE or is_rare:
                break
        everything = np.vstack(found)
        return everything[standing.new(everything)][:n]

    def _nearest_free(self, standing: Standing, seed: tuple[int, ...], position: int, n: int) -> FloatArray:
        space, free = standing.space, standing.free_points()
        points = space.points
        assert points is not None
        n = min(n, len(free))
        elements: list[FloatArray] = []
        n_seen = 0
        for cube in self._blocks(space, seed, position + n):
            elements.append(cube)
            n_seen += len(cube)
            if n_seen >= position + n:
                break
        cube = np.vstack(elements)[position : position + n]
        wanted = apply_fixed(space, from_cube(space, cube, standing.fixed), standing.fixed)
        chosen = np.empty(n, dtype=np.int64)
        for k in range(n):
            place = int(space.distance(wanted[[k]], points[free])[0].argmin())
            chosen[k] = free[place]
            free = np.delete(free, place)
        return apply_fixed(space, points[chosen], standing.fixed)


def _sobol(space: Space, seed: tuple[int, ...], n: int) -> Iterator[FloatArray]:
    """Yield one scrambled Sobol sequence (Owen 1998, J. Complexity 14, 466) in blocks that double its length."""
    from scipy.stats import qmc  # half a second and 70 MB, which the planner `random` does without

    engine = qmc.Sobol(n_cube_dimensions(space), scramble=True, rng=np.random.default_rng((*seed, 1)))
    exponent = max(math.ceil(math.log2(max(n, 1))), 5)
    yield engine.random_base2(exponent)
    while True:
        yield engine.random_base2(exponent)
        exponent += 1


def _latin_hypercubes(space: Space, seed: tuple[int, ...], size: int | None) -> Iterator[FloatArray]:
    """Yield Latin hypercubes (McKay, Beckman & Conover 1979, Technometrics 21, 239), one after the other."""
    from scipy.stats import qmc

    size = size or 10 * sum(v.role == "controlled" for v in space.variables)
    block = 0
    while True:
        rng = np.random.default_rng((*seed, 2, block))
        yield qmc.LatinHypercube(n_cube_dimensions(space), rng=rng).random(size)
        block += 1


# ---- factorial ---------------------------------------------------------------------------------------------------


class FactorialPlanner:
    """Takes every combination of levels, once, in a random or the standard order."""

    def __init__(self, settings: FactorialSettings) -> None:
        self._settings = settings

    def propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        """Return up to `n` proposals; fewer, even none, when every combination was tried.

        Raises:
            InvalidSpec: the factorial would be too large.
        """
        return on_one_plate(request, self._propose)

    def _propose(self, request: ProposalRequest) -> Sequence[Proposal]:
        standing = Standing(request)
        design = _factorial(standing.space, self._settings)
        if self._settings.order == "random":
            design = np.random.default_rng((*request.seed[:-1], 3)).permutation(design)
        if standing.fixed:
            single = {n: v for n, v in standing.fixed.items() if not _variable(standing.space, n).mixture}
            design = apply_fixed(standing.space, design, single)
            design = design[standing.space.is_feasible(design) & matches(standing.space, design, standing.fixed)]
        return standing.explained(design[standing.new(design)][: request.n], "factorial")


def _variable(space: Space, name: str) -> Variable:
    return next(v for v in space.variables if v.name == name)


def _factorial(space: Space, settings: FactorialSettings) -> FloatArray:
    """Return every feasible combination of levels (n, n_variables) in standard order; the listed points if there are.

    Raises:
        InvalidSpec: there would be too many, or none.
    """
    given = settings.levels if isinstance(settings.levels, dict) else {}
    default = 3 if isinstance(settings.levels, dict) else settings.levels
    known = [v.name for v in space.variables if not v.mixture and not v.levels] + [m.name for m in space.mixtures]
    if unknown := [name for name in given if name not in known]:
        names = ", ".join(known)
        text = say(f"no such numeric factor; there are: {names}", f"그런 수치 요인이 없습니다. 있는 것: {names}")
        raise _invalid(*((text, ("levels", name)) for name in unknown))
    if space.candidates is not None and space.points is not None:
        return space.points
    index = {v.name: i for i, v in enumerate(space.variables)}
    singles = [(i, _levels_of(v, given, default)) for i, v in enumerate(space.variables) if not v.mixture]
    lattices = [_lattice(m, given.get(m.name), default) for m in space.mixtures]
    n = math.prod(len(levels) for _, levels in singles) * math.prod(finite.n_blends(m) for m in lattices)
    if n > MAX_FACTORIAL:
        text = say(
            f"the full factorial would have {n:,.0f} points, more than {MAX_FACTORIAL:,}: "
            "give fewer levels, or choose the planner `sobol`",
            f"전체 요인 배치의 점이 {n:,.0f}개로 {MAX_FACTORIAL:,}개를 넘습니다. "
            "수준을 줄이거나 계획기 `sobol`을 쓰세요",
        )
        raise _invalid((text, ["levels"]))
    columns: list[Sequence[int]] = [[i] for i, _ in singles]
    blocks = [levels[:, None] for _, levels in singles]
    for mixture, lattice in zip(space.mixtures, lattices, strict=True):
        columns.append([index[c.name] for c in mixture.components])
        blocks.append(_amounts(mixture, lattice))
    design = space.with_inactive_cleared(finite.product(len(space.variables), columns, blocks))
    design = finite.unique_rows(design[space.is_feasible(design)])
    if not len(design):
        text = say("no combination of the levels keeps all constraints", "제약을 모두 지키는 수준 조합이 없습니다")
        raise _invalid((text, ["levels"]))
    return design


def _levels_of(variable: Variable, given: dict[str, int], default: int) -> FloatArray:
    """Return the levels (k,) of one variable as values."""
    if variable.role == "context":
        return np.array([math.nan])
    if variable.levels:
        return np.arange(len(variable.levels), dtype=np.float64)
    if variable.role == "fixed":
        return np.array([variable.low])
    if variable.grid is not None:
        n = min(given.get(variable.name, len(variable.grid)), len(variable.grid))
        return np.asarray(variable.grid[np.rint(np.linspace(0, len(variable.grid) - 1, n)).astype(int)])
    n = given.get(variable.name, default)
    spaced = np.geomspace if variable.is_log else np.linspace
    return np.asarray(spaced(variable.low, variable.high, n))


def _lattice(mixture: Mixture, n_levels: int | None, default: int) -> Mixture:
    """Return the mixture in steps: its own, or those of a simplex lattice of so many levels."""
    if mixture.step is not None and n_levels is None:
        return mixture
    parts = tuple(Component(name=c.name) for c in mixture.components)
    step = 1.0 / ((n_levels or default) - 1)
    return Mixture(type="mixture", name=mixture.name, components=parts, step=step, unit="1")


def _amounts(mixture: Mixture, lattice: Mixture) -> FloatArray:
    """Return the blends (n, n_components) of a lattice as amounts of the mixture, above its lower bounds."""
    blends = finite.blends(lattice)
    if lattice is mixture:
        return blends
    # L-pseudocomponents (Kurotori 1966, Industrial Quality Control 22, 592), unless what is bounded may be absent
    low = np.array([0.0 if mixture.may_be_absent else c.low for c in mixture.components])
    return np.asarray(low + (mixture.total - low.sum()) * blends)

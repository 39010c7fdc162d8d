"""What does not fit: drift over the campaign, differences between batches, single outliers; said, never corrected.

Everything is read from leave-one-out residuals: each measurement as expected from all others, so that what was tried
is taken out and only what nobody set is left.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scipy.stats import t as student

from kgenesis.campaign.learning import Learned
from kgenesis.campaign.state import CampaignState
from kgenesis.campaign.words import name_of, unit_sign
from kgenesis.kernel.experiment import Frozen, Measurement
from kgenesis.kernel.ports import FloatArray, Surrogate, TrainingData
from kgenesis.kernel.text import Text, say

MIN_MEASURED = 10
"""Measurements below which nothing is flagged: a handful shows any pattern by chance."""

EXACT = 0.01
"""Noise, as a share of the spread of an outcome, below which it counts as exact (a simulation): what is left there is
where the surrogate misfits, and that does follow the course of a search."""

LEVEL = 0.02
"""Chance of a false alarm that each of the three questions (drift, batches, outliers) may have for one outcome."""

N_SHUFFLES = 2000
"""Random orders that a pattern is compared with; the smallest p-value is one in these plus one."""

_HEAVY_TAILS = 10
"""Degrees of freedom of the t distribution that clean residuals are taken to have: a surrogate that misfits a steep
place leaves larger ones than a normal distribution would."""

_MAX_OUTLIERS = 3
"""Outliers looked for in one outcome at most: each costs a fit."""

_MAX_GROUPINGS = 8
"""Kinds of metadata looked through at most."""


class Flag(Frozen):
    """Something that does not fit, how sure it is, and what to do."""

    kind: Literal["drift", "shift", "batches", "outlier"]
    outcome: str
    text: Text
    p_value: float
    """Chance of something as striking where there is nothing, the number of looks taken into account."""
    size: float
    """In the outcome's unit: change over the campaign, jump, standard deviation between batches, or deviation."""
    experiments: tuple[int, ...]
    """Numbers of the experiments it is about: the outlier; the last before a jump; empty for all."""


def flags(state: CampaignState, learned: Mapping[str, Learned], surrogate: Surrogate) -> list[Flag]:
    """Return what does not fit in a campaign, the surest of each question for every outcome."""
    found: list[Flag] = []
    by_number = {e.number: e for e in state.experiments.values()}
    for k, one in enumerate(learned.values()):
        n = len(one.data.y)
        if n < MIN_MEASURED or one.posterior.noise_sd <= EXACT * float(np.std(one.data.y)):
            continue
        mean, variance = one.posterior.leave_one_out()
        z = (one.data.y - mean) / np.sqrt(np.maximum(variance, 1e-300))
        # outliers first: what is judged besides must not hang on them
        spread = max(1.4826 * float(np.median(np.abs(z - np.median(z)))), 1e-12)
        robust = np.clip((z - np.median(z)) / spread, -4.0, 4.0)
        unit = spread * float(np.median(np.sqrt(variance)))
        rng = np.random.default_rng((state.seed, 47, k))
        found += _outliers(state, one, surrogate, rng)
        found += _over_time(state, one, robust, unit, rng)
        groupings = _groupings([by_number[number] for number in one.numbers])
        found += _between_batches(state, one, robust, unit, groupings, rng)
    return found


def _unit(state: CampaignState, outcome: str, size: float) -> str:
    unit = unit_sign(state.mission.problem.units.get(outcome, ""))
    return f"{size:.3g} {unit}".strip()


def _outliers(state: CampaignState, one: Learned, surrogate: Surrogate, rng: np.random.Generator) -> list[Flag]:
    """Return single measurements too far from what all others say (Bonferroni over all), the farthest first.

    Each suspect is judged by a surrogate fitted without it, which it could not teach to expect much noise.
    """
    found: list[Flag] = []
    kept = np.ones(len(one.data.y), dtype=bool)
    posterior = one.posterior
    while len(found) < _MAX_OUTLIERS:
        places = np.flatnonzero(kept)
        mean, variance = posterior.leave_one_out()
        suspect = int(places[np.argmax(np.abs(one.data.y[places] - mean) / np.sqrt(variance))])
        kept[suspect] = False
        posterior = surrogate.posterior(_rows(one.data, kept), rng)
        (expected,), (doubt,) = posterior.mean_and_variance(one.data.x[[suspect]])
        mean, variance = posterior.leave_one_out()
        others = (one.data.y[kept] - mean) / np.sqrt(variance)
        spread = max(1.4826 * float(np.median(np.abs(others - np.median(others)))), 1.0)
        gap = float(one.data.y[suspect] - expected)
        z = abs(gap) / math.sqrt(doubt + posterior.noise_sd**2) / spread
        p = min(2.0 * len(one.data.y) * float(student.sf(z, _HEAVY_TAILS)), 1.0)
        if p >= LEVEL:
            break
        number, size = one.numbers[suspect], _unit(state, one.outcome, abs(gap))
        name = name_of(state.mission.problem, one.outcome)
        text = say(
            f"{name.en} of experiment {number} lies {size} from what all others lead to expect (p = {p:.2g}): do it "
            "again; if it was a slip, its repeat will say so.",
            f"{number}번 실험의 {name.ko}이(가) 나머지로 예상한 값에서 {size} 벗어났습니다(p = {p:.2g}). 다시 해 보세요. "
            "실수였다면 반복이 알려 줍니다.",
        )
        flag = Flag(kind="outlier", outcome=one.outcome, text=text, p_value=p, size=gap, experiments=(number,))
        found.append(flag)
    return found


def _rows(data: TrainingData, kept: NDArray[np.bool_]) -> TrainingData:
    return TrainingData(data.x[kept], data.y[kept], data.noise_variance[kept], data.groups)


def _over_time(state: CampaignState, one: Learned, z: FloatArray, unit: float, rng: np.random.Generator) -> list[Flag]:
    """Return a trend (Kendall's tau; Mann 1945) or a jump (largest scaled cumulative sum), whichever is surer."""
    n, name = len(z), name_of(state.mission.problem, one.outcome)
    order = np.arange(n)
    p_trend = float(kendalltau(order, z).pvalue)
    shuffled = rng.permuted(np.tile(z, (N_SHUFFLES, 1)), axis=1)
    observed = _jumps(z[None, :])[0]
    p_jump = (1.0 + float((_jumps(shuffled).max(axis=1) >= observed.max()).sum())) / (N_SHUFFLES + 1)
    p = min(1.0, 2.0 * min(p_trend, p_jump))
    if not p < LEVEL:
        return []
    pairs = np.triu_indices(n, k=1)
    change = float(np.median((z[pairs[1]] - z[pairs[0]]) / (pairs[1] - pairs[0]))) * (n - 1) * unit  # Theil 1950
    cut = int(observed.argmax()) + 1
    jump = float(z[cut:].mean() - z[:cut].mean()) * unit
    again = one.numbers[0]
    if p_trend <= p_jump:
        said = _unit(state, one.outcome, abs(change))
        way = say("rises", "높아집니다") if change > 0 else say("falls", "낮아집니다")
        text = say(
            f"{name.en} {way.en} by about {said} from the first experiment to the last, whatever was tried "
            f"(p = {p:.2g}): do experiment {again} again; if it differs, add the time or what ages as a context factor.",
            f"무엇을 시험하든 {name.ko}이(가) 처음부터 끝까지 약 {said} {way.ko}(p = {p:.2g}). {again}번 실험을 다시 해 "
            "보세요. 다르면 시간이나 노화하는 것을 context 요인으로 더하세요.",
        )
        return [Flag(kind="drift", outcome=one.outcome, text=text, p_value=p, size=change, experiments=())]
    last, said = one.numbers[cut - 1], _unit(state, one.outcome, abs(jump))
    way = say("higher", "높습니다") if jump > 0 else say("lower", "낮습니다")
    text = say(
        f"{name.en} is about {said} {way.en} after experiment {last} than before, whatever was tried (p = {p:.2g}): "
        f"find out what changed then, and do experiment {again} again; if it differs, add it as a context factor.",
        f"무엇을 시험하든 {last}번 실험 뒤의 {name.ko}이(가) 그 앞보다 약 {said} {way.ko}(p = {p:.2g}). 그때 바뀐 것을 "
        f"찾고 {again}번 실험을 다시 해 보세요. 다르면 그것을 context 요인으로 더하세요.",
    )
    return [Flag(kind="shift", outcome=one.outcome, text=text, p_value=p, size=jump, experiments=(last,))]


def _jumps(z: FloatArray) -> FloatArray:
    """Return how large a jump after each place but the ends is (k, n - 1), in its own standard deviations."""
    n = z.shape[1]
    at = np.arange(1, n)
    centred = z - z.mean(axis=1, keepdims=True)
    sums = np.abs(np.cumsum(centred, axis=1)[:, :-1]) / np.sqrt(at * (n - at) / n)
    sums[:, (at < 3) | (at > n - 3)] = 0.0  # noqa: PLR2004  fewer are outliers, not another level
    return np.asarray(sums)


def _groupings(experiments: Sequence[object]) -> dict[str, NDArray[np.int64]]:
    """Return what experiments can be told apart by besides their conditions: plate, and words in the metadata."""
    cells: dict[str, list[object]] = {}
    for i, e in enumerate(experiments):
        result = getattr(e, "result", None)
        told = (
            {key: v for key, v in result.metadata.items() if isinstance(v, str)}
            if isinstance(result, Measurement)
            else {}
        )
        for key, value in {"plate": getattr(e, "plate", None), **told}.items():
            cells.setdefault(key, [None] * len(experiments))[i] = value
    found = {}
    for key, values in cells.items():
        names = [v for v in dict.fromkeys(values) if v is not None]
        is_told = all(v is not None for v in values)
        if is_told and 1 < len(names) <= len(values) // 3 and key != "note":
            found[key] = np.array([names.index(v) for v in values], dtype=np.int64)
    return dict(list(found.items())[:_MAX_GROUPINGS])


def _between_batches(
    state: CampaignState, one: Learned, z: FloatArray, unit: float, groupings: Mapping[str, NDArray[np.int64]],
    rng: np.random.Generator,
) -> list[Flag]:  # fmt: skip
    """Return what batches differ by, if by more than random orders of them (permutation test of the F ratio)."""
    found: list[Flag] = []
    name = name_of(state.mission.problem, one.outcome)
    for key, which in groupings.items():
        shuffled = rng.permuted(np.tile(z, (N_SHUFFLES, 1)), axis=1)
        observed = float(_between(z[None, :], which)[0])
        p = (1.0 + float((_between(shuffled, which) >= observed).sum())) / (N_SHUFFLES + 1)
        p = min(1.0, p * len(groupings))
        if p < LEVEL:
            counts = np.bincount(which)
            within = float(((z - (np.bincount(which, z) / counts)[which]) ** 2).sum()) / max(len(z) - len(counts), 1)
            size = float(np.sqrt(max(observed / max(len(counts) - 1, 1) - within, 0.0) / counts.mean())) * unit
            said = _unit(state, one.outcome, size)
            text = say(
                f"{name.en} differs between values of {key!r} by about {said} (standard deviation), whatever was tried "
                f"(p = {p:.2g}): do one experiment again in each, and add {key!r} as a context factor.",
                f"무엇을 시험하든 {name.ko}이(가) {key!r}에 따라 약 {said}(표준편차)만큼 다릅니다(p = {p:.2g}). 같은 실험을 "
                f"각각에서 다시 해 보고, {key!r}을(를) context 요인으로 더하세요.",
            )
            found.append(Flag(kind="batches", outcome=one.outcome, text=text, p_value=p, size=size, experiments=()))
    return found


def _between(z: FloatArray, which: NDArray[np.int64]) -> FloatArray:
    """Return the sum of squares between groups (k,) for each row of z (k, n)."""
    member = (which[:, None] == np.arange(which.max() + 1)).astype(np.float64)
    counts = member.sum(axis=0)
    means = z @ member / counts
    return np.asarray((counts * (means - z.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))

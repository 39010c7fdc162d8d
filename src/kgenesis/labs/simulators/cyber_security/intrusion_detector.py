"""A streaming intrusion detector as a laboratory: a detector and its threshold in, detections, false alarms and work out.

The detector sees one record after the other, once, without labels: it scores a record and then learns from it (test, then
train: Gama, Sebastião and Rodrigues 2013, "On evaluating stream learning algorithms", Machine Learning 90, 317).

The records. No traffic may be shipped or downloaded, so they are a stand-in: the 49,097 records of nine integers of the
Statlog Shuttle data that come with River, of which 3,511 (the rare classes, as the ODDS collection has it) are "attacks".
What is learned here about detectors is about detectors on these records, not about a network. Half of them, drawn once, is
the *exam*: no experiment sees it, and `exam` judges a final choice on it.

An experiment draws `streams` streams of the other half in random order, without replacement. The first `WARM_UP` records
of a stream set the range of every feature, the next `CALIBRATION` the threshold (the score that `flagged` percent of them
exceed; an honest operator has no labels then), and the last `HELD_OUT` are judged. The threshold never sees them; the
detector learns on through all parts. A feature is shifted and scaled so that its `clip` and 100 - `clip` percentiles
become 0 and 1, and counts at most one range beyond.

Detectors, all of River but the last, which is made of its statistics:

- `half-space-trees`: `trees` random trees of `height`, masses renewed every `window` records (Tan, Ting and Liu 2011,
  "Fast anomaly detection for streaming data", IJCAI).
- `loda`: `projections` sparse random projections with a histogram of `bins` each (Pevný 2016, "Loda: lightweight on-line
  detector of anomalies", Machine Learning 102, 275).
- `control-chart`: the squared deviation from an exponentially weighted mean over the variance, summed over features;
  `memory` is the weight of the newest record (Roberts 1959, Technometrics 1, 239).

Work is counted, not timed: comparisons, additions and multiplications of one record, scored and learned, in the worst case
(`operations` says how). It does not depend on the machine.

What an optimiser would exploit, and what stands against it:

- Flag everything: false alarms are an outcome to be bounded. A score that ties with the threshold is not flagged.
- A threshold tuned on what is judged, or with labels: neither reaches it.
- Larger ensembles are better and slower: the operations are there to be bounded.
- A window longer than the warm-up, during which trees score nothing: refused.
- A lucky stream: order, records and the detector's own randomness are drawn anew by every seed, and the standard error,
  the larger of the one between streams and the binomial one, is reported.

Left out: drift and bursts (the order is random), encrypted or missing features, an adversary who adapts.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, infeasible

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Record = dict[int, float]

WARM_UP, CALIBRATION, HELD_OUT = 250, 500, 600
"""Records of a stream's three parts."""

LENGTH = WARM_UP + CALIBRATION + HELD_OUT
N_FEATURES = 9
EXAM_SEED = 20251
"""Draws the exam, once and for all."""

TREES, LODA, CHART = "half-space-trees", "loda", "control-chart"
OWN = {TREES: ("trees", "height", "window"), LODA: ("projections", "bins"), CHART: ("memory",)}
"""Settings of each detector."""

WHOLE = ("trees", "height", "window", "projections", "bins")
TINY = 1e-6
"""Variance below which a feature is taken not to vary; features have a range of 1."""


class Detector(Protocol):
    """What scores a record (high is suspicious) and learns from it."""

    def score_one(self, x: Record) -> float:
        """Return how suspicious a record is."""

    def learn_one(self, x: Record) -> None:
        """Learn from a record."""


class ControlChart:
    """Exponentially weighted means and variances of the features."""

    def __init__(self, memory: float) -> None:
        from river.stats import EWMean, EWVar

        self._features = [(EWMean(memory), EWVar(memory)) for _ in range(N_FEATURES)]

    def score_one(self, x: Record) -> float:
        """Return the squared deviations over the variances, summed."""
        features = enumerate(self._features)
        return float(sum((x[i] - mean.get()) ** 2 / max(variance.get(), TINY) for i, (mean, variance) in features))

    def learn_one(self, x: Record) -> None:
        """Update means and variances."""
        for i, statistics in enumerate(self._features):
            for statistic in statistics:
                statistic.update(x[i])


class Streams(Frozen):
    """How thoroughly an experiment looks."""

    streams: int = Field(default=3, ge=2, le=18)
    """Streams a detector is judged on; 18 use up the records."""


class IntrusionDetector(Simulator):
    """The laboratory: a detector, its settings and threshold in, rates and work out."""

    name = "intrusion-detector"
    revision = "1"
    factors: ClassVar = {
        "detector": LEVELS,
        "trees": "1",
        "height": "1",
        "window": "1",
        "projections": "1",
        "bins": "1",
        "memory": "1",
        "clip": "percent",
        "flagged": "percent",
    }
    outcomes_in: ClassVar = {"detection": "percent", "false_alarms": "percent", "operations": "1"}
    engines = ("river",)
    extra = "security"
    settings_type = Streams
    possible: ClassVar = {"detection": (0.0, 100.0), "false_alarms": (0.0, 100.0), "operations": (1.0, math.inf)}

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Judge one detector on a few streams."""
        fault = _fault(conditions)
        if fault is not None:
            return fault
        assert isinstance(self._given, Streams)
        records, is_attack = development()
        return _judge(conditions, records, is_attack, self._given.streams, rng)

    def exam(self, conditions: Mapping[str, Any], seed: int = 0) -> Mapping[str, float | Outcome]:
        """Return the outcomes on the exam's records; for a final choice.

        Raises:
            ValueError: the conditions are no detector.
        """
        if _fault(conditions) is not None:
            msg = "the conditions are no detector"
            raise ValueError(msg)
        records, is_attack = exam_records()
        return _judge(conditions, records, is_attack, len(records) // LENGTH, np.random.default_rng(seed))

    def checks(self) -> Iterator[Check]:
        """Compare data, scores, rates and areas with what is published or follows from arithmetic."""
        records, is_attack = shuttle()
        source = "ODDS collection, Shuttle; Rayana 2016"
        yield Check(say("records", "레코드 수"), len(records), 49_097, 0, "1", source)
        yield Check(say("anomalies", "이상 레코드 수"), int(is_attack.sum()), 3_511, 0, "1", source)
        yield _published_area(records[:10_000], is_attack[:10_000])
        rng = np.random.default_rng(7)
        chosen = rng.permutation(len(records))[:LENGTH]
        rows, labels = scaled(records[chosen], 1.0), is_attack[chosen]
        made = make_detector({"detector": TREES, "trees": 10.0, "height": 6.0, "window": 100.0}, 1)
        scores = scored(made, rows)[WARM_UP:]
        labels = labels[WARM_UP:]
        wins = np.sign(scores[labels][:, None] - scores[~labels][None, :])
        what = say("area under the curve against counting pairs", "AUC와 쌍 세기의 비교")
        yield Check(what, area(scores, labels), float(wins.mean() + 1) / 2, 1e-12, "1", "Mann and Whitney 1947")
        n, m = int(labels.sum()), int((~labels).sum())
        error = math.sqrt((n + m + 1) / (12 * n * m))
        what = say("area with shuffled labels (chance)", "레이블을 섞었을 때의 AUC(우연)")
        yield Check(what, area(scores, rng.permutation(labels)), 0.5, 3 * error, "1", "Mann and Whitney 1947: variance")
        blind = rng.random(400_000)
        alarms, found = rates(blind[:200_000], blind[200_000:], np.arange(200_000) % 2 == 0, 4.0)
        for rate, en, ko in ((found, "detections", "탐지율"), (alarms, "false alarms", "오경보율")):
            what = say(f"{en} of scores drawn at random, 4 % flagged", f"무작위 점수로 4 %를 경보할 때의 {ko}")
            yield Check(what, rate, 4.0, 0.3, "percent", "both rates are the share flagged; 4 standard errors")
        yield _chart_by_definition(rows)


def _fault(conditions: Mapping[str, Any]) -> Failure | None:
    """Return why conditions are no detector, if they are none."""
    own = OWN.get(conditions["detector"])
    if own is None:
        return infeasible(f"no detector {conditions['detector']}", f"{conditions['detector']} 탐지기가 없습니다")
    lacking = [name for name in own if conditions.get(name) is None]
    if lacking:
        return infeasible(f"{', '.join(lacking)} must be given", f"{', '.join(lacking)} 값이 필요합니다")
    if any(conditions[name] != int(conditions[name]) or conditions[name] < 1 for name in own if name in WHOLE):
        return infeasible("counts are whole numbers from 1", "개수는 1 이상의 정수입니다")
    if conditions["detector"] == TREES and conditions["window"] > WARM_UP:
        return infeasible(
            f"trees score nothing before their first window, which must end within {WARM_UP} records",
            f"첫 창이 끝나기 전에는 점수가 없으므로 창은 {WARM_UP}개 이하여야 합니다",
        )
    if conditions["detector"] == CHART and not 0 < conditions["memory"] < 1:
        return infeasible("memory lies between 0 and 1", "memory는 0과 1 사이입니다")
    if not 0 <= conditions["clip"] < 50 or not 0 < conditions["flagged"] < 100:  # noqa: PLR2004  (percent)
        return infeasible(
            "clip lies below 50 %, flagged between 0 and 100 %", "clip은 50 % 미만, flagged는 0~100 %입니다"
        )
    return None


# ---- records -----------------------------------------------------------------------------------------------------------


@cache
def shuttle() -> tuple[FloatArray, BoolArray]:
    """Return all records (49097, 9) and whether they are anomalies, in their order."""
    from river.datasets import Shuttle

    table = np.loadtxt(Shuttle().path, delimiter=",", skiprows=1)
    return table[:, :N_FEATURES], table[:, N_FEATURES] == 1


@cache
def _order() -> NDArray[np.int64]:
    return np.random.default_rng(EXAM_SEED).permutation(len(shuttle()[1]))


def development() -> tuple[FloatArray, BoolArray]:
    """Return the half that experiments draw from."""
    records, is_attack = shuttle()
    chosen = _order()[: len(is_attack) // 2]
    return records[chosen], is_attack[chosen]


def exam_records() -> tuple[FloatArray, BoolArray]:
    """Return the half that no experiment sees."""
    records, is_attack = shuttle()
    chosen = _order()[len(is_attack) // 2 :]
    return records[chosen], is_attack[chosen]


def scaled(records: FloatArray, clip: float) -> list[Record]:
    """Return a stream's records as River reads them, in the range its warm-up had.

    Args:
        records: (n, 9), in order.
        clip: percent of the warm-up's values at either end that lie outside the range 0 … 1.
    """
    low, high = np.percentile(records[:WARM_UP], [clip, 100 - clip], axis=0)
    # The sensors count in whole numbers: a feature that hardly moves has a range of one count.
    z = np.clip((records - low) / np.maximum(high - low, 1.0), -1.0, 2.0)
    return [dict(enumerate(row)) for row in z.tolist()]


# ---- detectors and what they are judged by -----------------------------------------------------------------------------


def make_detector(conditions: Mapping[str, Any], seed: int) -> Detector:
    """Return a detector that has seen nothing yet."""
    from river import anomaly

    made: Detector
    if conditions["detector"] == TREES:
        trees, height, window = (int(conditions[name]) for name in OWN[TREES])
        made = anomaly.HalfSpaceTrees(n_trees=trees, height=height, window_size=window, seed=seed)
    elif conditions["detector"] == LODA:
        made = anomaly.LODA(n_bins=int(conditions["bins"]), n_random_cuts=int(conditions["projections"]), seed=seed)
    else:
        made = ControlChart(conditions["memory"])
    return made


def operations(conditions: Mapping[str, Any]) -> float:
    """Return the comparisons, additions and multiplications of one record, scored and learned, in the worst case.

    Trees: a comparison and an addition at each of height + 1 nodes, once to score and once to learn, and the renewal of
    all 2^(height + 1) - 1 masses every window. LODA: twice a multiply-add for each of the ⌊√9⌋ = 3 features of a projection
    and a comparison with every bin, and to learn once more over the bins for the closest pair. Control chart: per feature
    4 to score and 7 to learn (two weighted means: a product, a sum and a product each, and the square).
    """
    if conditions["detector"] == TREES:
        trees, height, window = (conditions[name] for name in OWN[TREES])
        return float(trees * (4 * (height + 1) + (2 ** (height + 1) - 1) / window))
    if conditions["detector"] == LODA:
        return float(
            conditions["projections"] * (2 * (2 * math.isqrt(N_FEATURES) + conditions["bins"]) + conditions["bins"])
        )
    return N_FEATURES * 11.0


def scored(detector: Detector, records: Sequence[Record]) -> FloatArray:
    """Return the score (n,) of every record before it was learned."""
    scores = []
    for x in records:
        scores.append(detector.score_one(x))
        detector.learn_one(x)
    return np.array(scores, dtype=np.float64)


def rates(before: FloatArray, judged: FloatArray, is_attack: BoolArray, flagged: float) -> tuple[float, float]:
    """Return false alarms and detections in percent.

    Args:
        before: scores that set the threshold.
        judged: scores of the records that are judged (n,).
        is_attack: what those are (n,).
        flagged: percent of `before` that exceed the threshold.
    """
    alarm = judged > np.percentile(before, 100 - flagged)
    return 100 * float(alarm[~is_attack].mean()), 100 * float(alarm[is_attack].mean())


def area(scores: FloatArray, is_attack: BoolArray) -> float:
    """Return the area under the receiver operating characteristic, by trapezia over its distinct thresholds."""
    _, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, weights=is_attack).cumsum()
    alarms = np.bincount(place, weights=~is_attack).cumsum()
    return float(np.trapezoid(np.append(0.0, hits) / hits[-1], np.append(0.0, alarms) / alarms[-1]))


def _judge(
    conditions: Mapping[str, Any], records: FloatArray, is_attack: BoolArray, n_streams: int, rng: np.random.Generator
) -> dict[str, float | Outcome]:
    drawn = rng.permutation(len(records))[: n_streams * LENGTH].reshape(n_streams, LENGTH)
    alarms: list[float] = []
    found: list[float] = []
    areas: list[float] = []
    n_attacks = 0
    for stream in drawn:
        detector = make_detector(conditions, int(rng.integers(2**31)))
        scores = scored(detector, scaled(records[stream], conditions["clip"]))
        before, judged, labels = scores[WARM_UP:-HELD_OUT], scores[-HELD_OUT:], is_attack[stream][-HELD_OUT:]
        n_attacks += int(labels.sum())
        for values, value in zip((alarms, found), rates(before, judged, labels, conditions["flagged"]), strict=True):
            values.append(value)
        areas.append(area(judged, labels))
    return {
        "detection": _mean(found, n_attacks),
        "false_alarms": _mean(alarms, n_streams * HELD_OUT - n_attacks),
        "operations": round(operations(conditions), 6),
        "area": round(float(np.mean(areas)), 6),
        "attacks": n_attacks,
    }


def _mean(values: list[float], n: int) -> Outcome:
    """Return the mean of percentages that rest on n records in all."""
    mean = float(np.mean(values))
    share = (mean / 100 * n + 0.5) / (n + 1)
    binomial = 100 * math.sqrt(share * (1 - share) / n)
    between = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Outcome(mean=round(mean, 6), sem=round(max(binomial, between), 6), n=len(values))


# ---- checks ------------------------------------------------------------------------------------------------------------


def _published_area(records: FloatArray, is_attack: BoolArray) -> Check:
    """River's documentation of `Shuttle`: half-space trees behind its min-max scaler, first 10,000 records."""
    from river.preprocessing import MinMaxScaler

    scaler, detector = MinMaxScaler(), make_detector({"detector": TREES, "trees": 10, "height": 8, "window": 250}, 42)
    scores = []
    # Features are called f1 … f9 there; trees draw them in sorted order, which is the order of our numbers.
    for x in (dict(enumerate(row)) for row in records.tolist()):
        # River's pipelines let a scaler learn from a record when it is learned, after it was scored.
        scores.append(detector.score_one(scaler.transform_one(x)))
        scaler.learn_one(x)
        detector.learn_one(scaler.transform_one(x))
    found = 100 * area(np.array(scores, dtype=np.float64), is_attack)
    what = say("area of half-space trees on 10,000 records", "레코드 10,000개에서 half-space trees의 AUC")
    return Check(what, found, 90.07, 0.01, "percent", "River 0.26 documentation, datasets.Shuttle")


def _chart_by_definition(rows: list[Record]) -> Check:
    """The last record's score from the weights of all earlier ones, written out."""
    memory = 0.02
    x = np.array([[row[i] for i in range(N_FEATURES)] for row in rows[:400]])
    found = scored(ControlChart(memory), rows[:400])[-1]
    weights = memory * (1 - memory) ** np.arange(398, -1, -1.0)
    weights[0] /= memory
    mean, square = weights @ x[:-1], weights @ x[:-1] ** 2
    expected = float(np.sum((x[-1] - mean) ** 2 / np.maximum(square - mean**2, TINY)))
    what = say("control chart against the weights written out", "가중치를 직접 쓴 관리도와의 비교")
    return Check(what, found, expected, 1e-6 * expected, "1", "Roberts 1959, eq. of the weights")

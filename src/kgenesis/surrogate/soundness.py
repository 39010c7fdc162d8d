"""What a surrogate does where data are hard, spaces wide, or promises checked: short cases, each passed or not.

The conformance suite in `testing/surrogates.py` is for authors and stricter; this is for judging a model that is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kgenesis.kernel.ports import TrainingData
from kgenesis.surrogate.evaluation import MISTAKES, ask, described, expect_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kgenesis.kernel.ports import FloatArray, Posterior, Surrogate

    Case = Callable[[Surrogate], None]

SEED = 7004

GROUPS = np.array([0, 1, 1, 1, 2])
"""Of `measured`: a number, three levels, a number."""


class BrokenPromise(ValueError):
    """A surrogate says something, but not what it promises."""


def points(n: int, seed: int = 0) -> FloatArray:
    """Draw points (n, 5): a number, three levels, a number."""
    rng = np.random.default_rng((SEED, seed, n))
    return np.column_stack([rng.random(n), np.eye(3)[rng.integers(3, size=n)], rng.random(n)])


def measured(n: int, noise: float = 0.0) -> TrainingData:
    """Return n measurements of a smooth response of two numbers and three levels."""
    x = points(n)
    y = np.sin(5.0 * x[:, 0]) + (x[:, 4] - 0.4) ** 2 + x[:, 1:4] @ np.array([0.0, 0.8, -0.5])
    return TrainingData(x, y + noise * np.random.default_rng((SEED, n)).standard_normal(n), np.full(n, np.nan), GROUPS)


def even(n: int, d: int) -> TrainingData:
    """Return n measurements of a smooth response of d numbers."""
    x = np.random.default_rng((SEED, n, d)).random((n, d))
    return TrainingData(x, np.sin(4.0 * x[:, 0]) + x.mean(axis=1), np.full(n, np.nan), np.arange(d))


def learn(surrogate: Surrogate, data: TrainingData, seed: int = 0) -> Posterior:
    """Return what a surrogate makes of data."""
    return surrogate.posterior(data, np.random.default_rng(seed))


def expect(is_kept: bool, promise: str) -> None:  # noqa: FBT001
    """Raise if a promise is not kept."""
    if not is_kept:
        raise BrokenPromise(promise)


def sound(surrogate: Surrogate, data: TrainingData) -> None:
    """Expect finite answers of the right shapes from everything that a planner asks.

    Raises:
        ValueError: Something is not as it has to be.
    """
    posterior, n = learn(surrogate, data), data.y.size
    at = np.vstack([data.x[:5], np.random.default_rng((SEED, 1)).random((3, data.x.shape[1]))])
    ask(posterior, at)
    ask(posterior, at[:0])
    mean, covariance = posterior.joint(at)
    expect_finite({"joint mean": mean}, (len(at),))
    expect_finite({"joint covariance": covariance}, (len(at), len(at)))
    mean, variance = posterior.leave_one_out()
    expect_finite({"leave-one-out mean": mean, "leave-one-out variance": variance}, (n,))
    expect_finite({"lengthscales": posterior.lengthscales}, (int(data.groups.max()) + 1,))
    expect(bool((variance > 0.0).all()), "a leave-one-out variance is not positive")
    expect(bool(np.isfinite(posterior.noise_sd)) and posterior.noise_sd >= 0.0, "the noise is no standard deviation")
    expect(abs(sum(posterior.voices.values()) - 1.0) < 1e-6, "voices do not sum to 1")  # noqa: PLR2004
    ask(posterior.condition_on(at, ask(posterior, at)[0]), at)


def hard_cases() -> Iterator[tuple[str, TrainingData]]:
    """Yield data that are hard to learn from: few, constant, repeated, far apart in size, far off, and drawn at random."""
    plain = measured(12, noise=0.3)
    for n in (1, 2, 3):
        yield f"{n} measurements", measured(n)
    for value in (0.0, -3.0, 1e9):
        yield f"constant outcome {value:g}", replace(plain, y=np.full(12, value))
    for size in (1e-150, 1e-9, 1e9, 1e150):
        yield f"outcomes of size {size:g}", replace(plain, y=size * plain.y)
    yield "an outlier", replace(plain, y=np.where(np.arange(12) == 0, 1e6, plain.y))
    yield "replicates that differ", replace(plain, x=np.repeat(plain.x[:4], 3, axis=0))
    yield "one point only", replace(plain, x=np.repeat(plain.x[:1], 12, axis=0))
    for variance in (0.0, 1e12):
        yield f"known noise {variance:g}", replace(plain, noise_variance=np.full(12, variance))
    for i in range(15):
        rng = np.random.default_rng((SEED, 2, i))
        n, d, levels = int(rng.integers(1, 11)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
        x = rng.integers(levels, size=(n, d)) / max(1, levels - 1)
        y = rng.choice([1e-6, 1.0, 1e6]) * rng.standard_normal(n) + rng.choice([0.0, 1e6])
        yield f"random case {i}", TrainingData(x, y, np.full(n, rng.choice([np.nan, 0.0, 1e-3])), rng.permutation(d))


def wide_cases() -> Iterator[tuple[str, TrainingData]]:
    """Yield spaces from narrow to wide: numbers of factors, levels, descriptors, measurements, known noise."""
    for d in (1, 2, 5, 10, 20, 40):
        yield f"{d} factors", even(30, d)
    rng = np.random.default_rng((SEED, 3))
    levels = np.eye(12)[rng.integers(12, size=30)]
    yield "12 levels", TrainingData(levels, levels @ rng.standard_normal(12), np.full(30, np.nan), np.zeros(12, int))
    described_by = rng.random((6, 4))[rng.integers(6, size=30)]
    yield (
        "levels with descriptors",
        TrainingData(described_by, described_by[:, 0], np.full(30, np.nan), np.zeros(4, int)),
    )
    yield "uneven known noise", replace(measured(20), noise_variance=np.where(np.arange(20) % 2, 1.0, 1e-6))
    yield "1,000 measurements", even(1000, 3)


def changed_by(surrogate: Surrogate) -> float:
    """Return how far predictions move with the order of factors and with the unit of the outcome, in its spread."""
    data, at, order = measured(15, noise=0.3), points(20, 3), np.array([4, 1, 2, 3, 0])
    spread = float(data.y.std())
    mean, variance = ask(learn(surrogate, data), at)
    moved = TrainingData(data.x[:, order], data.y, data.noise_variance, np.array([0, 2, 2, 2, 1]))
    other = replace(data, y=37.5 * data.y + 1200.0)
    found = [ask(learn(surrogate, moved), at[:, order])]
    its_mean, its_variance = ask(learn(surrogate, other), at)
    found.append(((its_mean - 1200.0) / 37.5, its_variance / 37.5**2))
    changes = [np.abs(m - mean).max() + np.abs(np.sqrt(v) - np.sqrt(variance)).max() for m, v in found]
    return float(max(changes)) / spread


def _joint_agrees(surrogate: Surrogate) -> None:
    data, at = measured(15, noise=0.3), points(20, 3)
    posterior, scale = learn(surrogate, data), float(data.y.var())
    (mean, variance), (joint_mean, covariance) = ask(posterior, at), posterior.joint(at)
    expect_finite({"joint covariance": covariance}, (len(at), len(at)))
    expect(bool(np.abs(joint_mean - mean).max() < 1e-5 * scale**0.5), "joint means are others")
    expect(bool(np.abs(np.diag(covariance) - variance).max() < 1e-5 * scale), "joint variances are others")
    expect(bool(np.abs(covariance - covariance.T).max() < 1e-8 * scale), "no symmetric covariance")
    expect(float(np.linalg.eigvalsh(covariance).min()) > -1e-6 * scale, "a negative eigenvalue")


def _conditioning_makes_surer(surrogate: Surrogate) -> None:
    posterior, at = learn(surrogate, measured(20, noise=0.3)), points(3, 4)
    mean, variance = ask(posterior, at)
    _, its = ask(posterior.condition_on(at, mean), at)
    expect(bool((its < variance).all()), "no surer after more data")
    expect(bool((ask(posterior, at)[0] == mean).all()), "the posterior before has changed")


def _one_point_is_as_among_many(surrogate: Surrogate) -> None:
    posterior, at = learn(surrogate, measured(15)), points(20, 3)
    mean, variance = ask(posterior, at)
    one = ask(posterior, at[7:8])
    expect(bool(np.allclose(one[0], mean[7], atol=1e-6)), "another mean")
    expect(bool(np.allclose(one[1], variance[7], rtol=1e-4, atol=1e-6)), "another variance")


def _chance_comes_from_the_generator(surrogate: Surrogate) -> None:
    data, at = measured(12, noise=0.3), points(10, 3)
    first = ask(learn(surrogate, data, 5), at)
    learn(surrogate, measured(9), 1)
    expect(bool(np.array_equal(first, ask(learn(surrogate, data, 5), at))), "another answer to the same question")


def _data_are_left_alone(surrogate: Surrogate) -> None:
    data = measured(10)
    copies = [array.copy() for array in (data.x, data.y, data.groups)]
    ask(learn(surrogate, data), points(5, 3))
    kept = all(np.array_equal(a, b) for a, b in zip(copies, (data.x, data.y, data.groups), strict=True))
    expect(kept, "the data have changed")


def _known_noise_is_believed(surrogate: Surrogate) -> None:
    data = measured(20)
    mean, _ = ask(learn(surrogate, replace(data, noise_variance=np.zeros(20))), data.x)
    expect(bool(np.abs(mean - data.y).max() < 0.05 * data.y.std()), "what is known exactly is not met")
    far = np.where(np.arange(20) == 0, data.y + 6.0 * data.y.std(), data.y)
    variance = np.where(np.arange(20) == 0, (6.0 * data.y.std()) ** 2, 0.0)
    mean, _ = ask(learn(surrogate, replace(data, y=far, noise_variance=variance)), data.x[:1])
    expect(bool(far[0] - mean[0] > 3.0 * data.y.std()), "what is known to be uncertain is met")


def _leaving_one_out_is_honest(surrogate: Surrogate) -> None:
    scores = []
    for seed in range(3):
        y = np.random.default_rng((SEED, 4, seed)).standard_normal(30)
        mean, variance = learn(surrogate, replace(measured(30), y=y)).leave_one_out()
        scores.append(float(np.mean(-0.5 * (np.log(2.0 * np.pi * variance) + (y - mean) ** 2 / variance))))
    # a normal density with the true mean and variance scores -1.42 on average
    expect(float(np.mean(scores)) < -1.25, "it claims to foretell pure noise")  # noqa: PLR2004


def _slopes_agree(surrogate: Surrogate) -> None:
    """Expect the mean to be smooth: slopes from steps of two lengths agree, so that planners can climb."""
    posterior, at = learn(surrogate, even(20, 3)), 0.1 + 0.8 * np.random.default_rng((SEED, 5)).random((20, 3))
    slopes = []
    for step in (1e-3, 5e-4):
        ahead, behind = (ask(posterior, at + sign * step * np.eye(3)[0])[0] for sign in (1.0, -1.0))
        slopes.append((ahead - behind) / (2.0 * step))
    size = float(np.abs(slopes[0]).max())
    expect(size > 0.0 and bool(np.abs(slopes[0] - slopes[1]).max() < 0.05 * size), "slopes depend on the step")


PROMISES: Mapping[str, Case] = {
    "what is said jointly agrees with what is said one by one": _joint_agrees,
    "conditioning makes surer and leaves the posterior before": _conditioning_makes_surer,
    "a point is foretold alone as among others": _one_point_is_as_among_many,
    "all chance comes from the generator": _chance_comes_from_the_generator,
    "the data are left as they were": _data_are_left_alone,
    "known noise is believed": _known_noise_is_believed,
    "leaving one out does not foretell noise": _leaving_one_out_is_honest,
    "slopes of the mean exist": _slopes_agree,
}
"""What planners rely on; each has `testing.surrogates` as its longer form."""


def cases(data: Iterator[tuple[str, TrainingData]]) -> dict[str, Case]:
    """Return data sets as cases that a surrogate passes if all it says is sound."""
    return {name: lambda surrogate, each=each: sound(surrogate, each) for name, each in data}  # type: ignore[misc]


def passed(surrogate: Surrogate, tried: Mapping[str, Case]) -> dict[str, str]:
    """Return for each case what went wrong; nothing if nothing did."""
    found = {}
    for name, case in tried.items():
        found[name] = ""
        try:
            with np.errstate(all="ignore"):
                case(surrogate)
        except MISTAKES as error:
            found[name] = described(error)
    return found

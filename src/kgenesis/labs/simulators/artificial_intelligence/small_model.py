"""Efficient learning as a laboratory: a small classifier is trained and its accuracy, size and training cost measured.

The data are the 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn (UCI "Optical Recognition of
Handwritten Digits", Alpaydin and Kaynak 1998). A quarter, drawn once with equal classes, is the *test set*: no experiment
sees it, and `exam` judges a final choice on it once. An experiment is three-fold cross-validation on the rest, with folds
and initial weights drawn from the experiment's seed, so repeats differ as honest repeats do.

Models, all one hidden layer of `width` units between the chosen `pixels` (those with the highest F statistic of the
fold's training part) and ten outputs:

- `mlp`: every weight is learned, by L-BFGS with at most `iterations` steps, ReLU units, weight decay `regularisation`.
- `fourier`: random cosines with the kernel width `gamma` (Rahimi and Recht 2007, "Random features for large-scale kernel
  machines"), and ridge regression to the outputs.
- `landmarks`: Gaussian units of width `gamma` at `width` training images (Williams and Seeger 2001, "Using the Nyström
  method"), and ridge regression.

Size is the number of stored weights: (pixels + 1) width + (width + 1) 10. Training cost counts multiply-adds as two
operations: for `mlp` three passes' worth (one forward, two backward; Kaplan et al. 2020, arXiv:2001.08361, §2.1) of the
weights, for every image and every step (a line search that looks twice is not counted); for ridge one pass, the Gram matrix and its Cholesky factor
n w^2 + w^3 / 3. Both are for one fold.

What an optimiser would exploit, and what stands against it:

- Leakage: pixels, scaling and landmarks come from the training part of each fold only; the test set is out of reach.
- A lucky split: folds are drawn anew by every experiment's seed, and the standard error is reported.
- A cheap look (a share of the training data) is no result: `share` is a fidelity, and only the whole counts.
- Training that diverges gives no number: it is a crash, not an accuracy.
"""

import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, infeasible

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

N_CLASSES, N_PIXELS, N_FOLDS = 10, 64, 3
BRIGHTEST = 16.0
"""Greatest value of a pixel."""

TEST_SEED = 20251
"""Draws the test set, once and for all."""

MODELS = ("mlp", "fourier", "landmarks")
SHARES = {"quarter": 0.25, "half": 0.5, "whole": 1.0}
"""Part of a fold's training data."""


class SmallModel(Simulator):
    """The laboratory: a model and how it is trained in, cross-validated accuracy, size and training cost out."""

    name = "small-model"
    revision = "1"
    factors: ClassVar = {
        "model": LEVELS,
        "width": "1",
        "pixels": "1",
        "regularisation": "1",
        "gamma": "1",
        "iterations": "1",
        "share": LEVELS,
    }
    outcomes_in: ClassVar = {"accuracy": "percent", "parameters": "1", "training": "1"}
    engines = ("scikit-learn",)
    extra = "ai"
    possible: ClassVar = {"accuracy": (0.0, 100.0), "parameters": (1.0, np.inf), "training": (0.0, np.inf)}

    @cached_property
    def _data(self) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
        """Images (n, 64) in [0, 1] and digits (n,) for development, then those of the test set."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, digits = load_digits(return_X_y=True)
        split = train_test_split(images / BRIGHTEST, digits, test_size=0.25, stratify=digits, random_state=TEST_SEED)
        return split[0], split[2], split[1], split[3]

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Cross-validate one model on the development data."""
        fault = _fault(conditions)
        if fault is not None:
            return fault
        images, digits, _, _ = self._data
        fold_of = rng.permutation(len(digits)) % N_FOLDS
        shares = []
        operations = 0.0
        for fold in range(N_FOLDS):
            inside = rng.permutation(np.flatnonzero(fold_of != fold))
            inside = inside[: max(round(SHARES[conditions["share"]] * len(inside)), 1)]
            outside = fold_of == fold
            found, cost = fit(conditions, images[inside], digits[inside], images[outside], rng)
            shares.append(float(np.mean(found == digits[outside])))
            operations += cost / N_FOLDS
        accuracy = float(np.mean(shares))
        error = float(np.sqrt(max(accuracy * (1 - accuracy), 1e-4) / len(digits)))
        return {
            "accuracy": Outcome(mean=round(100 * accuracy, 6), sem=round(100 * error, 6), n=N_FOLDS),
            "parameters": size(conditions),
            "training": operations,
        }

    def exam(self, conditions: Mapping[str, Any], seed: int = 0) -> float:
        """Return the accuracy (percent) on the test set after training on all development data; for a final choice.

        Raises:
            ValueError: the conditions are no model.
        """
        if _fault(conditions) is not None:
            msg = "the conditions are no model"
            raise ValueError(msg)
        images, digits, unseen, truth = self._data
        found, _ = fit(conditions, images, digits, unseen, np.random.default_rng(seed))
        return 100 * float(np.mean(found == truth))

    def checks(self) -> Iterator[Check]:
        """Compare with what is known of these data: their count, and a support vector machine's accuracy."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import StratifiedKFold, cross_val_score
        from sklearn.svm import SVC

        images, digits = load_digits(return_X_y=True)
        yield Check(
            say("images of digits", "숫자 이미지 수"), len(digits), 1797, 0, "1", "UCI Optical Recognition, test part"
        )
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        found = 100 * float(cross_val_score(SVC(C=10, gamma=1e-3), images, digits, cv=folds).mean())
        what = say("RBF-SVM, C = 10, gamma = 0.001, five folds", "RBF-SVM, C = 10, gamma = 0.001, 5겹")
        yield Check(what, found, 98.83, 0.4, "percent", "own run of scikit-learn, recorded when the lab was made")


def _fault(conditions: Mapping[str, Any]) -> Failure | None:
    """Return why conditions are no model, if they are none."""
    if conditions["model"] not in MODELS or conditions["share"] not in SHARES:
        return infeasible("there is no such model or share", "그런 모델이나 비율은 없습니다")
    own = "iterations" if conditions["model"] == "mlp" else "gamma"
    if conditions[own] is None:
        return infeasible(f"{conditions['model']} needs {own}", f"{conditions['model']}에는 {own}이(가) 필요합니다")
    if not (conditions["width"] >= 1 and 1 <= conditions["pixels"] <= N_PIXELS):
        return infeasible("there is no such network", "그런 신경망은 없습니다")
    if conditions["regularisation"] < 0 or conditions[own] <= 0:
        return infeasible("a number must be positive", "양수여야 하는 값이 있습니다")
    return None


def size(conditions: Mapping[str, Any]) -> float:
    """Return the number of weights that are stored."""
    width = int(conditions["width"])
    return float((int(conditions["pixels"]) + 1) * width + (width + 1) * N_CLASSES)


def fit(
    conditions: Mapping[str, Any], images: FloatArray, digits: IntArray, unseen: FloatArray, rng: np.random.Generator
) -> tuple[IntArray, float]:
    """Train one model and return what it reads in unseen images, and the operations of training.

    Args:
        conditions: the factors of `SmallModel`.
        images: (n, 64), to learn from; nothing of the model comes from anywhere else.
        digits: (n,), what they show.
        unseen: (m, 64), to read.
        rng: of initial weights, random units and landmarks.
    """
    from sklearn.feature_selection import f_classif
    from sklearn.neural_network import MLPClassifier

    width, n = int(conditions["width"]), len(digits)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pixels that are always dark have no F statistic
        scores = np.nan_to_num(f_classif(images, digits)[0], nan=-1.0)
    kept = np.sort(np.argsort(-scores, kind="stable")[: int(conditions["pixels"])])
    images, unseen = images[:, kept], unseen[:, kept]
    if conditions["model"] == "mlp":
        network = MLPClassifier(
            (width,), solver="lbfgs", alpha=conditions["regularisation"], max_iter=round(conditions["iterations"]),
            random_state=int(rng.integers(2**31)),
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the number of steps ran out is what the factor is for
            network.fit(images, digits)
        return network.predict(unseen), 6 * size(conditions) * n * float(network.n_iter_)
    gamma, m = float(conditions["gamma"]), len(kept)
    if conditions["model"] == "fourier":
        weights = np.sqrt(2 * gamma) * rng.standard_normal((m, width))
        phases = rng.uniform(0, 2 * np.pi, width)

        def hidden(x: FloatArray) -> FloatArray:
            return np.asarray(np.cos(x @ weights + phases), dtype=np.float64)
    else:
        centres = images[rng.choice(n, size=width, replace=width > n)]

        def hidden(x: FloatArray) -> FloatArray:
            squares = (x**2).sum(axis=1)[:, None] - 2 * x @ centres.T + (centres**2).sum(axis=1)
            return np.asarray(np.exp(-gamma * np.clip(squares, 0, None)), dtype=np.float64)

    units = hidden(images)
    mean = units.mean(axis=0)
    targets = np.eye(N_CLASSES)[digits]
    gram = (units - mean).T @ (units - mean)
    gram[np.diag_indices(width)] += conditions["regularisation"] + 1e-9 * max(float(np.trace(gram)), 1.0)
    readout = np.linalg.solve(gram, (units - mean).T @ (targets - targets.mean(axis=0)))
    outputs = (hidden(unseen) - mean) @ readout + targets.mean(axis=0)
    return outputs.argmax(axis=1), 2 * n * size(conditions) + 2 * n * width**2 + 2 * width**3 / 3

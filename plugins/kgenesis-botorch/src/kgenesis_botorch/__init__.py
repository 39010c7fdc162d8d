"""BoTorch's Gaussian process as a surrogate of K-Genesis: entry point `botorch` of the group `kgenesis.surrogates`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gpytorch
import numpy as np
import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.kernels import CategoricalKernel
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ProductKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

from kgenesis.kernel.errors import InvalidSpec, Mistake
from kgenesis.kernel.text import say

if TYPE_CHECKING:
    from kgenesis.kernel.ports import FloatArray, IntArray, PluginContext, TrainingData

FIT_ROWS = 400
"""Hyper-parameters are learned from at most this many rows, drawn at random; predictions always use every row."""

_CHUNK = 256
"""Points predicted at once: the model makes their joint covariance on the way."""

LEAST_NOISE = 2e-6
"""Smallest noise variance, standardised: GPyTorch rounds smaller ones up, and warns."""


@dataclass(frozen=True, slots=True)
class Data:
    """Measurements in standardised units, as tensors."""

    x: Tensor
    """(n, d)."""
    y: Tensor
    """(n,)."""
    known: Tensor
    """(n,), noise variance; NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class BoTorchPosterior:
    """A fitted `SingleTaskGP` and the data it has seen."""

    model: SingleTaskGP
    data: Data
    units: tuple[float, float]
    """Raw units: standardised y = (y - centre) / scale."""
    groups: IntArray
    """(d,), factor of each column."""

    @property
    def lengthscales(self) -> FloatArray:
        """Shape (n_factors,), encoded units; a category has its levels one apart."""
        found = np.empty(int(self.groups.max()) + 1)
        for kernel in self.model.covar_module.kernels:
            columns = kernel.active_dims.numpy()
            lengthscale = kernel.lengthscale.detach().numpy().ravel()
            if isinstance(kernel, CategoricalKernel):
                # two levels differ in 2 of k columns: exp(-(2 / k) / l)
                lengthscale = lengthscale * columns.size / 2.0
            found[self.groups[columns]] = lengthscale
        return found

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one measurement: learned, or the mean of what is known."""
        return self.units[1] * math.sqrt(self._unknown_noise)

    @property
    def voices(self) -> dict[str, float]:
        """It speaks for itself."""
        return {"botorch": 1.0}

    def mean_and_variance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict without noise, shapes (m, d) -> (m,), (m,)."""
        with _exactly():
            parts = [self.model.posterior(part) for part in torch.tensor(x, dtype=torch.double).split(_CHUNK)]
            return self._raw(torch.cat([p.mean.ravel() for p in parts]), torch.cat([p.variance.ravel() for p in parts]))

    def joint(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict several points together, shapes (m, d) -> (m,), (m, m)."""
        with _exactly():
            told = self.model(torch.tensor(x, dtype=torch.double))
            covariance = told.covariance_matrix
            return self._raw(told.mean, 0.5 * (covariance + covariance.T))

    def condition_on(self, x: FloatArray, y: FloatArray) -> BoTorchPosterior:
        """Add outcomes, shapes (k, d) and (k,), as noisy as a measurement; hyper-parameters stay."""
        centre, scale = self.units
        seen = self.data
        noise = torch.full((y.size,), self._unknown_noise if self._knows_all else float("nan"), dtype=torch.double)
        data = Data(
            torch.cat([seen.x, torch.tensor(x, dtype=torch.double)]),
            torch.cat([seen.y, torch.tensor((y - centre) / scale, dtype=torch.double)]),
            torch.cat([seen.known, noise]),
        )
        return replace(self, model=_with(data, self.model.covar_module, self.model.state_dict()), data=data)

    def leave_one_out(self) -> tuple[FloatArray, FloatArray]:
        """Predict each measurement from the others, noise included (Rasmussen & Williams 2006, equation 5.12)."""
        with _exactly():
            prior = self.model.forward(self.data.x)
            noisy = self.model.likelihood(prior, [self.data.x]).covariance_matrix
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(noisy))
            precision = torch.diagonal(inverse)
            mean = self.data.y - (inverse @ (self.data.y - prior.mean)) / precision
            return self._raw(mean, 1.0 / precision)

    @property
    def _knows_all(self) -> bool:
        return not bool(self.data.known.isnan().any())

    @property
    def _unknown_noise(self) -> float:
        return float(self.data.known.mean() if self._knows_all else self.model.likelihood.second_noise.detach())

    def _raw(self, mean: Tensor, variance: Tensor) -> tuple[FloatArray, FloatArray]:
        centre, scale = self.units
        least = variance.clamp_min(0.0) if variance.ndim == 1 else variance
        return centre + scale * mean.numpy(), scale**2 * least.numpy()


class BoTorchSurrogate:
    """`SingleTaskGP` with the dimension-scaled prior (Hvarfner et al. 2024) and a kernel part for every category."""

    def posterior(self, data: TrainingData, rng: np.random.Generator) -> BoTorchPosterior:
        """Learn from data.

        Args:
            data: At least one observation; every x and y finite.
            rng: Draws the rows to fit on when there are more than `FIT_ROWS`, and seeds PyTorch.

        Returns:
            The fitted model.

        Raises:
            ValueError: If there is no observation, or a value is not finite, or shapes disagree.
        """
        _check(data)
        centre, scale = _standardise(data.y)
        known = np.where(np.isfinite(data.noise_variance), data.noise_variance, np.nan)
        known = np.maximum(np.minimum(np.sqrt(known) / scale, 1e3) ** 2, LEAST_NOISE)
        everything = Data(*(torch.tensor(a, dtype=torch.double) for a in (data.x, (data.y - centre) / scale, known)))
        rows = np.arange(data.y.size)
        if rows.size > FIT_ROWS:
            rows = np.sort(rng.choice(rows, FIT_ROWS, replace=False))
        some = Data(everything.x[rows], everything.y[rows], everything.known[rows])
        kernel = _kernel(data.groups, data.x)
        model = _with(some, kernel, None, learns_noise=bool(everything.known.isnan().any()))
        before = deepcopy(model.state_dict())
        with torch.random.fork_rng(devices=[]), _exactly(gradients=True):
            torch.manual_seed(int(rng.integers(2**31)))
            try:
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            except ModelFittingError:
                # what was believed beforehand is better than nothing
                model.load_state_dict(before)
        model = _with(everything, model.covar_module, model.state_dict())
        return BoTorchPosterior(model, everything, (centre, scale), data.groups)


def make_surrogate(context: PluginContext) -> BoTorchSurrogate:
    """Entry point `botorch`; it has no settings.

    Raises:
        InvalidSpec: A setting was given.
    """
    if context.settings:
        text = say("the surrogate `botorch` has no such setting", "대리 모델 `botorch`에는 그런 설정이 없습니다")
        raise InvalidSpec(text, [Mistake(text, f"surrogate.settings.{name}") for name in context.settings])
    return BoTorchSurrogate()


def _kernel(groups: IntArray, x: FloatArray) -> Kernel:
    """Matérn over all numbers, times a part for each factor of several columns: levels all alike, or descriptors."""
    widths = np.bincount(groups)
    numbers = np.flatnonzero(widths[groups] == 1)
    parts: list[Kernel] = [_matern(numbers, numbers.size)] if numbers.size else []
    for factor in np.flatnonzero(widths > 1):
        columns = np.flatnonzero(groups == factor)
        block = x[:, columns]
        is_one_hot = ((block == 0.0) | (block == 1.0)).all() and (block.sum(axis=1) <= 1.0).all()
        parts.append(CategoricalKernel(active_dims=columns.tolist()) if is_one_hot else _matern(columns, 1))
    return ProductKernel(*parts)


def _matern(columns: IntArray, n_lengthscales: int) -> Kernel:
    """Matérn-5/2 with the prior of Hvarfner et al. (2024, arXiv 2402.02229)."""
    return get_covar_module_with_dim_scaled_prior(
        ard_num_dims=n_lengthscales, active_dims=columns.tolist(), use_rbf_kernel=False
    )


def _with(
    data: Data, kernel: Kernel, state: Mapping[str, Any] | None, *, learns_noise: bool | None = None
) -> SingleTaskGP:
    """Return a model of some data, with the hyper-parameters of another if given."""
    learns = bool(data.known.isnan().any()) if learns_noise is None else learns_noise
    likelihood = FixedNoiseGaussianLikelihood(
        noise=data.known.nan_to_num(nan=LEAST_NOISE),
        learn_additional_noise=learns,
        noise_prior=LogNormalPrior(loc=-4.0, scale=1.0),
        noise_constraint=GreaterThan(1e-4, initial_value=math.exp(-5.0)),
    )
    model = SingleTaskGP(
        data.x, data.y[:, None], likelihood=likelihood, covar_module=deepcopy(kernel), outcome_transform=None
    )
    if state is not None:
        model.load_state_dict(state)
        model.eval()
    return model


@contextmanager
def _exactly(*, gradients: bool = False) -> Iterator[None]:
    """Factorise whatever the size, and keep what the libraries warn of from people who did not choose them."""
    settings = gpytorch.settings
    with (
        torch.set_grad_enabled(gradients),
        settings.max_cholesky_size(100_000),
        settings.debug(state=False),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", NumericalWarning)
        yield


def _standardise(y: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of y; where nothing varies, the size of y itself, or 1."""
    size = float(np.abs(y).max())
    if size == 0.0:
        return 0.0, 1.0
    centre = size * float(np.mean(y / size))
    deviation = size * float(np.std(y / size))
    return centre, deviation if deviation > 1e-12 * size else size


def _check(data: TrainingData) -> None:
    n = data.y.shape[0]
    if n == 0 or data.x.shape != (n, data.groups.size) or data.noise_variance.shape != (n,):
        raise ValueError("expected x (n, d), y (n,), noise_variance (n,), groups (d,) with n >= 1")
    if not (np.isfinite(data.x).all() and np.isfinite(data.y).all()):
        raise ValueError("x and y must be finite; leave failed experiments out")

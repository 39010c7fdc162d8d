"""The foundation model as it is trained: a set network that proposes Gaussian processes, and how well they foretell.

Read from top to bottom: what a batch holds, exact Gaussian-process algebra for many data sets at once, the network that
looks at its gradients and moves the hyper-parameters. Torch is needed here and in `train.py`, nowhere else; `amortised.py`
does the same without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from kgenesis.surrogate.description import N_DATA_FIGURES, N_FACTOR_FIGURES, distances
from kgenesis.surrogate.fitting import column_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgenesis.surrogate.prior import DataSet
    from kgenesis.surrogate.recipe import Architecture

JITTER = 1e-7
"""Added to the diagonal, standardised units."""

LENGTHSCALES = (log(1e-2), log(1e3))
"""Bounds of log lengthscales."""

GLOBALS = {"signal": (log(1e-2), log(1e2)), "noise": (log(1e-6), log(4.0)), "mean": (log(1e-2), log(1e2))}
"""Bounds of the log variances of signal, noise and constant mean; three kernel logits follow them."""

N_GLOBALS = len(GLOBALS) + 3

STARTS = ((-1.2, 0.0, -6.0, -1.0), (-0.4, 0.0, -3.0, -1.0), (0.5, 0.5, -5.0, 0.0), (0.0, 0.0, -1.0, -1.0))
"""Log lengthscale, signal, noise and mean that components start from, in turn, before training moves them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Data sets with as many measurements each; those with fewer factors are filled up with factors that never vary."""

    figures: Tensor
    """Of each factor, shape (b, d, N_FACTOR_FIGURES)."""
    data: Tensor
    """Of each data set, shape (b, N_DATA_FIGURES)."""
    is_factor: Tensor
    """Whether a factor is one, shape (b, d)."""
    apart: Tensor
    """Squared distances between measurements, shape (b, d, n * n), double."""
    across: Tensor
    """Squared distances from what is asked to what was measured, shape (b, d, m * n), double."""
    y: Tensor
    """(b, n), double."""
    known: Tensor
    """Known noise variances, NaN where unknown, (b, n), double."""
    asked: Tensor
    """Held-out outcomes, (b, m), double."""
    asked_known: Tensor
    """Their known noise variances, NaN where unknown, (b, m), double."""


def collate(sets: Sequence[DataSet], device: str = "cpu") -> Batch:
    """Put data sets into one batch; all have as many measurements, and as many held out."""
    b, n, m = len(sets), sets[0].data.y.size, sets[0].y.size
    d = max(int(s.data.groups.max()) + 1 for s in sets)
    figures, data = np.zeros((b, d, N_FACTOR_FIGURES)), np.zeros((b, N_DATA_FIGURES))
    is_factor = np.zeros((b, d), dtype=bool)
    apart, across = np.zeros((b, d, n * n)), np.zeros((b, d, m * n))
    for i, s in enumerate(sets):
        own, groups = int(s.data.groups.max()) + 1, s.data.groups
        figures[i, :own], data[i], is_factor[i, :own] = s.said.factors, s.said.data, True
        scales = column_scales(s.data.x, groups)
        apart[i, :own] = distances(s.data.x * scales, s.data.x * scales, groups).reshape(own, -1)
        across[i, :own] = distances(s.x * scales, s.data.x * scales, groups).reshape(own, -1)

    def tensor(array: Any, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.as_tensor(np.asarray(array), dtype=dtype, device=device)

    return Batch(
        tensor(figures, torch.float32), tensor(data, torch.float32), tensor(is_factor, torch.bool), tensor(apart),
        tensor(across), tensor([s.data.y for s in sets]), tensor([s.data.noise_variance for s in sets]),
        tensor([s.y for s in sets]), tensor([s.noise_variance for s in sets]),
    )  # fmt: skip


class Correlation(torch.autograd.Function):
    """A weighted sum of correlations, differentiated in closed form with what `correlations` found."""

    @staticmethod
    def forward(ctx: Any, squared: Tensor, shares: Tensor, kinds: Tensor, slope: Tensor) -> Tensor:
        """Correlation (..., k) of squared distances (..., k) under shares (..., 3)."""
        del squared
        ctx.save_for_backward(kinds, slope)
        return torch.matmul(shares[..., None, :], kinds)[..., 0, :]

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Gradients by squared distances and by shares."""
        kinds, slope = ctx.saved_tensors
        return outer[0] * slope, torch.matmul(kinds, outer[0][..., None])[..., 0], None, None


def mixed(squared: Tensor, shares: Tensor, kinds: Tensor, slope: Tensor) -> Tensor:
    """Return the weighted sum of correlations, with its gradient; see `Correlation`."""
    found: Tensor = Correlation.apply(squared, shares, kinds, slope)  # type: ignore[no-untyped-call]
    return found


@torch.no_grad()
def correlations(squared: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """RBF, Matérn-5/2 and Matérn-3/2 (Rasmussen & Williams 2006, equations 4.9 and 4.17).

    Returns:
        The three correlations, (..., 3, k), and the slope of their weighted sum by r², (..., k).
    """
    r = torch.sqrt(squared)
    rbf, e5, e3 = torch.exp(-0.5 * squared), torch.exp(-(5.0**0.5) * r), torch.exp(-(3.0**0.5) * r)
    bracket = (1.0 + (5.0**0.5) * r).mul_(e5)
    kinds = torch.stack(
        [rbf, torch.addcmul(bracket, squared, e5, value=5.0 / 3.0), (1.0 + (3.0**0.5) * r).mul_(e3)], dim=-2
    )
    first, second, third = shares[..., None].unbind(-2)
    slope = rbf.mul_(-0.5 * first).addcmul_(bracket, second, value=-5.0 / 6.0).addcmul_(e3, third, value=-1.5)
    return kinds, slope


@dataclass(frozen=True, slots=True)
class Fit:
    """Gaussian processes of every data set under proposed hyper-parameters."""

    likelihood: Tensor
    """Log marginal likelihood, (b, s), double."""
    factor: Tensor
    """Cholesky factor of the covariance, (b, s, n, n)."""
    alpha: Tensor
    """Inverse covariance times y, (b, s, n)."""
    precisions: Tensor
    """Inverse squared lengthscales, (b, s, d)."""
    variances: Tensor
    """Of signal, noise and mean, (b, s, 3)."""
    shares: Tensor
    """Of the kernels, (b, s, 3)."""
    kinds: Tensor
    """The three correlations of all pairs, (b, s, 3, n * n)."""
    slope: Tensor
    """Of their weighted sum by squared distance, (b, s, n * n)."""


def fit(batch: Batch, lengths: Tensor, others: Tensor) -> Fit:
    """Factorise the covariances.

    Args:
        batch: The data sets.
        lengths: Log lengthscales, (b, s, d).
        others: Log variances of signal, noise and mean, then kernel logits, (b, s, N_GLOBALS).
    """
    b, s, _ = lengths.shape
    n = batch.y.shape[1]
    precisions = torch.exp(-2.0 * lengths.double().clamp(*LENGTHSCALES))
    bounds = others.new_tensor(list(GLOBALS.values())).double()
    variances = torch.exp(others[..., :3].double().clamp(bounds[:, 0], bounds[:, 1]))
    shares = torch.softmax(others[..., 3:].double(), dim=-1)
    squared = torch.matmul(precisions, batch.apart)
    kinds, slope = correlations(squared, shares)
    correlation = mixed(squared, shares, kinds, slope).reshape(b, s, n, n)
    noise = torch.where(batch.known.isnan()[:, None], variances[..., 1:2], batch.known.nan_to_num()[:, None])
    covariance = variances[..., 0, None, None] * correlation + variances[..., 2, None, None]
    factor, failed = torch.linalg.cholesky_ex(covariance + torch.diag_embed(noise + JITTER))
    if bool(failed.any()):
        raise FloatingPointError("a covariance has no Cholesky factor")
    half = torch.linalg.solve_triangular(factor, batch.y[:, None, :, None].expand(b, s, n, 1), upper=False)
    alpha = torch.linalg.solve_triangular(factor.mT, half, upper=True)[..., 0]
    logs = torch.log(torch.diagonal(factor, dim1=-2, dim2=-1)).sum(-1)
    likelihood = -0.5 * half.square().sum((-1, -2)) - logs - 0.5 * n * log(2.0 * pi)
    return Fit(likelihood, factor, alpha, precisions, variances, shares, kinds, slope)


@torch.no_grad()
def slopes(batch: Batch, found: Fit) -> tuple[Tensor, Tensor]:
    """Gradient of the log marginal likelihood (Rasmussen & Williams 2006, equation 5.9), in closed form.

    Returns:
        By log lengthscales, (b, s, d), and by the log variances and the kernel logits, (b, s, N_GLOBALS).
    """
    b, s, n = found.alpha.shape
    outer = found.alpha[..., :, None] * found.alpha[..., None, :] - torch.cholesky_inverse(found.factor)
    flat = outer.reshape(b, s, n * n)
    signal, noise, mean = found.variances.unbind(-1)
    by_lengths = -signal[..., None] * found.precisions * torch.matmul(flat * found.slope, batch.apart.mT)
    by_kind = 0.5 * signal[..., None] * torch.matmul(found.kinds, flat[..., None])[..., 0]
    by_signal = (found.shares * by_kind).sum(-1)
    is_unknown = batch.known.isnan()[:, None]
    by_noise = 0.5 * noise * (torch.diagonal(outer, dim1=-2, dim2=-1) * is_unknown).sum(-1)
    by_mean = 0.5 * mean * flat.sum(-1)
    by_logits = found.shares * (by_kind - by_signal[..., None])
    return by_lengths, torch.cat([torch.stack([by_signal, by_noise, by_mean], dim=-1), by_logits], dim=-1)


def foretell(batch: Batch, found: Fit) -> tuple[Tensor, Tensor]:
    """Return mean and variance (b, s, m) of the held-out measurements, noise included."""
    b, s, n = found.alpha.shape
    signal, noise, mean = (v[..., None] for v in found.variances.unbind(-1))
    squared = torch.matmul(found.precisions, batch.across)
    correlation = mixed(squared, found.shares, *correlations(squared, found.shares))
    covariance = (signal * correlation + mean).reshape(b, s, -1, n)
    centre = torch.einsum("bsmn,bsn->bsm", covariance, found.alpha)
    half = torch.linalg.solve_triangular(found.factor, covariance.mT, upper=False)
    latent = (signal + mean - half.square().sum(-2)).clamp_min(JITTER)
    own = torch.where(batch.asked_known.isnan()[:, None], noise, batch.asked_known.nan_to_num()[:, None])
    return centre, latent + own + JITTER


class Attention(nn.Module):
    """Self-attention after normalisation, added to what came in (Vaswani et al. 2017; pre-norm)."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm, self.inward = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)

    def forward(self, tokens: Tensor, may_see: Tensor | None = None) -> Tensor:
        """Tokens (..., t, width) -> the same shape; `may_see` (..., t) says which may be looked at."""
        *lead, t, width = tokens.shape
        parts = self.inward(self.norm(tokens)).reshape(*lead, t, 3, self.n_heads, width // self.n_heads)
        query, key, value = (parts[..., i, :, :].transpose(-2, -3) for i in range(3))
        scores = query @ key.mT * (width // self.n_heads) ** -0.5
        if may_see is not None:
            scores = scores.masked_fill(~may_see[..., None, None, :], -torch.inf)
        seen = (torch.softmax(scores, dim=-1) @ value).transpose(-2, -3).reshape(*lead, t, width)
        moved: Tensor = tokens + self.outward(seen)
        return moved


class Round(nn.Module):
    """One step of the learned optimiser: read likelihoods and slopes, compare factors, compare components, move."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.read_factor, self.read_data = nn.Linear(3, width), nn.Linear(2 * N_GLOBALS + 2, width)
        self.factors, self.components = Attention(width, n_heads), Attention(width, n_heads)
        self.norm, self.inward, self.outward = (
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.Linear(2 * width, width),
        )
        self.move_length, self.move_others = nn.Linear(width, 1), nn.Linear(width, N_GLOBALS + 1)
        for head in (self.move_length, self.move_others):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def forward(self, tokens: Tensor, read: tuple[Tensor, Tensor], may_see: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (b, s, d + 1, width), the last stands for the data set.

        Returns:
            The tokens, moves of log lengthscales (b, s, d), and moves of everything else (b, s, N_GLOBALS + 1).
        """
        tokens = tokens + torch.cat([self.read_factor(read[0]), self.read_data(read[1])[:, :, None]], dim=2)
        tokens = self.factors(tokens, may_see)
        tokens = self.components(tokens.transpose(1, 2)).transpose(1, 2)
        tokens = tokens + self.outward(nn.functional.silu(self.inward(self.norm(tokens))))
        return tokens, self.move_length(tokens[:, :, :-1])[..., 0], self.move_others(tokens[:, :, -1])


class Network(nn.Module):
    """From a data set to a mixture of Gaussian processes."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        s, width = architecture.n_components, architecture.width
        self.see_factor = nn.Sequential(nn.Linear(N_FACTOR_FIGURES, width), nn.SiLU(), nn.Linear(width, width))
        self.see_data = nn.Sequential(nn.Linear(N_DATA_FIGURES, width), nn.SiLU(), nn.Linear(width, width))
        self.component = nn.Parameter(0.5 * torch.randn(s, width))
        starts = torch.tensor([STARTS[i % len(STARTS)] for i in range(s)])
        self.length, self.per_factor = nn.Parameter(starts[:, 0].clone()), nn.Parameter(torch.full((s,), 0.35))
        self.others = nn.Parameter(torch.cat([starts[:, 1:], torch.zeros(s, 4)], dim=1))
        self.tempering = nn.Parameter(torch.tensor(0.0))
        self.rounds = nn.ModuleList(Round(width, architecture.n_heads) for _ in range(architecture.n_rounds))

    def forward(self, batch: Batch) -> list[tuple[Fit, Tensor]]:
        """Return, after each round, the Gaussian processes and the log of their shares (b, s)."""
        b, d = batch.is_factor.shape
        n_factors = batch.is_factor.sum(1, keepdim=True)
        seen = torch.cat([self.see_factor(batch.figures), self.see_data(batch.data)[:, None]], dim=1)
        tokens = seen[:, None] + self.component[None, :, None]
        lengths = (self.length + self.per_factor * torch.log(n_factors))[..., None].expand(b, self.length.numel(), d)
        others = self.others.expand(b, *self.others.shape)
        may_see = torch.cat([batch.is_factor, torch.ones_like(batch.is_factor[:, :1])], dim=1)[:, None]
        with torch.no_grad():
            found = fit(batch, lengths, others[..., :N_GLOBALS])
        out = []
        for step in self.rounds:
            read = reading(batch, found, lengths, others)
            tokens, by_length, by_others = step(tokens, read, may_see)
            lengths, others = lengths + by_length, others + by_others
            found = fit(batch, lengths, others[..., :N_GLOBALS])
            weights = others[..., -1].double() + nn.functional.softplus(self.tempering.double()) * found.likelihood
            out.append((found, torch.log_softmax(weights, dim=-1)))
        return out


def reading(batch: Batch, found: Fit, lengths: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """What a round is told: slopes on a logarithmic scale, where hyper-parameters stand, how likely the data are.

    Returns:
        Of each factor, (b, s, d, 3), and of the data set, (b, s, 2 N_GLOBALS + 2).
    """
    by_lengths, by_others = slopes(batch, found)
    likelihood, n = found.likelihood.detach(), batch.y.shape[1]
    behind = likelihood - likelihood.max(dim=1, keepdim=True).values
    per_row = torch.asinh(likelihood / n)
    factor = torch.stack([torch.asinh(by_lengths), torch.asinh(by_lengths / n) * 3.0, lengths.double()], dim=-1)
    data = torch.cat(
        [torch.asinh(by_others), others[..., :N_GLOBALS].double(), per_row[..., None], -torch.asinh(behind)[..., None]],
        dim=-1,
    )
    return factor.float(), data.float()


def densities(batch: Batch, found: Fit, shares: Tensor) -> Tensor:
    """Log density (b, m) of the held-out measurements under the mixture with log shares (b, s)."""
    centre, variance = foretell(batch, found)
    each = -0.5 * ((batch.asked[:, None] - centre).square() / variance + torch.log(2.0 * pi * variance))
    return torch.logsumexp(shares[..., None] + each, dim=1)

"""A portfolio listens to whoever foretells the data, and silences nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.gp import GaussianProcess
from kgenesis.surrogate.portfolio import LEAST_SHARE, Portfolio, make_portfolio, weights
from kgenesis.surrogate.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kgenesis.kernel.ports import FloatArray


def both() -> Portfolio:
    return Portfolio([("gp", GaussianProcess()), ("trees", Trees())])


def measured(response: Callable[[FloatArray], FloatArray], n: int, seed: int = 0) -> TrainingData:
    x = np.random.default_rng(seed).random((n, 2))
    return TrainingData(x, response(x), np.full(n, np.nan), np.arange(2))


def smooth(x: FloatArray) -> FloatArray:
    return np.asarray(np.sin(3.0 * x[:, 0]) + x[:, 1] ** 2)


def stepped(x: FloatArray) -> FloatArray:
    return np.asarray(np.floor(4.0 * x[:, 0]) % 2 + 3.0 * (x[:, 1] > 0.6))


def share_of_trees(response: Callable[[FloatArray], FloatArray], n: int) -> float:
    found = [both().posterior(measured(response, n, seed), np.random.default_rng(seed)).voices for seed in range(5)]
    return float(np.mean([voices["trees"] for voices in found]))


def test_with_few_observations_all_members_are_heard_alike() -> None:
    voices = both().posterior(measured(smooth, 3), np.random.default_rng(0)).voices
    assert set(voices) == {"gp-ard", "gp-isotropic", "trees"}
    assert all(0.15 < share < 0.6 for share in voices.values())


def test_the_process_leads_on_a_smooth_response_and_the_trees_on_steps() -> None:
    assert share_of_trees(smooth, 40) < 0.1
    assert share_of_trees(stepped, 60) > 0.5


def test_on_every_response_it_foretells_nearly_as_well_as_its_best_member() -> None:
    fresh = np.random.default_rng(99).random((300, 2))
    for response in (smooth, stepped):
        errors: dict[str, list[float]] = {"portfolio": [], "gp": [], "trees": []}
        for seed in range(4):
            data = measured(response, 40, seed)
            for name, surrogate in (("portfolio", both()), ("gp", GaussianProcess()), ("trees", Trees())):
                mean, _ = surrogate.posterior(data, np.random.default_rng(seed)).mean_and_variance(fresh)
                errors[name].append(float(np.sqrt(np.mean((mean - response(fresh)) ** 2))))
        best = min(np.mean(errors["gp"]), np.mean(errors["trees"]))
        assert np.mean(errors["portfolio"]) < 1.15 * best + 0.02


def test_nobody_is_silenced_and_shares_sum_to_one() -> None:
    found = weights(np.array([0.0, -1e6, -3.0]))
    assert found.sum() == pytest.approx(1.0)
    assert found.min() == pytest.approx(LEAST_SHARE)
    assert weights(np.zeros(100)).tolist() == pytest.approx([0.01] * 100)


def test_a_member_that_is_a_mixture_is_taken_apart_and_says_the_same_in_sum() -> None:
    portfolio = make_portfolio(PluginContext(settings={"members": ["trees", "genesis"]}))
    posterior = portfolio.posterior(measured(smooth, 12), np.random.default_rng(0))
    assert len(posterior.members) > len(posterior.components) == 2
    x = np.random.default_rng(1).random((20, 2))
    shares = np.array([share for share, _ in posterior.members])
    means, variances = zip(*(member.mean_and_variance(x) for _, member in posterior.members), strict=True)
    mean, variance = posterior.mean_and_variance(x)
    np.testing.assert_allclose(shares @ np.array(means), mean, atol=1e-9)
    np.testing.assert_allclose(shares @ (np.array(variances) + (np.array(means) - mean) ** 2), variance, rtol=1e-6)


def test_equal_weights_stay_equal() -> None:
    surrogate = Portfolio([("gp", GaussianProcess()), ("trees", Trees())], is_equal=True)
    voices = surrogate.posterior(measured(smooth, 40), np.random.default_rng(0)).voices
    assert list(voices.values()) == pytest.approx([1 / 3] * 3)


def test_members_are_plug_ins_by_name_with_their_settings() -> None:
    def make(group: str, name: str, settings: Mapping[str, Any]) -> object:
        return make_plugin(group, name, PluginContext(settings=settings))

    made = make_portfolio(PluginContext(settings={"members": ["gp", {"name": "trees"}]}, make=make))
    assert isinstance(made, Portfolio)
    with pytest.raises(InvalidSpec, match="weights"):
        make_portfolio(PluginContext(settings={"weights": "loud"}, make=make))
    with pytest.raises(InvalidSpec):
        make_portfolio(PluginContext(settings={"members": []}, make=make))

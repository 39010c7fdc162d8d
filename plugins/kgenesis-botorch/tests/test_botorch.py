"""The surrogate `botorch` keeps the promises of every surrogate, and drives a campaign."""

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from kgenesis_botorch import make_surrogate

from kgenesis import run
from kgenesis.kernel.errors import InvalidSpec
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.testing.surrogates import Factory, SurrogateCases, measured

MISSION = {
    "name": "bowl",
    "title": "A bowl",
    "space": {
        "factors": [
            {"type": "real", "name": "x", "low": 0, "high": 1, "unit": "1"},
            {"type": "categorical", "name": "kind", "levels": ["a", "b", "c"]},
        ]
    },
    "objectives": [{"name": "value", "goal": "maximize", "unit": "1"}],
    "planner": {"name": "model", "settings": {"surrogate": "botorch"}},
    "budget": {"experiments": 12},
}


class TestBoTorch(SurrogateCases):
    @pytest.fixture
    def factory(self) -> Factory:
        (point,) = entry_points(group="kgenesis.surrogates", name="botorch")
        assert point.load() is make_surrogate
        return make_surrogate

    @pytest.fixture
    def precision(self) -> float:
        # where the optimiser stops depends on rounding
        return 1e-3


def test_descriptors_share_a_lengthscale_and_levels_are_one_apart() -> None:
    rng = np.random.default_rng(0)
    x = np.hstack([rng.random((30, 3)), np.eye(4)[rng.integers(4, size=30)]])
    data = TrainingData(x, 3.0 * x[:, 3] + x[:, 0], np.full(30, np.nan), np.array([0, 1, 1, 2, 2, 2, 2]))
    posterior = make_surrogate(PluginContext()).posterior(data, np.random.default_rng(0))
    assert posterior.lengthscales.shape == (3,)
    assert posterior.lengthscales[2] < posterior.lengthscales[1]


def test_it_drives_a_campaign_and_is_named_in_the_reason(tmp_path: Path) -> None:
    bonus = {"a": 0.0, "b": 0.5, "c": 0.2}
    campaign = run(
        MISSION,
        lambda c: {"value": bonus[c["kind"]] - (c["x"] - 0.3) ** 2},
        store=tmp_path / "k.db",
        seed=1,
        progress=False,
    )
    assert campaign.best is not None
    assert campaign.best["kind"] == "b"
    assert campaign.best["x"] == pytest.approx(0.3, abs=0.1)
    last = campaign.state.experiments[max(campaign.state.experiments)]
    assert last.why.surrogate == "botorch"


def test_settings_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="kernel"):
        make_surrogate(PluginContext(settings={"kernel": "rbf"}))


def test_mixed_noise_is_believed() -> None:
    data = measured(20, noise=0.5)
    known = np.where(np.arange(20) % 2, 1e-6, np.nan)
    data = TrainingData(data.x, data.y, known, data.groups)
    posterior = make_surrogate(PluginContext()).posterior(data, np.random.default_rng(0))
    assert posterior.noise_sd > 0.0
    assert posterior.condition_on(data.x[:2], data.y[:2]).leave_one_out()[0].shape == (22,)

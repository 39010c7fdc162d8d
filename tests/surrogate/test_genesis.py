"""The foundation model in use: what the network proposes, and the algebra behind it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from kgenesis.kernel.errors import InvalidSpec, NotFound
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.kernel.problem import Problem
from kgenesis.surrogate.amortised import NEWEST, PUBLISHED, expected_shapes, load
from kgenesis.surrogate.description import describe
from kgenesis.surrogate.evaluation import foretold, map_gp, score
from kgenesis.surrogate.fitting import column_scales, factor_distances
from kgenesis.surrogate.genesis import Genesis, Settings, make_genesis
from kgenesis.surrogate.marginal import N_GLOBALS, Marginal
from kgenesis.surrogate.prior import draw_data_set
from kgenesis.surrogate.weights import pack, read, unpack

MODEL = load(PUBLISHED / NEWEST)


def numbers(n, d, seed=0, noise=0.0):
    rng = np.random.default_rng((seed, n, d))
    x = rng.random((n, d))
    y = np.sin(4.0 * x[:, 0]) + (x[:, -1] - 0.4) ** 2 + noise * rng.standard_normal(n)
    return TrainingData(x, y, np.full(n, np.nan), np.arange(d))


def case(data):
    distances = factor_distances(data.x * column_scales(data.x, data.groups), data.groups)
    return Marginal(distances, data.y, data.noise_variance)


@pytest.mark.parametrize("is_known", [False, True])
def test_the_gradient_of_the_likelihood_is_that_of_the_likelihood(is_known):
    data = draw_data_set(np.random.default_rng(4), 14, 3, 5).data
    if is_known:
        data = replace(data, noise_variance=np.where(np.arange(14) % 2, 0.05, np.nan))
    marginal, rng = case(data), np.random.default_rng(1)
    theta = np.concatenate([rng.normal(-0.5, 0.5, 3), [0.1, -3.0, -0.7], rng.standard_normal(3)])
    _, gradient = marginal(theta)
    steps = 1e-5 * np.eye(theta.size)
    differences = [(marginal(theta + s)[0] - marginal(theta - s)[0]) / 2e-5 for s in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-6)


def test_the_value_of_the_likelihood_is_a_normal_density():
    from scipy.stats import multivariate_normal

    data = draw_data_set(np.random.default_rng(5), 9, 2, 5).data
    theta = np.array([-0.3, 0.4, 0.2, -2.0, -1.0, 50.0, 0.0, 0.0])  # RBF alone
    distances = np.zeros((9, 9))
    distances[np.triu_indices(9, 1)] = np.exp([0.6, -0.8]) @ factor_distances(
        data.x * column_scales(data.x, data.groups), data.groups
    )
    covariance = np.exp(0.2 - 0.5 * (distances + distances.T)) + np.exp(-1.0) + (np.exp(-2.0) + 1e-7) * np.eye(9)
    expected = multivariate_normal(np.zeros(9), covariance).logpdf(data.y)
    assert case(data)(theta)[0] == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("n", [12, 100, 300])
def test_a_rough_look_says_nearly_the_same(n):
    data, x = numbers(n, 3, noise=0.05), np.random.default_rng(5).random((400, 3))
    posterior = Genesis(MODEL).posterior(data, np.random.default_rng(0))
    (mean, variance), (its_mean, its_variance) = (p.mean_and_variance(x) for p in (posterior, posterior.rough))
    sd = np.sqrt(variance + posterior.noise_sd**2)
    assert np.abs(its_mean - mean).max() < (0.2 if n <= 256 else 1.0) * sd.max()  # only 256 rows are looked at
    assert np.corrcoef(its_mean, mean)[0, 1] > 0.99
    assert np.corrcoef(its_variance, variance)[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_neither_the_order_of_factors_nor_the_unit_nor_the_sign_of_outcomes_matters(seed):
    s = draw_data_set(np.random.default_rng((seed, 3)), 20, 6, 30)
    genesis, rng = Genesis(MODEL), np.random.default_rng(0)
    mean, variance = genesis.posterior(s.data, rng).mean_and_variance(s.x)
    order = np.random.default_rng(seed).permutation(6)
    columns = np.concatenate([np.flatnonzero(s.data.groups == g) for g in order])
    groups = np.repeat(np.arange(6), [int((s.data.groups == g).sum()) for g in order])
    moved = TrainingData(s.data.x[:, columns], 7.0 - 250.0 * s.data.y, 250.0**2 * s.data.noise_variance, groups)
    its_mean, its_variance = genesis.posterior(moved, rng).mean_and_variance(s.x[:, columns])
    np.testing.assert_allclose((7.0 - its_mean) / 250.0, mean, atol=1e-5)
    np.testing.assert_allclose(its_variance / 250.0**2, variance, atol=1e-5)


def test_levels_may_be_named_in_any_order():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=25)
    x = np.hstack([rng.random((25, 1)), np.eye(4)[codes]])
    data = TrainingData(x, np.sin(3 * x[:, 0]) + 0.5 * codes, np.full(25, np.nan), np.array([0, 1, 1, 1, 1]))
    other = replace(data, x=x[:, [0, 3, 1, 4, 2]])
    first = Genesis(MODEL).posterior(data, rng).mean_and_variance(data.x[:5])
    second = Genesis(MODEL).posterior(other, rng).mean_and_variance(other.x[:5])
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_it_foretells_unseen_campaigns_better_than_a_fitted_process():
    ours, theirs = [], []
    for i in range(24):
        n, d = ((6, 3), (12, 4), (25, 6))[i % 3]
        s = draw_data_set(np.random.default_rng((9, 9, i)), n, d, 40)
        ours.append(score(Genesis(MODEL), s))
        theirs.append(score(map_gp(), s))
    assert np.median([a.nll for a in ours]) < np.median([b.nll for b in theirs])
    assert np.mean([a.nll < b.nll for a, b in zip(ours, theirs, strict=True)]) > 0.6
    assert 0.8 < np.mean([a.coverage for a in ours]) < 0.97


def test_densities_are_those_of_the_mixture():
    data = numbers(12, 2, noise=0.1)
    posterior = Genesis(MODEL).posterior(data, np.random.default_rng(0))
    grid = np.linspace(-6.0, 6.0, 4001)
    at = np.repeat(np.array([[0.3, 0.6]]), grid.size, axis=0)
    logs, places = foretold(posterior, at, grid, np.full(grid.size, np.nan))
    assert np.trapezoid(np.exp(logs), grid) == pytest.approx(1.0, abs=1e-3)
    assert (np.diff(places) >= 0.0).all()
    np.testing.assert_allclose(np.gradient(places, grid), np.exp(logs), atol=2e-2 * np.exp(logs).max())


def test_known_noise_is_told_to_the_network():
    data = numbers(15, 2, noise=0.3)
    plain = Genesis(MODEL).posterior(data, np.random.default_rng(0))
    told = Genesis(MODEL).posterior(replace(data, noise_variance=np.full(15, 1e-6)), np.random.default_rng(0))
    mean, _ = told.mean_and_variance(data.x)
    assert np.abs(mean - data.y).max() < 0.05 < np.abs(plain.mean_and_variance(data.x)[0] - data.y).max()


def test_more_factors_than_trained_are_refused_or_handed_on():
    data = numbers(12, 21)
    with pytest.raises(InvalidSpec, match="21 factors"):
        Genesis(MODEL).posterior(data, np.random.default_rng(0))
    handed = Genesis(MODEL, Settings(beyond="gp")).posterior(data, np.random.default_rng(0))
    assert set(handed.voices) == {"gp-ard", "gp-isotropic"}


def test_a_mission_with_too_many_factors_is_refused_before_it_begins():
    factors = [{"type": "real", "name": f"x{i}", "unit": "1", "low": 0, "high": 1} for i in range(21)]
    objectives = [{"name": "y", "unit": "1", "goal": "maximize"}]
    problem = Problem.model_validate({"space": {"factors": factors}, "objectives": objectives})
    with pytest.raises(InvalidSpec, match="21 factors"):
        make_genesis(PluginContext(problem=problem))


def test_all_rows_count_where_there_are_very_many():
    data = numbers(900, 3, noise=0.1)
    posterior = Genesis(MODEL).posterior(data, np.random.default_rng(0))
    assert posterior.leave_one_out()[0].shape == (900,)
    at = numbers(200, 3, seed=5)
    assert np.sqrt(np.mean((posterior.mean_and_variance(at.x)[0] - at.y) ** 2)) < 0.06


class TestModelsOnTheDisk:
    @pytest.fixture
    def folder(self, tmp_path):
        for name in ("weights.safetensors", "lineage.json"):
            shutil.copy(PUBLISHED / NEWEST / name, tmp_path)
        return tmp_path

    def test_weights_survive_writing_and_reading(self):
        tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.float32(2.5).reshape(())}
        again, notes = unpack(pack(tensors, {"version": "x"}))
        assert notes == {"version": "x"}
        assert again["b"].shape == ()
        np.testing.assert_array_equal(again["a"], tensors["a"])

    def test_the_file_is_one_that_others_can_read(self, folder):
        numpy_reader = pytest.importorskip("safetensors.numpy", reason="checked where safetensors is installed")
        theirs = numpy_reader.load_file(folder / "weights.safetensors")
        ours, _ = read(folder / "weights.safetensors")
        assert theirs.keys() == ours.keys() == expected_shapes(MODEL.recipe).keys()
        for name, tensor in ours.items():
            np.testing.assert_array_equal(tensor, theirs[name])

    def test_the_published_weights_are_small(self):
        assert (PUBLISHED / NEWEST / "weights.safetensors").stat().st_size <= 4_000_000

    @pytest.mark.parametrize("at", [3, 200, -5])
    def test_a_damaged_file_is_refused(self, folder, at):
        path = folder / "weights.safetensors"
        content = bytearray(path.read_bytes())
        content[at] ^= 0x41
        path.write_bytes(content)
        with pytest.raises(InvalidSpec):
            load(folder)

    def test_foreign_weights_are_refused(self, folder):
        tensors, notes = read(folder / "weights.safetensors")
        tensors["component"] = tensors["component"] + np.float32(1e-3)
        (folder / "weights.safetensors").write_bytes(pack(tensors, notes))
        with pytest.raises(InvalidSpec, match="lineage"):
            load(folder)

    def test_a_recipe_of_another_version_is_refused(self, folder):
        lineage = json.loads((folder / "lineage.json").read_text())
        lineage["sittings"][-1]["recipe"]["version"] = "genesis-9"
        (folder / "lineage.json").write_text(json.dumps(lineage))
        with pytest.raises(InvalidSpec, match="genesis-9"):
            load(folder)

    def test_a_changed_recipe_is_refused(self, folder):
        lineage = json.loads((folder / "lineage.json").read_text())
        lineage["sittings"][-1]["recipe"]["seed"] += 1
        (folder / "lineage.json").write_text(json.dumps(lineage))
        with pytest.raises(InvalidSpec):
            load(folder)

    def test_a_missing_model_is_not_found(self, tmp_path):
        with pytest.raises(NotFound):
            make_plugin("surrogates", "genesis", PluginContext(settings={"model": "nowhere"}, folder=tmp_path))

    def test_a_model_of_ones_own_is_found_beside_the_mission(self, folder):
        context = PluginContext(settings={"model": folder.name}, folder=folder.parent)
        posterior = make_genesis(context).posterior(numbers(8, 2), np.random.default_rng(0))
        assert posterior.voices == {"genesis": 1.0}


def test_descriptions_are_finite_for_anything():
    for n, levels in ((1, 1), (2, 1), (7, 2), (120, 3)):
        x = np.random.default_rng(n).integers(levels, size=(n, 4)) / max(1, levels - 1)
        said = describe(x, np.zeros(n), np.full(n, np.nan), np.array([0, 1, 1, 2]))
        assert np.isfinite(said.factors).all()
        assert np.isfinite(said.data).all()


def test_the_network_proposes_shares_and_hyperparameters_for_each_factor():
    data = numbers(10, 4)
    theta, shares = MODEL.propose(describe(data.x, data.y, data.noise_variance, data.groups), case(data))
    assert theta.shape == (MODEL.recipe.architecture.n_components, 4 + N_GLOBALS)
    assert shares.sum() == pytest.approx(1.0)

"""Training the foundation model: the same bits again, after kills too, and a lineage that can be checked."""

import gzip
import json

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from kgenesis.kernel.errors import InvalidSpec, NotFound, Refused
from kgenesis.kernel.plugins import make_plugin
from kgenesis.kernel.ports import PluginContext, TrainingData
from kgenesis.surrogate.amortised import load
from kgenesis.surrogate.description import describe
from kgenesis.surrogate.evaluation import score
from kgenesis.surrogate.fitting import column_scales, factor_distances
from kgenesis.surrogate.lineage import verify
from kgenesis.surrogate.marginal import Marginal
from kgenesis.surrogate.prior import draw_data_set
from kgenesis.surrogate.recipe import Architecture, Recipe, Stage
from kgenesis.surrogate.training import Sitting, begin_training, resume_training
from kgenesis.surrogate.weights import pack, read

torch = pytest.importorskip("torch", reason="training needs the extra `train`")

TINY = Recipe(
    seed=3,
    architecture=Architecture(n_components=2, n_rounds=2, width=8, n_heads=2),
    stages=(Stage(until=3, rows=(4, 6), factors=(2,)), Stage(until=50, rows=(5, 8), factors=(3,))),
    n_steps=8,
    n_asked=6,
    data_sets=(2, 4),
    entries=2000,
    warm_up=2,
)


@pytest.fixture(scope="module", autouse=True)
def quick_validation():
    """Validate on few data sets: what is tested is not how good a tiny model is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgenesis.surrogate.train.VALIDATED", ((4, 2),))
        yield


def trained(folder, recipe=TINY):
    assert begin_training(recipe, folder, Sitting())
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("models") / "tiny")


def states(findings):
    return {finding.name: finding.state for finding in findings}


def test_a_recipe_survives_yaml_and_back():
    assert Recipe.model_validate(yaml.safe_load(yaml.safe_dump(TINY.model_dump(mode="json")))) == TINY


@pytest.mark.parametrize(
    "change",
    [
        {"n_steps": 99}, {"stages": [{"until": 9, "rows": [4], "factors": [21]}]}, {"n_steps": 0}, {"unknown": 1},
        {"architecture": {"width": 10, "n_heads": 4}}, {"stages": []},
        {"stages": [{"until": 9, "rows": [4], "factors": [2]}, {"until": 9, "rows": [4], "factors": [2]}]},
    ],
)  # fmt: skip
def test_a_recipe_that_does_not_hang_together_is_refused(change):
    with pytest.raises(ValidationError):
        Recipe.model_validate(TINY.model_dump() | change)


def test_the_same_seed_gives_the_same_weights_to_the_last_bit(model, tmp_path):
    again = trained(tmp_path / "again")
    assert (again / "weights.safetensors").read_bytes() == (model / "weights.safetensors").read_bytes()
    other = trained(tmp_path / "other", TINY.model_copy(update={"seed": 4}))
    assert (other / "weights.safetensors").read_bytes() != (model / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("killed_at", [0, 1, 5])
def test_a_training_that_was_interrupted_ends_with_the_same_weights(model, tmp_path, killed_at):
    asked = iter(range(100))
    folder = tmp_path / "interrupted"
    assert not begin_training(TINY, folder, Sitting(is_stopped=lambda: next(asked) >= killed_at))
    # a kill between checkpoints leaves lines of steps that are done again, the last perhaps cut off
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({"step": killed_at, "data": "x", "loss": 0.0}) + '\n{"step": 1')
    assert resume_training(folder, Sitting())
    ours, theirs = (read(f / "weights.safetensors")[0] for f in (folder, model))
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name])
    assert states(verify(folder))["log"] == "ok"
    assert states(verify(folder, n_replayed=8))["data"] == "ok"


def test_who_draws_the_data_changes_nothing_and_every_step_is_told(model, tmp_path):
    told = []
    assert begin_training(
        TINY, tmp_path / "m", Sitting(n_processes=2, on_step=lambda line, n: told.append((line["step"], n)))
    )
    assert (tmp_path / "m" / "weights.safetensors").read_bytes() == (model / "weights.safetensors").read_bytes()
    assert told == [(step, 8) for step in range(8)]


def test_the_loss_falls(tmp_path):
    folder = trained(
        tmp_path / "longer", TINY.model_copy(update={"n_steps": 50, "data_sets": (8, 12), "entries": 9000})
    )
    losses = [
        line["loss"] for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if "loss" in line
    ]
    assert len(losses) == 50
    assert np.mean(losses[-15:]) < np.mean(losses[:15])


def test_what_was_trained_is_what_is_used(model):
    """The network in torch and the network in NumPy say the same, hyper-parameters and shares, to rounding."""
    from kgenesis.surrogate.network import collate
    from kgenesis.surrogate.train import Training

    network = Training.load(model, TINY).averaged()
    found = load(model)
    for seed, n, d in ((0, 4, 1), (1, 9, 3), (2, 30, 5)):
        s = draw_data_set(np.random.default_rng((seed, 5)), n, d, 6)
        fit, log_shares = network(collate([s]))[-1]
        x, groups = s.data.x, s.data.groups
        marginal = Marginal(factor_distances(x * column_scales(x, groups), groups), s.data.y, s.data.noise_variance)
        theta, shares = found.propose(describe(x, s.data.y, s.data.noise_variance, groups), marginal)
        np.testing.assert_allclose(shares, log_shares.exp().detach().numpy()[0], atol=1e-4)
        np.testing.assert_allclose(np.exp(-2.0 * theta[:, :d]), fit.precisions.detach().numpy()[0], rtol=1e-3)
        np.testing.assert_allclose([marginal(t)[0] for t in theta], fit.likelihood.detach().numpy()[0], atol=1e-3)


def test_gradients_in_closed_form_are_those_of_torch():
    from kgenesis.surrogate.network import collate, fit, slopes

    for known in (False, True):
        s = draw_data_set(np.random.default_rng(8), 12, 3, 5)
        if known:
            told = np.where(np.arange(12) < 5, 0.1, np.nan)
            s = type(s)(**{**{n: getattr(s, n) for n in s.__slots__}, "data": _with_noise(s.data, told)})
        batch = collate([s])
        lengths = torch.full((1, 2, 3), -0.4, dtype=torch.float64) + 0.3 * torch.arange(6).reshape(1, 2, 3)
        others = torch.tensor(
            [[[0.2, -2.5, -0.5, 0.1, -0.3, 0.4], [0.0, -4.0, 0.3, 1.0, 0.0, -1.0]]], dtype=torch.float64
        )
        lengths, others = lengths.double().requires_grad_(), others.requires_grad_()
        found = fit(batch, lengths, others)
        wanted = torch.autograd.grad(found.likelihood.sum(), (lengths, others))
        ours = slopes(batch, found)
        marginal = Marginal(
            factor_distances(s.data.x * column_scales(s.data.x, s.data.groups), s.data.groups),
            s.data.y, s.data.noise_variance,
        )  # fmt: skip
        for c in range(2):
            theta = torch.cat([lengths[0, c], others[0, c]]).detach().numpy()
            value, gradient = marginal(theta)
            assert value == pytest.approx(float(found.likelihood[0, c].detach()), abs=1e-8)
            np.testing.assert_allclose(gradient, torch.cat([w[0, c] for w in wanted]).numpy(), atol=1e-6)
        for a, b in zip(ours, wanted, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def _with_noise(data, known):
    return TrainingData(data.x, data.y, known, data.groups)


def test_factors_that_fill_up_a_batch_change_nothing():
    from kgenesis.surrogate.network import Network, collate, densities

    torch.manual_seed(0)
    network = Network(TINY.architecture)
    small, large = (draw_data_set(np.random.default_rng((6, d)), 8, d, 6) for d in (2, 5))
    alone, together = collate([small]), collate([small, large])
    ours = densities(alone, *network(alone)[-1])[0]
    torch.testing.assert_close(densities(together, *network(together)[-1])[0], ours, atol=1e-4, rtol=1e-4)


def test_data_that_break_the_algebra_are_logged_and_change_nothing(tmp_path, monkeypatch):
    from kgenesis.surrogate import train

    whole = train.loss_of

    def breaks(network, sets, device, bearable):
        if sets[0].data.y.size == 5:
            raise FloatingPointError("no factor")
        return whole(network, sets, device, bearable)

    monkeypatch.setattr(train, "loss_of", breaks)
    folder = trained(tmp_path / "breaking")
    failures = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    assert failures
    assert all(line["failure"] == "no factor" for line in failures)
    assert states(verify(folder))["log"] == "ok"


class TestLineage:
    def test_an_honest_training_passes(self, model):
        assert set(states(verify(model, n_replayed=8)).values()) == {"ok"}

    def test_a_log_that_begins_late_fails(self, model, tmp_path):
        folder = self.copy(model, tmp_path)
        lines = (model / "log.jsonl").read_text().splitlines()
        (folder / "log.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[1:]).encode()))
        assert states(verify(folder))["log"] == "failed"

    def test_data_that_were_not_drawn_from_the_prior_fail(self, model, tmp_path):
        folder = self.copy(model, tmp_path)
        lines = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
        lines[4]["data"] = "0" * 64
        (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
        assert states(verify(folder, n_replayed=8))["data"] == "failed"

    def test_a_seed_that_gives_other_first_weights_fails(self, model, tmp_path):
        folder = self.copy(model, tmp_path)
        (folder / "log.jsonl").write_text((model / "log.jsonl").read_text())
        record = json.loads((folder / "lineage.json").read_text()) | {"random_weights": "0" * 64}
        (folder / "lineage.json").write_text(json.dumps(record))
        assert states(verify(folder))["random-weights"] == "failed"

    def test_outside_sources_fail(self, model, tmp_path):
        folder = self.copy(model, tmp_path)
        record = json.loads((folder / "lineage.json").read_text()) | {"outside_data": "somebody's"}
        (folder / "lineage.json").write_text(json.dumps(record))
        assert states(verify(folder))["independence"] == "failed"

    def test_a_copy_of_the_weights_is_recognised(self, model, tmp_path):
        tensors, _ = read(model / "weights.safetensors")
        rng = np.random.default_rng(0)
        near = {name: t + 0.01 * rng.standard_normal(t.shape).astype(np.float32) for name, t in tensors.items()}
        (tmp_path / "near.safetensors").write_bytes(pack(near, {}))
        strange = {name: rng.standard_normal(t.shape).astype(np.float32) for name, t in tensors.items()}
        np.savez(tmp_path / "strange.npz", **strange)
        found = verify(model, [tmp_path / "near.safetensors", tmp_path / "strange.npz"], 0)
        assert [f.state for f in found if f.name == "similarity"] == ["failed", "ok"]
        with pytest.raises(NotFound):
            verify(model, [tmp_path / "nothing.npz"])
        (tmp_path / "text.npz").write_text("no numbers")
        with pytest.raises(InvalidSpec):
            verify(model, [tmp_path / "text.npz"])

    def copy(self, model, folder):
        for name in ("weights.safetensors", "lineage.json"):
            (folder / name).write_bytes((model / name).read_bytes())
        return folder


def test_a_model_of_ones_own_serves_as_a_surrogate(model):
    genesis = make_plugin("surrogates", "genesis", PluginContext(settings={"model": str(model)}))
    assert np.isfinite(score(genesis, draw_data_set(np.random.default_rng(1), 10, 3, 6)).nll)


def test_bad_wishes_are_refused(model, tmp_path):
    with pytest.raises(Refused):
        begin_training(TINY, model, Sitting())
    with pytest.raises(NotFound):
        resume_training(tmp_path, Sitting())
    with pytest.raises(InvalidSpec, match="genesis-7"):
        begin_training(TINY.model_copy(update={"version": "genesis-7"}), tmp_path / "x", Sitting())
    assert not (tmp_path / "x").exists()
    (tmp_path / "recipe.json").write_text("{}x")
    with pytest.raises(InvalidSpec):
        resume_training(tmp_path, Sitting())

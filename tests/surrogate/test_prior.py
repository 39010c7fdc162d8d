"""Imaginary campaigns: what the foundation model learns from."""

import numpy as np
import pytest

from kgenesis.surrogate.prior import chain, draw_data_set, draw_process, draw_step
from kgenesis.surrogate.prior.factors import draw_factors, encode
from kgenesis.surrogate.prior.responses import FAMILIES, draw_response
from kgenesis.surrogate.prior.stream import ORIGIN
from kgenesis.surrogate.recipe import Recipe


@pytest.mark.parametrize("d", [1, 2, 7, 20])
@pytest.mark.parametrize("n", [2, 9, 40])
def test_data_sets_look_as_campaigns_do(n, d):
    for i in range(6):
        s = draw_data_set(np.random.default_rng((n, d, i)), n, d, 12)
        assert s.data.x.shape == (n, s.data.groups.size)
        assert s.x.shape == (12, s.data.groups.size)
        assert sorted(set(s.data.groups.tolist())) == list(range(d))
        assert s.data.x.min() >= 0.0
        assert s.data.x.max() <= 1.0
        assert s.data.y.mean() == pytest.approx(0.0, abs=1e-9)
        assert s.data.y.std() == pytest.approx(1.0)
        assert np.isfinite(s.y).all()
        assert np.isnan(s.data.noise_variance).all() or np.isfinite(s.data.noise_variance).all()


def test_the_data_of_a_step_depend_on_seed_and_step_alone():
    recipe = Recipe(n_steps=10, entries=20_000)
    first = chain(ORIGIN, draw_step(recipe, 3))
    draw_step(recipe, 4)
    assert chain(ORIGIN, draw_step(recipe, 3)) == first
    assert chain(ORIGIN, draw_step(recipe, 4)) != first
    assert chain(ORIGIN, draw_step(recipe.model_copy(update={"seed": 1}), 3)) != first
    assert chain(first, draw_step(recipe, 3)) != first


def test_all_that_was_promised_is_in_the_prior():
    sets = [draw_data_set(np.random.default_rng((1, i)), 16, 4, 4) for i in range(300)]
    assert {s.family for s in sets} == set(FAMILIES)
    assert {s.noise for s in sets} == {"none", "even", "uneven", "outliers"}
    assert 0.2 < np.mean([s.has_levels for s in sets]) < 0.5
    assert 0.03 < np.mean([np.isfinite(s.data.noise_variance).all() for s in sets]) < 0.25
    repeats = np.mean([len(np.unique(s.data.x, axis=0)) < 16 for s in sets])
    assert 0.1 < repeats < 0.7
    widths = {int((s.data.groups == g).sum()) for s in sets for g in range(4)}
    assert {1, 2, 5, 12} <= widths


@pytest.mark.parametrize("family", FAMILIES)
def test_a_response_is_a_function_of_conditions(family):
    """What is asked beside a point does not change what is said of it."""
    found = 0
    for i in range(200):
        rng = np.random.default_rng((2, i))
        factors = draw_factors(rng, 3)
        respond, name = draw_response(rng, factors)
        if name != family:
            continue
        values = np.column_stack([factor.draw(rng, 12) for factor in factors])
        together = respond(values)
        np.testing.assert_allclose([respond(v[None])[0] for v in values], together, atol=1e-4)
        found += 1
    assert found > 2


def test_draws_of_a_process_have_its_covariance():
    process = draw_process(np.random.default_rng(3), 2)
    at = np.random.default_rng(0).random((5, 2))
    drawn = np.stack([process.draw(np.random.default_rng((4, i)), np.arange(2))(at) for i in range(3000)])
    distances = np.stack([(at[:, None, k] - at[None, :, k]) ** 2 for k in range(2)])
    np.testing.assert_allclose(np.cov(drawn.T), process.covariance(distances), atol=0.12)


def test_levels_become_columns_as_in_a_real_space():
    rng = np.random.default_rng(0)
    factors = next(f for f in (draw_factors(rng, 3) for _ in range(99)) if any(g.n_levels for g in f))
    values = np.column_stack([factor.draw(rng, 8) for factor in factors])
    x, groups = encode(values, factors)
    widths = [1 if f.coordinates is None else f.coordinates.shape[1] for f in factors]
    assert np.bincount(groups).tolist() == widths
    assert x.shape == (8, sum(widths))

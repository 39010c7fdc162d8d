"""The Optuna sampler, in real studies."""

import concurrent.futures
import itertools
import json

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from kgenesis import OptunaSampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = {
    "x": FloatDistribution(-5, 5),
    "rate": FloatDistribution(1e-4, 1, log=True),
    "step": FloatDistribution(0, 1, step=0.25),
    "n": IntDistribution(1, 9, step=2),
    "large": IntDistribution(1, 10**7, log=True),
    "kind": CategoricalDistribution(["a", None, True, 3]),
}


def asked(study, space=None):
    return study.ask(space or SPACE)


def hill(trial):
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return (x - 0.3) ** 2 + (y - 0.7) ** 2


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return None if request.param == "memory" else f"sqlite:///{tmp_path / 'study.db'}"


def test_a_study_finds_its_optimum(storage):
    study = optuna.create_study(storage=storage, sampler=OptunaSampler(seed=1))
    study.optimize(hill, n_trials=9)
    assert study.best_value < 0.05


def test_every_kind_of_distribution_is_sampled_together():
    study = optuna.create_study(sampler=OptunaSampler(planner="sobol", seed=2, search_space=SPACE))
    for _ in range(8):
        trial = asked(study)
        assert trial.relative_params.keys() == SPACE.keys()
        for name, distribution in SPACE.items():
            assert distribution._contains(distribution.to_internal_repr(trial.params[name]))
        assert type(trial.params["n"]) is type(trial.params["large"]) is int
        study.tell(trial, abs(trial.params["x"]) + trial.params["n"] + (trial.params["kind"] is not None))
    frozen = study.trials
    assert len({tuple(map(str, t.params.values())) for t in frozen}) == 8


def test_the_same_seed_gives_the_same_study_and_another_sampler_goes_on_alike(tmp_path):
    def study_of(name, storage=None):
        return optuna.create_study(storage=storage, study_name=name, sampler=OptunaSampler(seed=3), load_if_exists=True)

    whole = study_of("whole")
    whole.optimize(hill, n_trials=6)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study_of("parts", storage).optimize(hill, n_trials=3)
    again = study_of("parts", storage)
    again.optimize(hill, n_trials=3)
    assert [t.params for t in again.trials[1:]] == [t.params for t in whole.trials[1:]]


def test_parameters_outside_the_intersection_are_sampled_by_themselves():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["line", "bow"])
        x = trial.suggest_float("x", 0, 1)
        bend = trial.suggest_float("bend", 0, 1) if kind == "bow" else 1.0
        return (x - 0.5) ** 2 + bend

    study = optuna.create_study(sampler=OptunaSampler(seed=4))
    study.optimize(objective, n_trials=9)
    assert {t.params["kind"] for t in study.trials} == {"line", "bow"}
    assert all(("bend" in t.params) == (t.params["kind"] == "bow") for t in study.trials)


def test_constraints_are_kept_more_and_more():
    def objective(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_constraint("not too large together", x + y - 1)
        return x + y

    study = optuna.create_study(direction="maximize", sampler=OptunaSampler(seed=5))
    study.optimize(objective, n_trials=12)
    kept = [t for t in study.trials if all(v <= 0 for v in t.constraints.values())]
    assert max(t.value for t in kept) > 0.85


def test_several_objectives_spread_over_the_front():
    def objective(trial):
        x = trial.suggest_float("x", 0, 2)
        return x**2, (x - 2) ** 2

    study = optuna.create_study(directions=["minimize", "minimize"], sampler=OptunaSampler(seed=6))
    study.optimize(objective, n_trials=8)
    front = sorted(t.params["x"] for t in study.best_trials)
    assert len(front) >= 5
    assert max(b - a for a, b in itertools.pairwise(front)) < 0.9


def test_running_trials_are_pending():
    space = {"k": IntDistribution(0, 9)}
    study = optuna.create_study(sampler=OptunaSampler(planner="random", seed=7, search_space=space))
    trials = [study.ask() for _ in range(10)]  # asked for before any objective says suggest_int
    assert {trial.relative_params["k"] for trial in trials} == set(range(10))
    assert [trial.suggest_int("k", 0, 9) for trial in trials] == [t.relative_params["k"] for t in trials]


def test_failed_and_pruned_trials_are_not_tried_again():
    def objective(trial):
        k = trial.suggest_int("k", 0, 11)
        if k >= 6:
            if trial.number % 2:
                raise optuna.TrialPruned
            return float("nan")
        return k

    space = {"k": IntDistribution(0, 11)}
    study = optuna.create_study(
        direction="maximize", sampler=OptunaSampler(planner="sobol", seed=8, search_space=space)
    )
    study.optimize(objective, n_trials=12)
    assert {t.params["k"] for t in study.trials} == set(range(12))


def test_a_pruned_trial_counts_with_its_last_value():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.report(abs(x - 0.25), step=1)
        if x > 0.5:
            raise optuna.TrialPruned
        return abs(x - 0.25)

    study = optuna.create_study(sampler=OptunaSampler(seed=9))
    study.optimize(objective, n_trials=9)
    assert study.best_value < 0.05


def test_fixed_values_of_an_enqueued_trial_are_kept_and_the_rest_is_decided():
    study = optuna.create_study(sampler=OptunaSampler(seed=10))
    study.optimize(hill, n_trials=6)
    study.enqueue_trial({"x": 0.9})
    study.optimize(hill, n_trials=1)
    assert study.trials[-1].params["x"] == 0.9
    assert study.trials[-1].system_attrs["fixed_params"] == {"x": 0.9}
    assert json.loads(study.trials[-1].system_attrs["kgenesis:relative_params:0"])["x"] == 0.9


def test_trials_from_elsewhere_and_odd_names_are_taken():
    space = {"a b`c": FloatDistribution(0, 1), "": CategoricalDistribution(["x", " "]), "one": IntDistribution(1, 1)}
    study = optuna.create_study(sampler=OptunaSampler(planner="sobol", seed=11))
    study.add_trial(create_trial(params={"a b`c": 0.5, "": " ", "one": 1}, distributions=space, value=1.0))
    study.add_trial(create_trial(params={"a b`c": 0.1, "": "x", "one": 1}, distributions=space, value=float("inf")))
    trial = asked(study, space)
    assert trial.relative_params.keys() == {"a b`c", ""}
    study.tell(trial, 0.0)


def test_a_parameter_that_cannot_be_a_factor_is_sampled_by_itself():
    space = {"x": FloatDistribution(0, 1), "hair": FloatDistribution(1.0, 1.0 + 1e-12)}
    study = optuna.create_study(sampler=OptunaSampler(planner="random", seed=12, search_space=space))
    trial = asked(study, space)
    assert trial.relative_params.keys() == {"x"}
    assert 1.0 <= trial.params["hair"] <= 1.0 + 1e-12


def test_an_exhausted_space_does_not_end_a_study():
    space = {"k": IntDistribution(0, 2)}
    study = optuna.create_study(sampler=OptunaSampler(planner="random", seed=13, search_space=space))
    for _ in range(5):
        trial = asked(study, space)
        study.tell(trial, trial.params["k"])
    assert {t.params["k"] for t in study.trials[:3]} == {0, 1, 2}


def test_threads_share_a_study(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", sampler=OptunaSampler(seed=14))
    study.optimize(hill, n_trials=8, n_jobs=3)
    assert len({json.dumps(t.params) for t in study.trials}) == 8
    assert all(t.state == TrialState.COMPLETE for t in study.trials)


def _work(storage):
    study = optuna.load_study(study_name="shared", storage=storage, sampler=OptunaSampler(seed=15))
    study.optimize(hill, n_trials=5)


@pytest.mark.slow
def test_processes_share_a_study(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(storage=storage, study_name="shared")
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        list(pool.map(_work, [storage, storage]))
    trials = optuna.load_study(study_name="shared", storage=storage).trials
    assert len({json.dumps(t.params) for t in trials}) == 10

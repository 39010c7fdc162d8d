"""Other frameworks drive our generator by their own loops: what gest-api promises, kept with the packages themselves.

Run by `python3 tasks.py ecosystem`, in an environment of its own.
"""

import math

import numpy as np
import pytest
from gest_api.vocs import VOCS

from kgenesis import GestGenerator

CONSTANTS = {"offset": 0.5}


def valley(point):
    """A bowl around (0.3, 0.7) that breaks on the right; `c` must stay below 1."""
    x, y = point["x"], point["y"]
    if x > 0.95:
        raise RuntimeError("the pump stopped")
    return {"f": (x - 0.3) ** 2 + (y - 0.7) ** 2 + point["offset"], "c": x + y}


def vocs_of(**more):
    return VOCS(
        variables={"x": [0.0, 1.0], "y": [0.0, 1.0]},
        objectives={"f": "MINIMIZE"},
        constraints={"c": ["LESS_THAN", 1.05]},
        constants=CONSTANTS,
        **more,
    )


def check(points, n, best=0.53):
    """Make sure that `n` points were evaluated, that each is another one, and that the last ones are good."""
    assert len(points) == n
    assert len({(float(p["x"]), float(p["y"])) for p in points}) == n
    assert min(float(p["f"]) for p in points if p["f"] is not None and not math.isnan(p["f"])) < best


def test_xopt_drives_it_with_failures_constraints_and_random_data():
    from xopt import Evaluator, Xopt
    from xopt.stopping_conditions import MaxEvaluationsCondition

    loop = Xopt(
        generator=GestGenerator(vocs_of(), seed=1),
        evaluator=Evaluator(function=valley, max_workers=2),
        strict=False,
        stopping_condition=MaxEvaluationsCondition(max_evaluations=22),
    )
    loop.random_evaluate(4, seed=1)
    loop.random_evaluate(2, custom_bounds={"x": [0.96, 1.0]}, seed=2)
    loop.run()
    points = loop.generator.data
    check(points, 22)
    assert loop.generator.pending == []
    assert [("_id" in p) for p in points] == [False] * 6 + [True] * 16
    assert [p["f"] for p in points[4:6]] == [None, None], "Xopt's xopt_error is a failure"
    assert loop.data["f"].notna().sum() == sum(p["f"] is not None for p in points)
    again = GestGenerator(vocs_of(), seed=1, data=points)
    assert again.suggest(1) == loop.generator.suggest(1)


def test_xopt_drives_it_over_discrete_and_contextual_variables():
    from xopt import Evaluator, Xopt

    vocs = VOCS(
        variables={"x": [0.0, 1.0], "k": {1.0, 2.0, 4.0}, "room": {"type": "ContextualVariable"}},
        objectives={"f": "MINIMIZE", "g": "MAXIMIZE"},
    )
    loop = Xopt(
        generator=GestGenerator(vocs, seed=2),
        evaluator=Evaluator(function=lambda p: {"f": p["x"] * p["k"] + 0.01 * p["room"], "g": p["x"] - p["k"]}),
    )
    for _ in range(8):
        loop.step()
    assert set(loop.data["k"]) <= {1.0, 2.0, 4.0}
    assert len(loop.generator.data) == 8


@pytest.mark.parametrize("with_observable", [False, True])
def test_libensemble_drives_it_on_its_manager(tmp_path, monkeypatch, with_observable):
    from libensemble import Ensemble
    from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
    from libensemble.specs import AllocSpecs, ExitCriteria, GenSpecs, LibeSpecs, SimSpecs

    monkeypatch.chdir(tmp_path)
    vocs = vocs_of(observables=["twice"]) if with_observable else vocs_of()

    def simulate(point):
        found = {"f": math.nan, "c": math.nan} if point["x"] > 0.95 else valley(point)
        return found | {"twice": 2 * found["f"]}

    generator = GestGenerator(vocs, seed=4)
    workflow = Ensemble(
        libE_specs=LibeSpecs(gen_on_manager=True, nworkers=3, comms="threads", save_every_k_gens=300),
        gen_specs=GenSpecs(generator=generator, vocs=vocs, batch_size=3),
        sim_specs=SimSpecs(simulator=simulate, vocs=vocs),
        alloc_specs=AllocSpecs(alloc_f=only_persistent_gens),
        exit_criteria=ExitCriteria(sim_max=21),
    )
    history, _, flag = workflow.run()
    assert flag == 0
    ended = history[history["sim_ended"]]
    check([{name: row[name] for name in ("x", "y", "f")} for row in ended], 21)
    assert (ended["offset"] == CONSTANTS["offset"]).all()
    assert sorted(ended["_id"]) == list(range(21))
    assert len([p for p in generator.data if "f" in p]) >= 18, "all but the last batch were ingested"


def test_libensemble_gives_it_what_an_earlier_ensemble_found(tmp_path, monkeypatch):
    from libensemble import Ensemble
    from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
    from libensemble.specs import AllocSpecs, ExitCriteria, GenSpecs, LibeSpecs, SimSpecs

    monkeypatch.chdir(tmp_path)
    vocs = VOCS(variables={"x": [0.0, 1.0], "kind": {"a", "b"}}, objectives={"f": "MINIMIZE"})
    earlier = np.zeros(4, dtype=[("x", float), ("kind", "U1"), ("f", float), ("sim_id", int), ("sim_started", bool), ("sim_ended", bool), ("_id", int)])  # fmt: skip
    earlier["x"], earlier["f"] = [0.1, 0.4, 0.6, 0.9], [0.04, 0.01, 0.09, 0.36]
    earlier["kind"], earlier["sim_id"], earlier["_id"] = "a", range(4), -1
    earlier["sim_started"] = earlier["sim_ended"] = True
    generator = GestGenerator(vocs, seed=5)
    workflow = Ensemble(
        libE_specs=LibeSpecs(gen_on_manager=True, nworkers=2, comms="threads"),
        gen_specs=GenSpecs(generator=generator, vocs=vocs, batch_size=1),
        sim_specs=SimSpecs(
            simulator=lambda point: {"f": (float(point["x"]) - 0.3) ** 2 + (point["kind"] == "b")}, vocs=vocs
        ),
        alloc_specs=AllocSpecs(alloc_f=only_persistent_gens),
        exit_criteria=ExitCriteria(sim_max=6),
        H0=earlier,
    )
    workflow.run()
    assert [p["x"] for p in generator.data[:4]] == [0.1, 0.4, 0.6, 0.9]
    assert any("_id" in p and "f" in p for p in generator.data)


def simulate_for_optimas(input_params, output_params):
    """Optimas evaluates in worker processes, so this stands at the top of a module."""
    if input_params["x"] <= 0.95:  # else what Optimas filled in stays: NaN, which it counts as failed
        for name, value in valley({**input_params, **CONSTANTS}).items():
            output_params[name] = value


def test_optimas_explores_with_it(tmp_path, monkeypatch):
    from optimas.evaluators import FunctionEvaluator
    from optimas.explorations import Exploration
    from optimas.generators import ExternalGenerator

    monkeypatch.chdir(tmp_path)
    # Optimas hands back objectives and observables only, so what is constrained is named as an observable, too
    vocs = vocs_of(observables=["c"])
    exploration = Exploration(
        generator=ExternalGenerator(ext_gen=GestGenerator(vocs, seed=6), vocs=vocs),
        evaluator=FunctionEvaluator(function=simulate_for_optimas),
        max_evals=12,
        sim_workers=2,
        run_async=True,
    )
    exploration.run(8)
    exploration.run()
    history = exploration.history
    assert len(history) == 12
    assert history["sim_ended"].all()
    check([{"x": r.x, "y": r.y, "f": r.f} for r in history.itertuples()], 12, best=0.7)
    assert (history["x"] > 0.95).sum() == history["f"].isna().sum()

"""Xopt drives our generator by its own loop: what gest-api promises, kept with the package itself.

Run by `python3 tasks.py peers`, in an environment of its own.
"""

from gest_api.vocs import VOCS
from problem import check, valley, vocs_of

from kgenesis import GestGenerator


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

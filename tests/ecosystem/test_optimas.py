"""Optimas drives our generator by its own loop: what gest-api promises, kept with the package itself.

Run by `python3 tasks.py ecosystem`, in an environment of its own.
"""

from problem import CONSTANTS, check, valley, vocs_of

from kgenesis import GestGenerator


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

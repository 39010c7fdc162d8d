"""libEnsemble drives our generator by its own loop: what gest-api promises, kept with the package itself.

Run by `python3 tasks.py ecosystem`, in an environment of its own.
"""

import math

import numpy as np
import pytest
from gest_api.vocs import VOCS
from problem import CONSTANTS, check, valley, vocs_of

from kgenesis import GestGenerator


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

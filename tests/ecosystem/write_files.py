"""Write, with Ax, BayBE and BoFire themselves, the files that tests/app/test_exchange.py brings in.

.venv-ecosystem/bin/python tests/ecosystem/write_files.py
"""

import json
import sys
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[1] / "app" / "exchange"


def write_ax(folder):
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
    from ax.core.parameter_constraint import ParameterConstraint

    client = Client(random_seed=1)
    client.configure_experiment(
        name="Coupling, part 2",
        parameters=[
            RangeParameterConfig(name="temperature", parameter_type="float", bounds=(20.0, 90.0)),
            RangeParameterConfig(name="rate", parameter_type="float", bounds=(0.01, 10.0), scaling="log"),
            RangeParameterConfig(name="n", parameter_type="int", bounds=(1, 9)),
            RangeParameterConfig(name="a", parameter_type="float", bounds=(0.0, 1.0)),
            RangeParameterConfig(name="b", parameter_type="float", bounds=(0.0, 0.75)),
            ChoiceParameterConfig(
                name="solvent", parameter_type="str", values=["DMSO", "water", "EtOH"], is_ordered=False
            ),
            ChoiceParameterConfig(name="size", parameter_type="str", values=["S", "M", "L"], is_ordered=True),
            ChoiceParameterConfig(name="conc", parameter_type="float", values=[0.1, 0.2, 0.5], is_ordered=True),
            ChoiceParameterConfig(name="stirred", parameter_type="bool", values=[True, False]),
        ],
        parameter_constraints=["temperature + 2 * n <= 95"],
    )
    # the Client takes inequalities only; what it saves may have both
    client._experiment.search_space.add_parameter_constraints([ParameterConstraint(equality="a + b == 1")])
    client.configure_optimization(objective="output, -cost", outcome_constraints=["purity >= 0.9", "cost <= 8"])
    point = {
        "temperature": 60.0, "rate": 1.0, "n": 3, "a": 0.5, "b": 0.5, "solvent": "water", "size": "M", "conc": 0.2,
        "stirred": True,
    }  # fmt: skip
    done = client.attach_trial(point, arm_name="mine")
    client.complete_trial(done, raw_data={"output": (60.0, 1.5), "purity": 0.95, "cost": 3.0})
    failed = client.attach_trial({**point, "n": 9})
    client.mark_trial_failed(failed)
    given_up = client.attach_trial({**point, "n": 8})
    client.mark_trial_abandoned(given_up)
    client.attach_trial({**point, "n": 7})
    client.save_to_json_file(str(folder / "ax.json"))


def write_baybe(folder):
    from baybe import Campaign
    from baybe.constraints import ContinuousCardinalityConstraint, ContinuousLinearConstraint
    from baybe.objectives import SingleTargetObjective
    from baybe.parameters import NumericalContinuousParameter, NumericalDiscreteParameter
    from baybe.recommenders import RandomRecommender
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget

    names = ["a", "b", "c"]
    parameters = [NumericalContinuousParameter(n, (0, 1)) for n in names]
    parameters.append(NumericalContinuousParameter("temperature", (20, 90)))
    constraints = [
        ContinuousLinearConstraint(names, "=", [2, 2, 2], 2.0),
        ContinuousCardinalityConstraint(names, min_cardinality=1, max_cardinality=2),
        ContinuousLinearConstraint(["a", "temperature"], "<=", [10, 1], 95),
    ]
    objective = SingleTargetObjective(NumericalTarget("output"))
    campaign = Campaign(SearchSpace.from_product(parameters, constraints), objective, RandomRecommender())
    rows = {"a": [0.5, 0.0], "b": [0.5, 0.25], "c": [0.0, 0.75], "temperature": [30.0, 50.0], "output": [1.0, 2.5]}
    campaign.add_measurements(pd.DataFrame(rows))
    (folder / "baybe-continuous.json").write_text(campaign.to_json() + "\n", encoding="utf-8")
    campaign.measurements.to_csv(folder / "baybe-continuous.csv", index=False)

    discrete = SearchSpace.from_product([NumericalDiscreteParameter("temperature", [20, 40, 60])])
    saved = Campaign(discrete, objective, RandomRecommender())
    saved.add_measurements(pd.DataFrame({"temperature": [20.0], "output": [1.0]}))
    (folder / "baybe-pickled.json").write_text(saved.to_json() + "\n", encoding="utf-8")

    configured = Campaign.from_config((folder / "baybe-config.json").read_text(encoding="utf-8"))
    assert len(configured.searchspace.discrete.exp_rep) == 4 * 3 * 2 - 3 * 2


def write_bofire(folder):
    from bofire.data_models.constraints.api import (
        LinearEqualityConstraint,
        LinearInequalityConstraint,
        NChooseKConstraint,
        NonlinearInequalityConstraint,
    )
    from bofire.data_models.domain.api import Constraints, Domain, Inputs, Outputs
    from bofire.data_models.features.api import (
        CategoricalDescriptorInput,
        CategoricalInput,
        ContinuousInput,
        ContinuousOutput,
        DiscreteInput,
    )
    from bofire.data_models.objectives.api import (
        CloseToTargetObjective,
        MaximizeObjective,
        MaximizeSigmoidObjective,
        TargetObjective,
    )

    domain = Domain(
        inputs=Inputs(
            features=[
                *(ContinuousInput(key=name, bounds=(0, 1)) for name in "abc"),
                ContinuousInput(key="temperature", bounds=(20, 90), unit="degC", stepsize=5),
                DiscreteInput(key="n", values=[1, 2, 5], unit="spoons"),
                CategoricalInput(key="kind", categories=["x", "y"]),
                CategoricalDescriptorInput(
                    key="solvent", categories=["DMSO", "water"], descriptors=["polarity"], values=[[0.1], [0.9]]
                ),
            ]
        ),
        outputs=Outputs(
            features=[
                ContinuousOutput(key="output", objective=MaximizeObjective()),
                ContinuousOutput(key="pH", objective=CloseToTargetObjective(target_value=7, exponent=2)),
                ContinuousOutput(key="purity", objective=MaximizeSigmoidObjective(steepness=100, tp=0.9)),
                ContinuousOutput(key="colour", objective=TargetObjective(target_value=5, tolerance=2, steepness=10)),
                ContinuousOutput(key="smell", objective=None),
            ]
        ),
        constraints=Constraints(
            constraints=[
                LinearEqualityConstraint(features=["a", "b", "c"], coefficients=[1, 1, 1], rhs=1),
                NChooseKConstraint(features=["a", "b", "c"], min_count=1, max_count=2, none_also_valid=False),
                LinearInequalityConstraint(features=["temperature", "a"], coefficients=[1, 5], rhs=80),
                NonlinearInequalityConstraint(expression="a*b - 0.3", features=["a", "b"]),
            ]
        ),
    )
    (folder / "bofire.json").write_text(domain.model_dump_json() + "\n", encoding="utf-8")
    experiments = pd.DataFrame(
        {
            "a": [0.5, 0.0, 1.0], "b": [0.5, 0.25, 0.0], "c": [0.0, 0.75, 0.0], "temperature": [30.0, 50.0, 20.0],
            "n": [1.0, 5.0, 2.0], "kind": ["x", "y", "y"], "solvent": ["DMSO", "water", "water"],
            "output": [1.0, 2.0, 3.0], "pH": [7.0, 6.0, 5.0], "purity": [0.9, 0.8, 0.7], "colour": [5.0, 6.0, 7.0],
            "smell": [0.0, 0.0, 0.0], "valid_output": [1, 1, 0], "valid_pH": [1, 1, 0], "valid_purity": [1, 1, 0],
            "valid_colour": [1, 1, 0], "valid_smell": [1, 1, 1],
        }
    )  # fmt: skip
    domain.validate_experiments(experiments).to_csv(folder / "bofire.csv", index=False)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for write in (write_bofire, write_baybe, write_ax):
        write(target)
    for file in target.glob("*.json"):  # as small as they can be
        data = json.loads(file.read_text(encoding="utf-8"))
        if file.stem != "baybe-config":
            file.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")

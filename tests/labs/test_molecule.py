"""Molecules on a scaffold: every candidate is one, no two are the same, and properties are those of the definitions."""

import itertools
from importlib.util import find_spec

import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task
from kgenesis.kernel.factors import Categorical
from kgenesis.kernel.ids import ExperimentId
from kgenesis.labs.simulators.advanced_bio.molecule import (
    AMINE,
    DRUGS,
    LINKER,
    R2,
    R7,
    SCAFFOLD,
    Molecule,
    descriptors,
    properties,
    smiles_of,
)

pytestmark = pytest.mark.skipif(find_spec("rdkit") is None, reason="RDKit is not installed")


def tried(r7: str, r2: str, linker: str, amine: str) -> Measurement | Failure:
    conditions = {"r7": r7, "r2": r2, "linker": linker, "amine": amine}
    return Molecule().measure(Task(ExperimentId("exp_1"), 1, conditions, (0, 0)))


def test_every_check_holds() -> None:
    checks = list(Molecule().checks())
    assert len(checks) == 4
    assert all(check.holds for check in checks)


def test_chloroquine_is_among_the_candidates() -> None:
    from rdkit import Chem

    ours = smiles_of("Cl", "H", "chloroquine", "diethylamine")
    assert Chem.CanonSmiles(ours) == Chem.CanonSmiles(DRUGS["chloroquine"])


@pytest.mark.slow
def test_every_candidate_is_a_molecule_of_the_scaffold_and_no_two_are_the_same() -> None:
    from rdkit import Chem

    scaffold, basic = Chem.MolFromSmiles(SCAFFOLD), Chem.MolFromSmarts("[NX3;+0;!$(N-C=O);!$(N-c)]")
    seen = set()
    for fragments in itertools.product(R7, R2, LINKER, AMINE):
        molecule = Chem.MolFromSmiles(smiles_of(*fragments))
        assert molecule is not None, fragments
        assert molecule.HasSubstructMatch(scaffold), fragments
        assert molecule.HasSubstructMatch(basic), fragments
        assert len(Chem.GetMolFrags(molecule)) == 1
        seen.add(Chem.MolToSmiles(molecule))
    assert len(seen) == len(R7) * len(R2) * len(LINKER) * len(AMINE) == 8640


def test_properties_of_known_drugs_are_as_rdkit_users_know_them() -> None:
    aspirin = properties(DRUGS["aspirin"])
    assert aspirin["qed"] == pytest.approx(0.55, abs=0.005)
    assert aspirin["logp"] == pytest.approx(1.31, abs=0.005)
    assert aspirin["tpsa"] == pytest.approx(63.6, abs=0.01)
    assert aspirin["sa"] == pytest.approx(1.58, abs=0.01)


def test_a_molecule_is_measured_as_a_whole() -> None:
    found = tried("Cl", "H", "chloroquine", "diethylamine")
    assert isinstance(found, Measurement)
    expected = properties(DRUGS["chloroquine"])
    assert {name: outcome.mean for name, outcome in found.outcomes.items()} == pytest.approx(
        {name: expected[name] for name in ("qed", "logp", "sa", "tpsa")}, abs=1e-6
    )


def test_a_fragment_nobody_knows_is_infeasible() -> None:
    found = tried("At", "H", "ethylene", "dimethylamine")
    assert isinstance(found, Failure)
    assert "At" in found.reason.ko


@pytest.mark.parametrize(("name", "levels"), [("r7", R7), ("r2", R2), ("linker", LINKER), ("amine", AMINE)])
def test_the_mission_describes_every_fragment_as_computed(name: str, levels: dict[str, str]) -> None:
    factor = next(f for f in load_mission("molecule").mission.space.factors if f.name == name)
    assert isinstance(factor, Categorical)
    assert list(factor.levels) == list(levels)
    computed = descriptors(name)
    for each, values in factor.descriptors.items():
        assert list(values) == pytest.approx(computed[each], abs=0.011), each

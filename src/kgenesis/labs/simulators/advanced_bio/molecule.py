"""Molecule design as a laboratory: fragments on the scaffold of chloroquine in, computed properties out.

The scaffold is 4-aminoquinoline, that of the antimalarials chloroquine and amodiaquine: a group at position 7, another
at position 2, a linker from the nitrogen at position 4, and an amine at its end. RDKit joins and sanitises the molecule
and computes

- `qed`, the quantitative estimate of drug-likeness (Bickerton et al. 2012, Nature Chemistry 4, 90): the weighted
  geometric mean of eight desirabilities, of mass, lipophilicity, donors, acceptors, polar surface, rotatable bonds,
  aromatic rings and structural alerts;
- `logp`, the octanol-water partition coefficient by atoms (Wildman and Crippen 1999, J. Chem. Inf. Comput. Sci. 39, 868);
- `sa`, the synthetic accessibility score from 1 (easy) to 10 (Ertl and Schuffenhauer 2009, J. Cheminformatics 1, 8);
- `tpsa`, the polar surface by fragments (Ertl, Rohde, Selzer 2000, J. Med. Chem. 43, 3714).

These are proxies. None of them says that a molecule kills a parasite or spares a patient; the mission is an exercise in
choosing among enumerable candidates, and what it finds is a list for a chemist.

What an optimiser would exploit, and what stands against it:

- Text that is no molecule: what RDKit does not sanitise is a failure.
- Two names for one molecule: every combination of fragments is another molecule (a test enumerates them all).
- An amide in the linker is drug-like, but takes the amine its charge, which carries chloroquine into the parasite's food
  vacuole: no fragment makes the amine an amide.
- Drug-likeness has no notion of the scaffold: every candidate keeps it, and `simulate` checks that it is there.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, crashed, infeasible

SCAFFOLD = "Nc1ccnc2ccccc12"
"""4-aminoquinoline."""

R7 = {
    "H": "", "F": "F", "Cl": "Cl", "Br": "Br", "CH3": "C", "CF3": "C(F)(F)F", "OCH3": "OC", "CN": "C#N", "OH": "O",
    "SO2CH3": "S(C)(=O)=O", "CONH2": "C(N)=O", "NO2": "[N+](=O)[O-]",
}  # fmt: skip
"""Groups at position 7 of the quinoline, as SMILES."""

R2 = {"H": "", "CH3": "C", "CF3": "C(F)(F)F", "cyclopropyl": "C1CC1", "phenyl": "c1ccccc1", "NH2": "N"}
"""Groups at position 2."""

LINKER = {
    "ethylene": "CC", "propylene": "CCC", "butylene": "CCCC", "chloroquine": "C(C)CCC", "gem-dimethyl": "CC(C)(C)C",
    "hydroxypropylene": "CC(O)C", "ether": "CCOCC", "methylpropylene": "CC(C)C", "benzyl": "c1ccc(cc1)C",
    "cyclohexyl": "C1CCC(CC1)",
}  # fmt: skip
"""Linkers from the nitrogen at position 4 (left) to the amine (right)."""

AMINE = {
    "dimethylamine": "N(C)C", "diethylamine": "N(CC)CC", "isopropylamine": "NC(C)C", "tert-butylamine": "NC(C)(C)C",
    "pyrrolidine": "N1CCCC1", "piperidine": "N1CCCCC1", "morpholine": "N1CCOCC1", "methylpiperazine": "N1CCN(C)CC1",
    "thiomorpholine": "N1CCSCC1", "azetidine": "N1CCC1", "difluoropiperidine": "N1CCC(F)(F)CC1", "ammonia": "N",
}  # fmt: skip
"""Amines at the end."""

DRUGS = {
    "chloroquine": "CCN(CC)CCCC(C)Nc1ccnc2cc(Cl)ccc12",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "fluconazole": "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
}
"""Known drugs, for comparison."""


def smiles_of(r7: str, r2: str, linker: str, amine: str) -> str:
    """Return the SMILES of a candidate, as its fragments write it.

    Raises:
        KeyError: there is no such fragment.
    """
    seven = f"({R7[r7]})" if R7[r7] else ""
    two = f"({R2[r2].replace('1', '3')})" if R2[r2] else ""
    side = LINKER[linker].replace("1", "4") + AMINE[amine].replace("1", "5")
    return f"c1{two}cc(N{side})c2ccc{seven}cc2n1"


class Molecule(Simulator):
    """The laboratory: fragments in, computed properties of the molecule out; no randomness."""

    name = "molecule"
    revision = "1"
    factors: ClassVar = {"r7": LEVELS, "r2": LEVELS, "linker": LEVELS, "amine": LEVELS}
    outcomes_in: ClassVar = {"qed": "1", "logp": "1", "sa": "1", "tpsa": "angstrom**2"}
    engines = ("rdkit",)
    extra = "bio"
    possible: ClassVar = {"qed": (0.0, 1.0), "sa": (1.0, 10.0), "tpsa": (0.0, np.inf)}

    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Join one molecule and compute its properties; nothing is random."""
        del rng
        from rdkit import Chem

        try:
            text = smiles_of(*(conditions[name] for name in self.factors))
        except KeyError as error:
            return infeasible(f"there is no fragment {error}", f"{error}라는 조각이 없습니다")
        molecule = Chem.MolFromSmiles(text)
        if molecule is None or not molecule.HasSubstructMatch(Chem.MolFromSmiles(SCAFFOLD)):
            return crashed(f"{text} is no molecule of this scaffold", f"{text}은(는) 이 골격의 분자가 아닙니다")
        return properties(text)

    def checks(self) -> Iterator[Check]:
        """Compare QED with its definition, and the scaffold's parts with chloroquine."""
        from rdkit import Chem
        from rdkit.Chem import QED, Descriptors

        for name, text in DRUGS.items():
            molecule = Chem.MolFromSmiles(text)
            found = QED.properties(molecule)
            logs = [
                weight * np.log(QED.ads(value, QED.adsParameters[key]))
                for key, value, weight in zip(found._fields, found, QED.WEIGHT_MEAN, strict=True)
            ]
            mean = float(np.exp(np.sum(logs) / np.sum(QED.WEIGHT_MEAN)))
            what = say(f"QED of {name}, by its definition", f"정의대로 계산한 {name}의 QED")
            yield Check(what, properties(text)["qed"], mean, 1e-6, "1", "Bickerton et al. 2012, equation 2")
        ours = smiles_of("Cl", "H", "chloroquine", "diethylamine")
        mass = float(Descriptors.MolWt(Chem.MolFromSmiles(ours)))
        yield Check(say("mass of chloroquine", "클로로퀸의 분자량"), mass, 319.88, 0.01, "g/mol", "C18H26ClN3")


def properties(text: str) -> dict[str, float]:
    """Return the computed properties of a molecule given as SMILES, which must be valid."""
    from rdkit import Chem
    from rdkit.Chem import QED, Crippen, rdMolDescriptors

    molecule = Chem.MolFromSmiles(text)
    found = {
        "qed": QED.qed(molecule),
        "logp": Crippen.MolLogP(molecule),
        "sa": _accessibility().calculateScore(molecule),
        "tpsa": rdMolDescriptors.CalcTPSA(molecule),
        "mass": rdMolDescriptors.CalcExactMolWt(molecule),
    }
    return {name: round(float(value), 6) for name, value in found.items()}


def descriptors(factor: str) -> dict[str, list[float]]:
    """Return what tells a factor's levels apart, in their order: how much each changes the plainest candidate.

    Raises:
        KeyError: there is no such factor.
    """
    plain = {"r7": "H", "r2": "H", "linker": "ethylene", "amine": "dimethylamine"}
    levels = {"r7": R7, "r2": R2, "linker": LINKER, "amine": AMINE}[factor]
    base = properties(smiles_of(**plain))
    found = [properties(smiles_of(**{**plain, factor: level})) for level in levels]
    return {name: [round(each[name] - base[name], 2) for each in found] for name in ("logp", "mass", "tpsa")}


@cache
def _accessibility() -> ModuleType:
    """Return the module of the synthetic accessibility score, which RDKit ships beside its package."""
    from rdkit import RDConfig

    path = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("sascorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""Strain design as a laboratory: reactions deleted from a metabolic model, and what the strain must then excrete.

Flux balance analysis (Orth, Thiele, Palsson 2010, Nature Biotechnology 28, 245) of the core model of Escherichia coli
that comes with cobrapy (`textbook`: 72 metabolites, 95 reactions; Orth, Fleming, Palsson 2010, EcoSal Plus,
doi:10.1128/ecosalplus.10.2.1): at steady state fluxes v keep S v = 0 within their bounds, and the strain is taken to
grow as fast as they allow. Two linear programmes follow one another:

1. growth = max v_biomass;
2. succinate = min v_succinate at that growth.

The second is what is *guaranteed* (Burgard, Pharkya, Maranas 2003, Biotechnology and Bioengineering 84, 647, work with
the maximum; the difference is Feist et al. 2010, Metabolic Engineering 12, 173). Fluxes are in mmol per gram of dry
weight and hour. A deletion stops a reaction, as deleting all of its isoenzymes would.

What an optimiser would exploit, and what stands against it:

- At the same growth the model may make succinate or not make it: the maximum flatters, so the minimum is measured.
- Yield per glucose *taken up* could rise by starving the strain inside the model: it is per glucose offered.
- A strain that does not grow can be said to yield anything: it is a failure.
- More succinate than the electrons of glucose can make would be an error of the model: `possible` ends at 12/7 mol/mol,
  24 electrons of glucose over 14 of succinate (degrees of reduction, Roels 1983, "Energetics and Kinetics in
  Biotechnology"), reached only with carbon dioxide fixed.

Left out: regulation, kinetics, toxicity, the time a strain takes to adapt, and everything the core model leaves out.
"""

import logging
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

if TYPE_CHECKING:
    import cobra

BIOMASS, SUCCINATE, OXYGEN, GLUCOSE = "Biomass_Ecoli_core", "EX_succ_e", "EX_o2_e", "EX_glc__D_e"
"""Reactions of the model."""

DELETABLE = (
    "ALCD2x", "ATPS4r", "GLUDy", "LDH_D", "ME1", "ME2", "PDH", "PFL", "PTAr", "PYK", "SUCDi", "THD2",
)  # fmt: skip
"""Reactions that may be deleted, by their identifiers in the model."""

LIMIT = 12 / 7
"""Most succinate per glucose, in mol/mol, that a balance of electrons allows."""

LEAST_GROWTH = 1e-3
"""Below this (1/h) a strain does not grow: a doubling in a month."""

SLACK = 1e-6
"""Part of the growth that the second programme may give up, so that rounding does not make it infeasible."""

DECIMALS = 5
"""Digits kept: linear programmes that start elsewhere differ beyond."""


class Succinate(Simulator):
    """The laboratory: deletions and a medium in, growth and guaranteed succinate out; no randomness."""

    name = "succinate"
    revision = "1"
    factors: ClassVar = {**dict.fromkeys(DELETABLE, "1"), "oxygen": "mmol/g/h", "glucose": "mmol/g/h"}
    outcomes_in: ClassVar = {"yield": "mol/mol", "growth": "1/h"}
    engines = ("cobra",)
    extra = "bio"
    possible: ClassVar = {"yield": (0.0, LIMIT), "growth": (0.0, 3.0)}

    @cached_property
    def _model(self) -> "cobra.Model":
        """The model, read once; only where something is measured."""
        from cobra.io import load_model

        logging.getLogger("cobra").setLevel(logging.ERROR)
        return load_model("textbook")

    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Grow one strain in one medium; nothing is random."""
        del rng
        deleted = [name for name in DELETABLE if conditions[name] == 1]
        if any(conditions[name] not in {0, 1} for name in DELETABLE):
            return infeasible("a reaction is deleted (1) or not (0)", "반응은 제거(1)하거나 그대로(0) 둡니다")
        if conditions["glucose"] <= 0 or conditions["oxygen"] < 0:
            return infeasible("there is no such medium", "그런 배지는 없습니다")
        found = self._fluxes(deleted, conditions["oxygen"], conditions["glucose"])
        if found is None:
            return infeasible("the strain does not grow", "균주가 자라지 않습니다")
        growth, least, most = found
        if not np.isfinite(least + most):
            return crashed("the solver found no flux at that growth", "그 성장 속도의 대사 흐름을 찾지 못했습니다")
        return {
            "yield": round(max(least, 0.0) / conditions["glucose"], DECIMALS),
            "growth": round(growth, DECIMALS),
            "succinate": round(max(least, 0.0), DECIMALS),
            "optimistic_yield": round(most / conditions["glucose"], DECIMALS),
            "deletions": len(deleted),
        }

    def _fluxes(self, deleted: list[str], oxygen: float, glucose: float) -> tuple[float, float, float] | None:
        """Return growth, least and most succinate at that growth; None if the strain does not grow."""
        with self._model as model:
            model.reactions.get_by_id(OXYGEN).lower_bound = -oxygen
            model.reactions.get_by_id(GLUCOSE).lower_bound = -glucose
            for name in deleted:
                model.reactions.get_by_id(name).bounds = (0, 0)
            growth = float(model.slim_optimize(error_value=0.0))
            if growth < LEAST_GROWTH:
                return None
            model.reactions.get_by_id(BIOMASS).lower_bound = growth * (1 - SLACK)
            model.objective = SUCCINATE
            model.objective_direction = "min"
            least = float(model.slim_optimize())
            model.objective_direction = "max"
            return growth, least, float(model.slim_optimize())

    def checks(self) -> Iterator[Check]:
        """Compare the model's growth with published values, and its best yield with the balance of electrons."""
        source = "Orth, Fleming, Palsson 2010, EcoSal Plus; BiGG model e_coli_core"
        for what, oxygen, expected in (
            (say("growth on glucose with oxygen", "포도당과 산소에서의 성장"), 1000.0, 0.8739),
            (say("growth on glucose without oxygen", "포도당만 있고 산소가 없을 때의 성장"), 0.0, 0.2117),
        ):
            found = self._fluxes([], oxygen, 10.0)
            yield Check(what, 0.0 if found is None else found[0], expected, 5e-5, "1/h", source)
        with self._model as model:
            model.reactions.get_by_id("ATPM").lower_bound = 0
            model.objective = SUCCINATE
            most = float(model.slim_optimize()) / 10.0
        what = say("best succinate yield without growth", "성장 없이 가능한 최대 숙신산 수율")
        yield Check(what, most, LIMIT, 0.01, "mol/mol", "24 electrons of glucose over 14 of succinate")

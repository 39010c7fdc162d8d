"""The pulse lab solves the right equation, and knows what theory knows of pulses."""

import math
from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import pytest

from kgenesis.app.mission_files import load_mission
from kgenesis.kernel.experiment import Failure, Measurement, Task, Value
from kgenesis.kernel.ids import ExperimentId
from kgenesis.kernel.problem import Problem
from kgenesis.labs.simulators.quantum.drag_pulse import (
    ANHARMONICITY,
    N_LEVELS,
    NOT,
    SAMPLE,
    T1,
    T2,
    DragPulse,
    envelope,
    evolve,
    idle_infidelity,
    judge,
)
from kgenesis.testing.labs import Factory, LabCases

GOOD: Mapping[str, Value] = {
    "duration": 16.0,
    "amplitude": 1.0,
    "drag": 0.5,
    "detuning": 0.0,
    "harmonic_2": 0.0,
    "harmonic_3": 0.0,
}


def measure(**changed: Value) -> Measurement | Failure:
    return DragPulse().measure(Task(ExperimentId("exp_1"), 1, {**GOOD, **changed}, (1, 2)))


class TestDragPulse(LabCases):
    """The lab keeps the promises of every lab."""

    @pytest.fixture
    def factory(self) -> Factory:
        return DragPulse.make

    @pytest.fixture
    def problem(self) -> Problem:
        return load_mission("drag-pulse").mission.problem

    @pytest.fixture
    def conditions(self) -> Mapping[str, Value]:
        return GOOD

    @pytest.fixture
    def infeasible_conditions(self) -> Mapping[str, Value]:
        return {**GOOD, "duration": 1.0}


@pytest.mark.skipif(find_spec("qutip") is None, reason="QuTiP is not installed")
@pytest.mark.filterwarnings("ignore:matplotlib not found")
def test_it_agrees_with_qutip_on_a_whole_gate() -> None:
    import qutip

    x, y = envelope(10.0, amplitude=1.02, drag=0.7, harmonics=(0.1, -0.05))
    ours = evolve(x, y, 3.0)
    a, number = qutip.destroy(N_LEVELS), qutip.num(N_LEVELS)
    alpha, delta = 2 * np.pi * ANHARMONICITY / 1000, 2 * np.pi * 0.003
    collapse = [np.sqrt(1 / T1) * a, np.sqrt(2 * (1 / T2 - 1 / (2 * T1))) * number]
    rho = (qutip.basis(N_LEVELS, 0) + 1j * qutip.basis(N_LEVELS, 1)).unit().proj()
    start = rho.full()
    for one, other in zip(x, y, strict=True):  # a piecewise constant drive: one exact exponential a sample
        h = delta * number + alpha / 2 * (number * number - number)
        h += one / 2 * (a + a.dag()) + other / 2 * 1j * (a.dag() - a)
        propagator = (qutip.liouvillian(h, collapse) * SAMPLE).expm()
        rho = qutip.vector_to_operator(propagator * qutip.operator_to_vector(rho))
    found = (ours @ start.ravel()).reshape(N_LEVELS, N_LEVELS)
    assert np.abs(found - rho.full()).max() < 1e-10


def test_waiting_costs_what_damping_theory_says() -> None:
    quiet = np.zeros(round(200 / SAMPLE))
    lost, leaked = judge(evolve(quiet, quiet), np.eye(2, dtype=np.complex128))
    assert lost == pytest.approx(idle_infidelity(200), abs=1e-10)
    assert leaked == pytest.approx(0, abs=1e-12)


def test_no_gate_beats_relaxation_by_much() -> None:
    # the drive moves the state about, so that the floor of a gate is near, not at, that of waiting as long
    errors = []
    for beta in np.linspace(0.4, 0.6, 5):
        lost, _ = judge(evolve(*envelope(30.0, drag=float(beta))), NOT)
        errors.append(lost)
    assert 0.8 * idle_infidelity(30) < min(errors) < 2.0 * idle_infidelity(30)


def test_the_best_coefficient_is_one_half_on_resonance_and_one_against_leakage() -> None:
    betas = np.linspace(-0.5, 2.0, 51)
    found = [judge(evolve(*envelope(24.0, drag=float(b)), is_lossy=False), NOT) for b in betas]
    assert betas[int(np.argmin([lost for lost, _ in found]))] == pytest.approx(0.5, abs=0.06)
    at_half, at_one = (found[int(np.argmin(np.abs(betas - b)))][1] for b in (0.0, 1.0))
    assert at_one < at_half / 10


def test_pulses_start_and_end_at_nothing_and_turn_by_the_angle() -> None:
    for harmonics in ((0.0, 0.0), (0.3, -0.2)):
        x, _ = envelope(50.0, amplitude=0.97, harmonics=harmonics)
        assert x.sum() * SAMPLE == pytest.approx(0.97 * math.pi, rel=1e-9)
        assert abs(x[0]) < abs(x).max() / 100


def test_what_has_no_shape_is_no_result_and_the_peak_is_measured() -> None:
    found = measure(duration=1.0)
    assert isinstance(found, Failure)
    assert found.kind == "infeasible"
    slow, fast = measure(duration=20.0, drag=0.0), measure(duration=10.0, drag=0.0)
    assert isinstance(slow, Measurement)
    assert isinstance(fast, Measurement)
    assert fast.mean("peak") == pytest.approx(2 * slow.mean("peak"), rel=0.01)
    assert slow.mean("peak") == pytest.approx(1000 / 20, rel=0.01)  # x peaks at 2π/T


def test_its_own_checks_hold() -> None:
    checks = list(DragPulse().checks())
    assert checks
    assert all(check.holds for check in checks)


def test_the_mission_asks_for_what_theory_misses_and_a_pulse_can_do() -> None:
    problem = load_mission("drag-pulse").mission.problem
    theory = measure(duration=10.0)
    found = measure(duration=8.63, drag=0.68, detuning=5.55, harmonic_2=0.04, harmonic_3=0.35)
    assert isinstance(theory, Measurement)
    assert isinstance(found, Measurement)
    assert not problem.is_feasible(theory)
    assert theory.mean("log_infidelity") > -3
    assert problem.is_success(found)

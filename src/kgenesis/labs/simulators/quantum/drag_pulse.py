"""Turn a weakly anharmonic qubit by π in a few nanoseconds without exciting its third level.

The device: a transmon of `N_LEVELS` levels in the frame of its drive, H/ħ = δ n + (α/2) n(n - 1) + x(t)(a + a†)/2 +
y(t) i(a† - a)/2, α/2π = `ANHARMONICITY`, with relaxation at rate 1/T1 (collapse operator √(1/T1) a) and pure dephasing
at 1/Tφ = 1/T2 - 1/(2 T1) (√(2/Tφ) n). The generator holds x and y for `SAMPLE` ns (zero-order hold), so that the
Lindblad equation is solved exactly, sample by sample, by matrix exponentials; it is compared with QuTiP in the tests.

The pulse: x(t) = A Σ_k c_k (1 - cos 2πkt/T), k = 1 … 3, c_1 = 1 - c_2 - c_3 (a Fourier ansatz that starts and ends at
zero), scaled so that ∫x dt = `amplitude`·π, and y(t) = -β x'(t)/α with β the factor `drag` (Motzoi et al., PRL 103 (2009)
110501; first order: β = 1 removes leakage, β = 1/2 the phase error at δ = 0, Lucero et al., PRA 82 (2010) 042339).

Infidelity: 1 minus the fidelity to an X gate, averaged over the six eigenstates of the Pauli matrices, which is the
average over all states (they are a 2-design); what leaks counts as lost.

What an optimiser would exploit, and how each hole is closed:

- *A pulse that no generator makes.* Samples of finite length; a peak above `peak` is for the mission to forbid.
- *Loss that the fidelity hides.* `leakage` is an outcome; the trace stays in the model, levels above the third included.
- *A gate shorter than its samples* is `infeasible`; a duration between two samples is filled up with zeros.
- *A global phase* is not seen by fidelities of states, a rotation about z is: nothing is corrected afterwards.
- *Better than nature.* A trace or a population that leaves [0, 1] is `crashed`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, crashed, infeasible

N_LEVELS = 4
"""Levels of the transmon; leakage into the third is followed on into the fourth."""

ANHARMONICITY = -220.0
"""α/2π, MHz: usual for transmons, a round number of our own."""

T1, T2 = 60_000.0, 50_000.0
"""ns; usual, round numbers of our own."""

SAMPLE = 0.25
"""ns; a waveform generator of 4 gigasamples a second."""

MIN_GATE = 2.0
"""ns; shorter pulses have too few samples to have a shape."""

DECIMALS = 12
"""Of infidelities: below, rounding of the exponentials decides."""

Complexes = NDArray[np.complex128]

_LOWER = np.diag(np.sqrt(np.arange(1.0, N_LEVELS)), 1).astype(np.complex128)
_NUMBER = _LOWER.conj().T @ _LOWER
_ONE = np.eye(N_LEVELS)


def envelope(
    duration: float, *, amplitude: float = 1.0, drag: float = 0.0, harmonics: tuple[float, float] = (0.0, 0.0)
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y in rad/ns at the middle of each sample.

    Args:
        duration: T, ns.
        amplitude: angle of the rotation, in π.
        drag: β.
        harmonics: c_2 and c_3.
    """
    t = (np.arange(math.ceil(duration / SAMPLE - 1e-9)) + 0.5) * SAMPLE
    inside = t < duration
    k = np.arange(1, 4)[:, None]
    c = np.array([1 - sum(harmonics), *harmonics])[:, None]
    phase = 2 * np.pi * k * t / duration
    scale = amplitude * math.pi / duration  # each of the three shapes has the area T
    x = scale * (c * (1 - np.cos(phase))).sum(axis=0) * inside
    slope = scale * (c * 2 * np.pi * k / duration * np.sin(phase)).sum(axis=0) * inside
    return x, -drag * slope / _angular(ANHARMONICITY)


def evolve(
    x: NDArray[np.float64], y: NDArray[np.float64], detuning: float = 0.0, *, is_lossy: bool = True
) -> Complexes:
    """Return the superoperator (n², n²) of a pulse, acting on density matrices written row by row.

    Args:
        x: (samples,) rad/ns.
        y: (samples,) rad/ns.
        detuning: δ/2π, MHz.
        is_lossy: whether the qubit relaxes and dephases.
    """
    from scipy.linalg import expm

    still = _angular(detuning) * _NUMBER + _angular(ANHARMONICITY) / 2 * (_NUMBER @ _NUMBER - _NUMBER)
    drive_x, drive_y = (_LOWER + _LOWER.conj().T) / 2, 1j * (_LOWER.conj().T - _LOWER) / 2
    hamiltonians = still + x[:, None, None] * drive_x + y[:, None, None] * drive_y
    generators = -1j * (_kron(hamiltonians, _ONE) - _kron(_ONE, hamiltonians.transpose(0, 2, 1)))
    if is_lossy:
        generators = generators + _dissipator()
    steps: Complexes = expm(generators * SAMPLE)
    whole: Complexes = np.eye(N_LEVELS**2, dtype=np.complex128)
    for step in steps:
        whole = step @ whole
    return whole


def judge(whole: Complexes, gate: Complexes) -> tuple[float, float]:
    """Return the mean infidelity to a gate (2, 2) and the mean population outside of the two lower levels."""
    lost, leaked = 0.0, 0.0
    roots = [(1, 0), (0, 1), (1, 1), (1, -1), (1, 1j), (1, -1j)]
    for root in roots:
        start = np.array(root, dtype=np.complex128) / np.linalg.norm(root)
        ket, wanted = np.zeros((2, N_LEVELS), dtype=np.complex128)
        ket[:2], wanted[:2] = start, gate @ start
        rho = (whole @ np.outer(ket, ket.conj()).ravel()).reshape(N_LEVELS, N_LEVELS)
        lost += 1 - float(np.real(wanted.conj() @ rho @ wanted))
        leaked += float(np.real(np.trace(rho) - rho[0, 0] - rho[1, 1]))
    return lost / len(roots), leaked / len(roots)


NOT = np.array([[0, 1], [1, 0]], dtype=np.complex128)
"""The X gate."""


def idle_infidelity(duration: float) -> float:
    """Return what waiting costs a qubit: 1 - (1/2 + exp(-t/T1)/6 + exp(-t/T2)/3), the mean over all states."""
    return 0.5 - math.exp(-duration / T1) / 6 - math.exp(-duration / T2) / 3


def _angular(megahertz: float) -> float:
    """Return rad/ns."""
    return 2 * math.pi * megahertz / 1000


def _kron(a: NDArray[Any], b: NDArray[Any]) -> Complexes:
    """Return Kronecker products of matrices, either of which may be a stack (m, n, n)."""
    product: Complexes = np.einsum("...ij,...kl->...ikjl", a, b)
    return product.reshape(*product.shape[:-4], N_LEVELS**2, N_LEVELS**2)


def _dissipator() -> Complexes:
    total: Complexes = np.zeros((N_LEVELS**2, N_LEVELS**2), dtype=np.complex128)
    pure = 1 / T2 - 1 / (2 * T1)
    for collapse in (math.sqrt(1 / T1) * _LOWER, math.sqrt(2 * pure) * _NUMBER):
        both = collapse.conj().T @ collapse
        total += _kron(collapse, collapse.conj()) - (_kron(both, _ONE) + _kron(_ONE, both.T)) / 2
    return total


class DragPulse(Simulator):
    """The laboratory: the shape of a pulse in, the error of the gate out."""

    name = "drag-pulse"
    revision = "1"
    factors: ClassVar = {
        "duration": "ns",
        "amplitude": "1",
        "drag": "1",
        "detuning": "MHz",
        "harmonic_2": "1",
        "harmonic_3": "1",
    }
    outcomes_in: ClassVar = {"log_infidelity": "1", "log_leakage": "1", "infidelity": "1", "peak": "MHz"}
    extra = "quantum"
    possible: ClassVar = {"log_infidelity": (-12.0, 0.0), "log_leakage": (-12.0, 0.0), "infidelity": (0.0, 1.0)}

    def simulate(
        self,
        conditions: Mapping[str, Any],
        rng: np.random.Generator,  # noqa: ARG002  (nothing here is random)
    ) -> Mapping[str, float | Outcome] | Failure:
        """Play the pulse once, exactly."""
        if conditions["duration"] < MIN_GATE:
            return infeasible(f"the gate is shorter than {MIN_GATE:g} ns", f"게이트가 {MIN_GATE:g} ns보다 짧습니다")
        x, y = envelope(
            conditions["duration"],
            amplitude=conditions["amplitude"],
            drag=conditions["drag"],
            harmonics=(conditions["harmonic_2"], conditions["harmonic_3"]),
        )
        error, leakage = judge(evolve(x, y, conditions["detuning"]), NOT)
        if not (0 < error <= 1 and leakage <= 1):
            return crashed("a population is not between 0 and 1", "점유율이 0과 1 사이가 아닙니다")
        error, leakage = round(error, DECIMALS), max(round(leakage, DECIMALS), 10.0**-DECIMALS)
        return {
            "log_infidelity": round(math.log10(error), 6),
            "log_leakage": round(math.log10(leakage), 6),
            "infidelity": error,
            "peak": round(float(np.hypot(x, y).max()) * 1000 / (2 * math.pi), 6),
        }

    def checks(self) -> Iterator[Check]:
        """Compare waiting with its closed form, and the best β with first-order theory."""
        quiet = np.zeros(round(100 / SAMPLE))
        yield Check(
            say("Mean infidelity of waiting 100 ns", "100 ns 대기의 평균 비충실도"),
            found=judge(evolve(quiet, quiet), np.eye(2, dtype=np.complex128))[0],
            expected=idle_infidelity(100),
            tolerance=1e-9,
            unit="1",
            source="1/2 - exp(-t/T1)/6 - exp(-t/T2)/3: amplitude and phase damping averaged over all states",
        )
        betas = np.linspace(0.3, 0.7, 41)
        errors = [judge(evolve(*envelope(30.0, drag=float(b)), is_lossy=False), NOT)[0] for b in betas]
        a, b, _ = np.polyfit(betas, errors, 2)
        yield Check(
            say("Best DRAG coefficient of a slow gate on resonance", "느린 공진 게이트의 최적 DRAG 계수"),
            found=float(-b / (2 * a)),
            expected=0.5,
            tolerance=0.02,
            unit="1",
            source="first-order DRAG without detuning: Lucero et al., PRA 82 (2010) 042339",
        )

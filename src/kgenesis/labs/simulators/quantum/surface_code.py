"""Keep a logical qubit in a patch of surface code and count how often it is lost (Stim and PyMatching).

The device. Qubits on a square grid whose noise is biased towards dephasing and whose two-qubit gates CX and CZ keep that
bias, as Kerr-cat qubits' do (Puri et al., Science Advances 6 (2020) eaay5901; Darmawan et al., PRX Quantum 2 (2021)
030345). Its constants below are round numbers of our own, no published chip; the laws that join them are the field's:

- Waiting for a time t: a Pauli channel, the twirl of amplitude and phase damping, p_x = p_y = (1 - exp(-t/T1))/4 and
  p_z = (1 - f)/2 - p_x with the coherence f = exp(-t/T2) (Tomita and Svore, PRA 90 (2014) 062320, eq. 8-10). Slow noise
  multiplies f by exp(-(t/`T_SLOW`)²), as quasi-static Gaussian detuning does; an echo pulse in the middle of a wait
  removes that factor and adds the error of a pulse.
- A two-qubit gate of length t: both qubits wait t, then depolarise with probability (`FASTEST_GATE`/t)²·`FAST_GATE_ERROR`:
  the error of leaving the adiabatic regime falls with t, that of waiting rises.
- A readout of length t: the signal-to-noise ratio grows as the root of t, so two Gaussians are told apart with error
  erfc(√(t/`READOUT_TIME`))/2, to which relaxation during the readout adds (1 - exp(-t/T1))/2.
- A reset takes `RESET_TIME` and leaves the wrong state with probability `RESET_ERROR`. Without reset a check is the
  parity of two readouts, so one wrong readout fires detectors two rounds apart (Geher et al., arXiv 2408.00758).

The code: a rotated patch of rows x columns data qubits and one ancilla for each of the rows·columns - 1 checks, as CSS code
or as XZZX code (Bonilla Ataides et al., Nature Communications 12 (2021) 2172). X errors must cross the rows, Z errors
the columns. The order of the gates in a check turns hook errors across the logical operator they could shorten
(Tomita and Svore, fig. 3), so that the circuit's distance is that of the code. The qubit is kept for `memory`
microseconds, whatever number of rounds that takes, in both logical bases, and decoded by minimum-weight perfect matching with
the circuit's own error model. What it costs is the volume in space and time of one operation of lattice surgery: all
qubits for d = max(rows, columns) rounds.

What an optimiser would exploit, and how each hole is closed:

- *One basis.* A bias-tailored patch could protect one logical basis and ignore the other: both are simulated, and an
  operation is lost if either is.
- *Few rounds, slow rounds.* The time is fixed, not the number of rounds: who waits longer between them makes more errors.
  Patches of any size are kept equally long.
- *No events, no error.* Half an event is added to the count (Jeffreys), and the standard error says how sure that is.
- *Gates or readouts of no length, patches without a distance, more qubits than the chip has* are `infeasible`.
- *A detector that is not deterministic* would let a wrong circuit look good: Stim refuses it, and so do we (`crashed`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from kgenesis.kernel.experiment import Failure, Frozen, Outcome
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import LEVELS, Check, Simulator, infeasible

if TYPE_CHECKING:
    import stim

T1 = 250.0
"""Relaxation time, µs."""

T2 = 60.0
"""Coherence time under fast noise, µs."""

T_SLOW = 6.0
"""Coherence time under slow noise alone, µs: what an echo refocuses."""

PULSE_ERROR = 1e-3
"""Depolarising probability of the echo pulse."""

FASTEST_GATE = 20.0
"""Shortest two-qubit gate, ns."""

FAST_GATE_ERROR = 2e-2
"""Depolarising probability of the shortest two-qubit gate."""

READOUT_TIME = 90.0
"""Time in which the readout's signal grows to its noise, ns."""

RESET_TIME = 250.0
"""ns"""

RESET_ERROR = 2e-3
"""Probability of the wrong state after a reset."""

MIN_READOUT = 50.0
"""ns; the resonator's ring-up."""

MAX_QUBITS = 250
"""Qubits of the chip."""

MIN_DISTANCE = 2
"""Least rows and columns: below, one error is no error detected."""

Code = Literal["CSS", "XZZX"]
Basis = Literal["X", "Z"]


class SurfaceCodeSettings(Frozen):
    """How long the qubit is kept, and how thoroughly an experiment looks."""

    memory: float = Field(default=5.0, ge=1, le=1000)
    """How long the logical qubit is kept, µs; the last round that begins in it is finished."""

    shots: int = Field(default=8_000, ge=100, le=10_000_000)
    """How often each of the two logical states is kept and read, at most."""
    enough: int = Field(default=50, ge=20, le=1_000_000)
    """Losses of a state that end its count before."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What goes wrong in one round; a channel is (p_x, p_y, p_z)."""

    gate: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Every qubit, in each of the four layers of gates."""
    pair: float = 0.0
    """Depolarising probability of a two-qubit gate."""
    wait: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Data qubits, while ancillas are read and reset."""
    pulse: float = 0.0
    """Depolarising probability on data qubits from an echo."""
    readout: float = 0.0
    """Probability of a wrong readout of an ancilla."""
    reset: float = 0.0
    """Probability of a wrong reset of an ancilla."""


@dataclass(frozen=True, slots=True)
class Stabiliser:
    """What one ancilla checks: its number, and its data qubits in the order in which they are reached; None: no gate then."""

    ancilla: int
    kind: Basis
    order: tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True)
class Patch:
    """A rotated surface code of rows x columns data qubits, numbered row by row; ancillas follow."""

    code: Code
    rows: int
    columns: int

    @property
    def n_data(self) -> int:
        """Number of data qubits."""
        return self.rows * self.columns

    @property
    def n_qubits(self) -> int:
        """Number of data qubits and ancillas."""
        return 2 * self.n_data - 1

    @property
    def distance(self) -> int:
        """The larger of the two distances: rounds of one logical operation."""
        return max(self.rows, self.columns)

    def pauli(self, qubit: int, kind: Basis) -> Basis:
        """Return what an operator of this kind is on a data qubit: the XZZX code swaps X and Z on every second one."""
        is_swapped = self.code == "XZZX" and sum(divmod(qubit, self.columns)) % 2
        return kind if not is_swapped else ("Z" if kind == "X" else "X")

    def logical(self, kind: Basis) -> list[int]:
        """Return the data qubits of a logical operator: a column for X, a row for Z."""
        return list(range(0, self.n_data, self.columns)) if kind == "X" else list(range(self.columns))

    def stabilisers(self) -> Iterator[Stabiliser]:
        """Yield every stabiliser; X checks of two qubits lie at the top and bottom, Z checks of two left and right."""
        ancilla = self.n_data
        for row in range(self.rows + 1):
            for column in range(self.columns + 1):
                kind: Basis = "X" if (row + column) % 2 == 0 else "Z"
                at_row_end, at_column_end = row in {0, self.rows}, column in {0, self.columns}
                if (at_row_end and at_column_end) or (at_row_end and kind == "Z") or (at_column_end and kind == "X"):
                    continue
                around = [self._at(row + i, column + j) for i in (-1, 0) for j in (-1, 0)]
                nw, ne, sw, se = around
                yield Stabiliser(ancilla, kind, (nw, ne, sw, se) if kind == "X" else (nw, sw, ne, se))
                ancilla += 1

    def _at(self, row: int, column: int) -> int | None:
        return row * self.columns + column if 0 <= row < self.rows and 0 <= column < self.columns else None


def damping(t: float, t_slow: float | None) -> tuple[float, float, float]:
    """Return (p_x, p_y, p_z) of waiting t (µs); `t_slow` (µs) is None where slow noise is refocused."""
    flip = -math.expm1(-t / T1) / 4
    exponent = t / T2 + (0.0 if t_slow is None else (t / t_slow) ** 2)
    return flip, flip, -math.expm1(-exponent) / 2 - flip


def noise_of(gate_time: float, readout_time: float, *, has_echo: bool, has_reset: bool) -> Noise:
    """Return the device's noise for times in ns."""
    waiting = (readout_time + (RESET_TIME if has_reset else 0.0)) / 1000
    told_apart = math.erfc(math.sqrt(readout_time / READOUT_TIME)) / 2
    decayed = -math.expm1(-readout_time / 1000 / T1) / 2
    return Noise(
        gate=damping(gate_time / 1000, None),
        pair=FAST_GATE_ERROR * (FASTEST_GATE / gate_time) ** 2,
        wait=damping(waiting, None if has_echo else T_SLOW),
        pulse=PULSE_ERROR if has_echo else 0.0,
        readout=told_apart + decayed - 2 * told_apart * decayed,
        reset=RESET_ERROR if has_reset else 0.0,
    )


def memory_circuit(patch: Patch, basis: Basis, rounds: int, noise: Noise, *, has_reset: bool) -> "stim.Circuit":
    """Return the circuit that prepares a logical state, checks it for some rounds and reads it.

    Data qubits are prepared and read perfectly: they belong to the operations before and after.

    Args:
        patch: the code.
        basis: of the logical state.
        rounds: number of rounds of checks.
        noise: what goes wrong in each.
        has_reset: whether ancillas are reset after each readout.
    """
    import stim

    circuit = stim.Circuit()
    checks, data = list(patch.stabilisers()), range(patch.n_data)
    ancillas, n = [check.ancilla for check in checks], len(checks)
    by_pauli = {p: [q for q in data if patch.pauli(q, basis) == p] for p in ("X", "Z")}
    for pauli, qubits in by_pauli.items():
        circuit.append(f"R{pauli}", qubits)
    circuit.append("RX", ancillas)
    # with reset a readout is the check; without, its parity with the readout before: then checks t and t - 1 differ
    # where readouts t and t - 2 do
    back = 1 if has_reset else 2
    for turn in range(rounds):
        if has_reset:
            circuit.append("Z_ERROR", ancillas, noise.reset)
        _append_gates(circuit, patch, checks, noise)
        circuit.append("MRX" if has_reset else "MX", ancillas, noise.readout)
        circuit.append("PAULI_CHANNEL_1", data, noise.wait)
        circuit.append("DEPOLARIZE1", data, noise.pulse)
        for k, check in enumerate(checks):
            if turn > 0 or check.kind == basis:
                seen = [0, back] if turn >= back else [0]
                circuit.append("DETECTOR", [stim.target_rec(k - (b + 1) * n) for b in seen], (k, turn))
    read = [q for qubits in by_pauli.values() for q in qubits]
    for pauli, qubits in by_pauli.items():
        circuit.append(f"M{pauli}", qubits)
    at = {q: stim.target_rec(i - len(read)) for i, q in enumerate(read)}
    seen = [0] if has_reset or rounds == 1 else [0, 1]
    for k, check in enumerate(checks):
        if check.kind == basis:
            known = [stim.target_rec(k - (b + 1) * n - len(read)) for b in seen]
            circuit.append("DETECTOR", [*known, *(at[q] for q in check.order if q is not None)], (k, rounds))
    circuit.append("OBSERVABLE_INCLUDE", [at[q] for q in patch.logical(basis)], 0)
    return circuit


def _append_gates(circuit: "stim.Circuit", patch: Patch, checks: list[Stabiliser], noise: Noise) -> None:
    """Append the four layers of one round; the ancilla controls X or Z on each data qubit."""
    for layer in range(4):
        pairs = [(c.ancilla, q, patch.pauli(q, c.kind)) for c in checks if (q := c.order[layer]) is not None]
        for pauli in ("X", "Z"):
            circuit.append(f"C{pauli}", [x for ancilla, q, p in pairs if p == pauli for x in (ancilla, q)])
        circuit.append("PAULI_CHANNEL_1", range(patch.n_qubits), noise.gate)
        circuit.append("DEPOLARIZE2", [x for ancilla, q, _ in pairs for x in (ancilla, q)], noise.pair)
        circuit.append("TICK")


def count_losses(circuit: "stim.Circuit", seed: int, *, shots: int, enough: int, batch: int = 250) -> tuple[int, int]:
    """Return in how many of how many shots the decoder got the logical state wrong.

    Args:
        circuit: with detectors and one observable.
        seed: of Stim's generator; equal counts need the same version of Stim and the same kind of processor.
        shots: how often it is done at most.
        enough: losses after which the rest of the shots would teach little (inverse binomial sampling, Haldane,
            Biometrika 33 (1945) 222), looked at after each batch.
        batch: shots done at once.
    """
    import pymatching

    # mutually exclusive Paulis are taken as independent by the decoder only; what is sampled is exact
    model = circuit.detector_error_model(decompose_errors=True, approximate_disjoint_errors=True)
    decoder = pymatching.Matching.from_detector_error_model(model)
    sampler = circuit.compile_detector_sampler(seed=seed)
    losses = done = 0
    while done < shots and losses < enough:
        n = min(batch, shots - done)
        events, flips = sampler.sample(n, separate_observables=True, bit_packed=True)
        found = decoder.decode_batch(events, bit_packed_shots=True, bit_packed_predictions=True)
        losses += int(np.count_nonzero(found[:, 0] ^ flips[:, 0]))
        done += n
    return losses, done


class SurfaceCode(Simulator):
    """The laboratory: a patch and the timing of its round in, how large it is and how often it loses its qubit out."""

    name = "surface-code"
    revision = "1"
    factors: ClassVar = {
        "code": LEVELS,
        "rows": "1",
        "columns": "1",
        "gate_time": "ns",
        "readout_time": "ns",
        "echo": LEVELS,
        "reset": LEVELS,
    }
    outcomes_in: ClassVar = {"volume": "us", "log_error": "1", "logical_error": "1", "qubits": "1", "cycle_time": "us"}
    engines = ("stim", "pymatching")
    extra = "quantum"
    settings_type = SurfaceCodeSettings
    possible: ClassVar = {
        "volume": ((2 * MIN_DISTANCE**2 - 1) * MIN_DISTANCE * (4 * FASTEST_GATE + MIN_READOUT) / 1000, math.inf),
        "log_error": (-math.inf, 0.0),
        "logical_error": (0.0, 1.0),
    }

    def simulate(
        self, conditions: Mapping[str, Any], rng: np.random.Generator
    ) -> Mapping[str, float | Outcome] | Failure:
        """Sample one logical operation in both bases; `volume` counts qubits times time."""
        rows, columns = conditions["rows"], conditions["columns"]
        gate, readout = conditions["gate_time"], conditions["readout_time"]
        if conditions["code"] not in {"CSS", "XZZX"} or not {conditions["echo"], conditions["reset"]} <= {"yes", "no"}:
            return infeasible(
                "code is CSS or XZZX, echo and reset are yes or no",
                "code는 CSS나 XZZX, echo와 reset은 yes나 no여야 합니다",
            )
        if not (rows.is_integer() and columns.is_integer() and min(rows, columns) >= MIN_DISTANCE):
            return infeasible(
                f"rows and columns are whole numbers from {MIN_DISTANCE}",
                f"행과 열은 {MIN_DISTANCE} 이상의 정수여야 합니다",
            )
        patch = Patch(conditions["code"], int(rows), int(columns))
        if patch.n_qubits > MAX_QUBITS:
            return infeasible(
                f"the patch needs {patch.n_qubits} qubits, the chip has {MAX_QUBITS}",
                f"패치에는 큐비트 {patch.n_qubits}개가 필요한데 칩에는 {MAX_QUBITS}개뿐입니다",
            )
        if gate < FASTEST_GATE or readout < MIN_READOUT:
            return infeasible("a gate or a readout is too short", "게이트나 판독이 너무 짧습니다")
        has_reset, given = conditions["reset"] == "yes", self._given
        assert isinstance(given, SurfaceCodeSettings)
        noise = noise_of(gate, readout, has_echo=conditions["echo"] == "yes", has_reset=has_reset)
        cycle = (4 * gate + readout + (RESET_TIME if has_reset else 0.0)) / 1000
        rounds = math.ceil(given.memory / cycle)
        survival, variance = 1.0, 0.0
        for basis in ("X", "Z"):
            circuit = memory_circuit(patch, basis, rounds, noise, has_reset=has_reset)
            losses, shots = count_losses(circuit, int(rng.integers(2**63)), shots=given.shots, enough=given.enough)
            share = (losses + 0.5) / (shots + 1)
            survival *= 1 - share
            variance += share * (1 - share) / shots
        error = 1 - survival
        sem = math.sqrt(variance)
        return {
            "volume": patch.n_qubits * patch.distance * cycle,
            "log_error": Outcome(mean=math.log10(error), sem=sem / error / math.log(10)),
            "logical_error": Outcome(mean=error, sem=sem),
            "qubits": patch.n_qubits,
            "cycle_time": cycle,
        }

    def checks(self) -> Iterator[Check]:
        """Compare distances with the patches' sides, and a single row under phase flips with the repetition code."""
        noise = Noise((1e-3,) * 3, 1e-3, (1e-3,) * 3, 1e-3, 1e-3, 1e-3)
        codes: tuple[Code, Code] = ("CSS", "XZZX")
        for code in codes:
            circuit = memory_circuit(Patch(code, 3, 5), "X", 4, noise, has_reset=False)
            yield Check(
                say(
                    f"Fewest faults that lose a 3 x 5 patch ({code}, phase flips)",
                    f"3 x 5 패치를 잃는 최소 결함 수({code}, 위상 오류)",
                ),
                found=len(circuit.shortest_graphlike_error()),
                expected=5,
                tolerance=0,
                unit="1",
                source="the code distance: Z errors cross the columns",
            )
        p, n, shots = 0.15, 5, 40_000
        circuit = memory_circuit(Patch("CSS", 1, n), "X", 1, Noise(wait=(0, 0, p)), has_reset=True)
        losses, _ = count_losses(circuit, 7, shots=shots, enough=shots)
        tail = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))
        yield Check(
            say(
                "Chance to lose one row of 5 qubits, phase flips 15 %",
                "큐비트 5개 한 줄을 잃을 확률, 위상 오류 15 %",
            ),
            found=losses / shots,
            expected=tail,
            tolerance=4 * math.sqrt(tail * (1 - tail) / shots),
            unit="1",
            source="majority vote of the repetition code, binomial tail",
        )

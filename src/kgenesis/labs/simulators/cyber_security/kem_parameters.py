"""Parameters of a module-lattice KEM (ML-KEM, Kyber) as a laboratory: bytes on the wire, security, decryption failures.

The scheme is Kyber (specification 3.01, January 2021; FIPS 203) over Z_q[x]/(x^256 + 1): a secret s and errors e of
centred binomial noise eta_1, encryption with r of eta_1 and errors of eta_2, and a ciphertext (u, v) of which d_u and
d_v bits a coefficient are sent.

- Size: 32 bytes of seed + 256 k ceil(log2 q) bits of public key; 256 (k d_u + d_v) bits of ciphertext.
- Security: core-SVP of the primal attack, 0.292 b bits (Alkim, Ducas, Pöppelmann, Schwabe, "Post-quantum key exchange:
  a new hope", USENIX Security 2016, §6.3): b is the least block size for which, with some number m of equations, the
  target vector's projection sigma sqrt(b) is no longer than delta(b)^(2b - d - 1) vol^(1/d), d = nk + m + 1. The secret
  is rescaled to the error's standard deviation. The least of the *key* (eta_1) and the *ciphertext* (eta_2 and the
  rounding to d_u bits, as the specification counts it) is what an attacker breaks, so it is what is measured.
- The same without help from rounding (no LWR assumption): the instance in which secret and error both have the smaller
  of the two noises. This is how the specification comes to 112 bits for Kyber512.
- Failures: log2 of the probability that decryption fails, 256 times the tail beyond q/4 of
  e·r - s·(e_1 + rounding_u) + e_2 + rounding_v, the law of `Kyber_failure.py` (pq-crystals/security-estimates). It is
  evaluated without truncation: the laws are tilted so that their sum has its mean at q/4 (Daniels 1954, "Saddlepoint
  approximations in statistics", §2), the tilted law of the sum comes from a Fourier transform, and is tilted back.

What an optimiser would exploit, and what stands against it:

- Less ciphertext noise costs nothing if only the key is looked at: the minimum over both instances is the outcome.
- Coarser rounding "adds" security: the outcome without rounding is there to be bounded too.
- eta_1 = 1 makes ternary secrets, against which combinatorial and hybrid attacks that core-SVP does not see get better:
  refused.
- A modulus without a number-theoretic transform is small and slow: q must be a prime with q = 1 mod 128.
- More bits than a coefficient has are no compression: refused, so that no two conditions are the same scheme.

Left out: dual, hybrid and algebraic attacks, the cost of a lattice sieve's memory, attacks that collect failures,
and side channels.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kgenesis.kernel.experiment import Failure
from kgenesis.kernel.text import say
from kgenesis.labs.simulators.simulator import Check, Simulator, infeasible

FloatArray = NDArray[np.float64]

DEGREE = 256
"""n: coefficients of a polynomial, and bits of the shared secret (FIPS 203, §2.4)."""

SEED_BYTES = 32
"""Bytes of the public key that stand for the matrix A (FIPS 203, algorithm 13)."""

CLASSICAL, QUANTUM = 0.292, 0.265
"""Bits a block size costs to sieve, classical and quantum (Kyber specification 3.01, §5.1.2)."""

ROOTS = 128
"""q = 1 modulo this has a number-theoretic transform down to blocks of four coefficients; Kyber's q reaches two."""

LEAST_ETA_1 = 2
"""Below this, secrets are ternary."""

PUBLISHED = (
    ("ML-KEM-512", (2, 3329, 3, 2, 10, 4), 800 + 768, 118, -139),
    ("ML-KEM-768", (3, 3329, 2, 2, 10, 4), 1184 + 1088, 182, -164),
    ("ML-KEM-1024", (4, 3329, 2, 2, 11, 5), 1568 + 1568, 255, -174),
)
"""Name; rank, q, eta_1, eta_2, d_u, d_v; bytes of public key and ciphertext, core-SVP, log2 of the failure rate."""

FLOOR = -400.0
"""log2 of the least failure probability told apart from never."""


class KemParameters(Simulator):
    """The laboratory: parameters of a scheme in, its size, security and failure rate out; no randomness."""

    name = "kem-parameters"
    revision = "1"
    factors: ClassVar = {"rank": "1", "modulus": "1", "eta_1": "1", "eta_2": "1", "d_u": "bit", "d_v": "bit"}
    outcomes_in: ClassVar = {
        "size": "byte",
        "core_svp": "bit",
        "core_svp_without_rounding": "bit",
        "log2_failure": "1",
    }
    possible: ClassVar = {"size": (2.0 * SEED_BYTES, math.inf), "core_svp": (0.0, math.inf), "log2_failure": (FLOOR, 0)}
    """A ciphertext holds at least the 256 bits it carries, a public key the seed."""

    def checks(self) -> Iterator[Check]:
        """Compare Kyber's three parameter sets with their specification."""
        for name, parameters, size, core_svp, log2_failure in PUBLISHED:
            found = self.simulate(dict(zip(self.factors, parameters, strict=True)), np.random.default_rng(0))
            assert not isinstance(found, Failure)
            yield Check(
                say(f"bytes of {name}", f"{name}의 바이트 수"),
                float(found["size"]),
                size,
                0,
                "byte",
                "FIPS 203, table 3",
            )
            for outcome, expected, tolerance in (("core_svp", core_svp, 1.0), ("log2_failure", log2_failure, 1.3)):
                what, unit = say(f"{outcome} of {name}", f"{name}의 {outcome}"), self.outcomes_in[outcome]
                yield Check(what, float(found[outcome]), expected, tolerance, unit, "Kyber specification 3.01, round 3")

    def simulate(self, conditions: Mapping[str, Any], rng: np.random.Generator) -> Mapping[str, float] | Failure:
        """Judge one scheme; nothing is random."""
        del rng
        if any(value != int(value) for value in conditions.values()):
            return infeasible("every parameter is a whole number", "모든 매개변수는 정수입니다")
        rank, q, eta_1, eta_2, d_u, d_v = (int(conditions[name]) for name in self.factors)
        fault = _fault(rank, q, eta_1, eta_2, d_u, d_v)
        if fault is not None:
            return fault
        public_key, ciphertext = sizes(rank, q, d_u, d_v)
        weakest = min(eta_1, eta_2) / 2
        key = block_size(rank, q, eta_1 / 2, eta_1 / 2)
        sent = block_size(rank, q, eta_1 / 2, eta_2 / 2 + variance(rounding(q, d_u)))
        without = block_size(rank, q, weakest, weakest)
        return {
            "size": public_key + ciphertext,
            "core_svp": round(CLASSICAL * min(key, sent), 3),
            "core_svp_without_rounding": round(CLASSICAL * without, 3),
            "log2_failure": round(max(log2_failure(rank, q, eta_1, eta_2, d_u, d_v), FLOOR), 6),
            "public_key_bytes": public_key,
            "ciphertext_bytes": ciphertext,
            "block_size_of_key": key,
            "block_size_of_ciphertext": sent,
            "core_svp_quantum": round(QUANTUM * min(key, sent), 3),
        }


def _fault(rank: int, q: int, eta_1: int, eta_2: int, d_u: int, d_v: int) -> Failure | None:
    """Return why parameters are no scheme, if they are none."""
    if min(rank, eta_2, d_u, d_v) < 1 or q < ROOTS:
        return infeasible("a parameter is too small", "너무 작은 매개변수가 있습니다")
    if eta_1 < LEAST_ETA_1:
        return infeasible(
            "eta_1 < 2 makes ternary secrets, which core-SVP does not judge",
            "eta_1 < 2이면 비밀이 삼진 값이 되어 core-SVP로 평가할 수 없습니다",
        )
    if q % ROOTS != 1 or any(q % p == 0 for p in range(2, math.isqrt(q) + 1)):
        return infeasible(
            f"{q} is no prime with a transform of {ROOTS}th roots", f"{q}은(는) {ROOTS}차 근을 갖는 소수가 아닙니다"
        )
    if max(d_u, d_v) > q.bit_length():
        return infeasible(
            f"a coefficient modulo {q} has {q.bit_length()} bits", f"법 {q}의 계수는 {q.bit_length()}비트입니다"
        )
    return None


def sizes(rank: int, q: int, d_u: int, d_v: int) -> tuple[int, int]:
    """Return the bytes of public key and ciphertext."""
    return SEED_BYTES + DEGREE * rank * q.bit_length() // 8, DEGREE * (rank * d_u + d_v) // 8


# ---- laws: probabilities of the integers -h … h, as an array of 2 h + 1 ----------------------------------------------


def binomial(eta: int) -> FloatArray:
    """Return the centred binomial law: the sum of eta coins less that of eta others."""
    return np.array([math.comb(2 * eta, i) / 4.0**eta for i in range(2 * eta + 1)])


@functools.lru_cache(maxsize=256)
def rounding(q: int, bits: int) -> FloatArray:
    """Return the law of x - Decompress(Compress(x)) modulo q for uniform x (FIPS 203, eqs 4.7 and 4.8)."""
    if bits >= q.bit_length():
        return np.ones(1)
    x = np.arange(q)
    compressed = (((x << (bits + 1)) + q) // (2 * q)) % (1 << bits)
    restored = (compressed * q + (1 << (bits - 1))) >> bits
    error = (x - restored + q // 2) % q - q // 2
    h = int(np.abs(error).max())
    return np.bincount(error + h, minlength=2 * h + 1) / q


def support(law: FloatArray) -> NDArray[np.int64]:
    """Return the integers a law is on."""
    h = len(law) // 2
    return np.arange(-h, h + 1)


def variance(law: FloatArray) -> float:
    """Return a law's second moment, which for the laws here is their variance up to a shift below one half."""
    return float(law @ support(law) ** 2)


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the law of the product of two independent integers."""
    h = (len(a) // 2) * (len(b) // 2)
    values = np.multiply.outer(support(a), support(b)).ravel()
    return np.bincount(values + h, weights=np.outer(a, b).ravel(), minlength=2 * h + 1).astype(np.float64)


def log2_failure(rank: int, q: int, eta_1: int, eta_2: int, d_u: int, d_v: int) -> float:
    """Return log2 of the probability that a decryption fails; -inf if it cannot."""
    secret, error = binomial(eta_1), binomial(eta_2)
    n = DEGREE * rank
    terms = [
        (product(secret, secret), n),
        (product(secret, np.convolve(error, rounding(q, d_u))), n),
        (np.convolve(error, rounding(q, d_v)), 1),
    ]
    tails = [log2_tail(terms, q / 4), log2_tail([(law[::-1], n) for law, n in terms], q / 4)]
    return min(math.log2(DEGREE) + float(np.logaddexp2(tails[0], tails[1])), 0.0)


def log2_tail(terms: list[tuple[FloatArray, int]], bound: float) -> float:
    """Return log2 P(sum >= bound) of independent integers, for a bound above the mean.

    Args:
        terms: laws, and how many integers of each are summed.
        bound: the least value of the tail.
    """
    from scipy.optimize import brentq

    least = math.ceil(bound)
    if sum(n * (len(law) // 2) for law, n in terms) < least:
        return -math.inf

    def tilted(theta: float) -> list[tuple[FloatArray, float]]:
        """Return each law times exp(theta x), normalised, and the log of what it was divided by."""
        found = []
        for law, _ in terms:
            peak = abs(theta) * (len(law) // 2)
            weights = law * np.exp(theta * support(law) - peak)
            found.append((weights / weights.sum(), math.log(weights.sum()) + peak))
        return found

    def excess(theta: float) -> float:
        laws = tilted(theta)
        return sum(n * float(law @ support(law)) for (law, _), (_, n) in zip(laws, terms, strict=True)) - least

    high = 1e-3
    while excess(high) < 0:
        high *= 2
        if high > 1e3:  # noqa: PLR2004  (the bound is the largest value there is, or next to it)
            return -math.inf
    theta = brentq(excess, -1.0 / least, high, xtol=1e-12) if excess(-1.0 / least) < 0 else 0.0
    laws = tilted(theta)
    spread = sum(
        n * (float(law @ support(law) ** 2) - float(law @ support(law)) ** 2)
        for (law, _), (_, n) in zip(laws, terms, strict=True)
    )
    widest = max(len(law) for law, _ in terms)
    size = 1 << math.ceil(math.log2(max(32 * math.sqrt(spread), 4 * widest, 1024)))
    frequencies = np.ones(size // 2 + 1, dtype=np.complex128)
    normaliser = 0.0
    for (law, log_sum), (_, n) in zip(laws, terms, strict=True):
        wrapped = np.zeros(size)
        wrapped[support(law) % size] = law
        frequencies *= np.fft.rfft(wrapped) ** n
        normaliser += n * log_sum
    beyond = np.arange(size // 2)
    around = np.fft.irfft(frequencies, size)[(least + beyond) % size]
    tail = float(np.clip(around, 0.0, None) @ np.exp(-theta * beyond))
    return (normaliser - theta * least + math.log(tail)) / math.log(2) if tail > 0 else -math.inf


# ---- lattices ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def block_size(rank: int, q: int, secret: float, error: float) -> int:
    """Return the least BKZ block size with which the primal attack finds the secret.

    Args:
        rank: k of the module; the lattice has 256 k secret coordinates and the attacker up to 256 (k + 1) equations.
        q: modulus.
        secret: variance of a secret's coefficient.
        error: variance of an error's coefficient.
    """
    n, most = DEGREE * rank, DEGREE * (rank + 1)
    m = np.arange(5, most + 1)
    d = n + m + 1
    log_volume = (m * math.log(q) + n * math.log(error / secret) / 2) / d

    def succeeds(b: int) -> bool:
        log_delta = (math.log(math.pi * b) / b + math.log(b / (2 * math.pi * math.e))) / (2 * b - 2)
        return bool(np.any(math.log(error * b) / 2 <= (2 * b - d - 1) * log_delta + log_volume))

    low, high = 50, n + most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if succeeds(middle) else (middle, high)
    return high

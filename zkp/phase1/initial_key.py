"""A circuit's proving key from powers of tau, before anybody contributed to its delta.

Delta is 1, which everybody knows: such a key proves nothing until phase 2 has changed it. All its
parts and its hash are those of `snarkjs groth16 setup` for the same files.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2
from zkp.curve.msm import add_columns
from zkp.groth16.keys import PUBLICS_MAX, ProvingKey, VerifyingKey
from zkp.groth16.qap import MATRIX_A, coefficients, domain_size
from zkp.r1cs import ConstraintSystem
from zkp.snarkjs.contributions import MpcParams
from zkp.snarkjs.points import g1_uncompressed, g2_uncompressed
from zkp.snarkjs.ptau import InvalidPowers, LagrangeRows, PowersOfTau, lagrange_slice
from zkp.work import QUIET, Work, combined

# snarkjs hashes the differences of powers in whole chunks of this many, even past the last one.
_HASHED_CHUNK = 1 << 14


class _Terms(NamedTuple):
    """For each wire the points, by place, with the coefficients that its points are sums with.

    `out` is beta times the wire's polynomial of A, plus alpha times that of B, plus that of C: over
    the rows of Lagrange points times beta, times alpha, and plain, one after the other.
    """

    a: list[list[tuple[int, int]]]
    b: list[list[tuple[int, int]]]
    out: list[list[tuple[int, int]]]


class UnsuitableCircuit(ValueError):
    """A constraint system that Groth16, or these powers of tau, cannot serve."""


def initial_key(
    system: ConstraintSystem, powers: PowersOfTau, work: Work = QUIET
) -> tuple[ProvingKey, MpcParams]:
    """The key of a system with delta 1, and its history: a circuit hash, no contributions.

    Take the system from a `.r1cs` file: the order of its terms is part of the key. The powers must
    have been verified. Raises `UnsuitableCircuit`, or `InvalidPowers` if they are too few.
    """
    rows = _checked(system, powers)
    domain = domain_size(system)
    wires = _terms(system, domain)
    here = lagrange_slice(domain.bit_length() - 1)
    tau1 = rows.tau1[here]
    points = [*rows.beta1[here], *rows.alpha1[here], *tau1]
    out = combined(work, G1, points, wires.out, "IC and C")
    a, b1 = combined(work, G1, tau1, wires.a, "A"), combined(work, G1, tau1, wires.b, "B in G1")
    b2 = combined(work, G2, rows.tau2[here], wires.b, "B in G2")
    publics = system.publics + 1
    alpha, beta = powers.alpha1[0], powers.beta1[0]
    if alpha is None or beta is None:
        raise InvalidPowers("alpha or beta is the identity: the file was made to fail")
    key = ProvingKey(
        VerifyingKey(alpha, powers.beta2, G2.generator, G2.generator, tuple(out[:publics])),
        beta,
        G1.generator,
        system.wires,
        domain,
        list(coefficients(system)),
        a,
        b1,
        b2,
        c=out[publics:],
        h=rows.tau1[lagrange_slice(domain.bit_length())][1::2],
    )
    key.verifying.check()
    work.step("hashing circuit and powers")
    return key, MpcParams(circuit_hash(key, powers))


def _terms(system: ConstraintSystem, domain: int) -> _Terms:
    count = range(system.wires)
    made = _Terms([[] for _ in count], [[] for _ in count], [[] for _ in count])
    for matrix, row, wire, value in coefficients(system):
        (made.a if matrix == MATRIX_A else made.b)[wire].append((row, value))
        made.out[wire].append((row if matrix == MATRIX_A else domain + row, value))
    for row, constraint in enumerate(system.constraints):
        for wire, value in constraint.c.items():
            made.out[wire].append((2 * domain + row, value))
    return made


def circuit_hash(key: ProvingKey, powers: PowersOfTau) -> bytes:
    """64 bytes that name the circuit, as its key has it, and the powers that the key is from."""
    verifying = key.verifying
    named = hashlib.blake2b()
    named.update(g1_uncompressed(verifying.alpha1) + g1_uncompressed(key.beta1))
    named.update(g2_uncompressed(verifying.beta2) + g2_uncompressed(G2.generator))
    named.update(g1_uncompressed(G1.generator) + g2_uncompressed(G2.generator))
    named.update(_counted(verifying.ic))
    named.update((key.domain - 1).to_bytes(4))
    for part in _differences(key.domain, powers):
        named.update(part)
    for row in (key.c, key.a, key.b1):
        named.update(_counted(row))
    named.update(len(key.b2).to_bytes(4))
    named.update(b"".join(map(g2_uncompressed, key.b2)))
    return named.digest()


def _checked(system: ConstraintSystem, powers: PowersOfTau) -> LagrangeRows:
    """The prepared rows, if circuit and powers go together."""
    if not system.constraints:
        raise UnsuitableCircuit("a circuit without constraints: there is nothing to prove")
    if system.publics > PUBLICS_MAX:
        raise UnsuitableCircuit(f"{system.publics} public signals: expected at most {PUBLICS_MAX}")
    if powers.lagrange is None:
        raise InvalidPowers("these powers of tau are not prepared for phase 2: prepare them first")
    domain = domain_size(system)
    if domain > 1 << powers.power:
        raise UnsuitableCircuit(
            f"the circuit needs {domain:,} rows and the powers of tau have {1 << powers.power:,}: "
            "take a larger file"
        )
    if len(powers.tau1) < domain + _hashed(domain):
        raise UnsuitableCircuit(
            f"a circuit of {domain:,} rows needs powers of tau of one power more than "
            f"{powers.power}: snarkjs's circuit hash reads one point past the last"
        )
    return powers.lagrange


def _hashed(domain: int) -> int:
    """How many differences the circuit hash takes in."""
    chunks = -(-(domain - 1) // _HASHED_CHUNK)
    return domain - 1 if chunks == 1 else chunks * _HASHED_CHUNK


def _differences(domain: int, powers: PowersOfTau) -> Iterator[bytes]:
    """tau^i · (tau^domain - 1), which H is made of, in the form for hashes."""
    for start in range(0, _hashed(domain), _HASHED_CHUNK):
        stop = min(start + _HASHED_CHUNK, _hashed(domain))
        above, below = powers.tau1[domain + start : domain + stop], powers.tau1[start:stop]
        opposite = [None if point is None else G1.negate(point) for point in below]
        differences = add_columns(G1, above, opposite)
        yield b"".join(map(g1_uncompressed, differences))


def _counted(row: Sequence[G1Point | None]) -> bytes:
    return len(row).to_bytes(4) + b"".join(map(g1_uncompressed, row))

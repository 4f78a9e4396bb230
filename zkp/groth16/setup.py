"""Single-party set-up: whoever runs it could keep the secrets and forge proofs.

Good for tests and demonstrations; contracts refuse its keys on a production network. Gamma is 1,
as in keys from a ceremony (Bowe, Gabizon, Miers, eprint 2017/1050).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from zkp.curve.fixed_base import multiples
from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.field import R
from zkp.groth16 import qap
from zkp.groth16.keys import ProvingKey, VerifyingKey
from zkp.r1cs import ConstraintSystem

Point = TypeVar("Point")


@dataclass(frozen=True, repr=False)
class _Secrets:
    """The toxic waste; forgotten when the set-up returns."""

    tau: int
    alpha: int
    beta: int
    delta: int


def setup(
    system: ConstraintSystem, randbelow: Callable[[int], int] = secrets.randbelow
) -> ProvingKey:
    """A key pair for the system; the verifying key is part of the proving key.

    `randbelow(n)` gives a uniform integer in [0, n); tests may pass a seeded one.
    """
    domain = qap.domain_size(system)
    hidden = _draw(randbelow, domain)
    a, b, c = _polynomials_at(hidden.tau, system, domain)
    outs = [
        (hidden.beta * left + hidden.alpha * right + out) % R
        for left, right, out in zip(a, b, c, strict=True)
    ]
    by_delta = pow(hidden.delta, -1, R)
    publics = system.publics + 1
    odd = qap.lagrange_at(hidden.tau, 2 * domain)[1::2]
    parts = (
        [hidden.alpha, hidden.beta, hidden.delta],
        a,
        b,
        outs[:publics],
        [out * by_delta % R for out in outs[publics:]],
        [value * by_delta % R for value in odd],
    )
    points = multiples(G1, G1.generator, [scalar for part in parts for scalar in part])
    ones, a1, b1, ic, c1, h1 = _split(points, [len(part) for part in parts])
    twisted = multiples(G2, G2.generator, [hidden.beta, hidden.delta, *b])
    alpha1, beta1, delta1 = (_finite(point) for point in ones)
    beta2, delta2 = (_finite(point) for point in twisted[:2])
    gamma2: G2Point = G2.generator
    verifying = VerifyingKey(alpha1, beta2, gamma2, delta2, tuple(ic))
    entries = tuple(qap.coefficients(system))
    return ProvingKey(
        verifying, beta1, delta1, system.wires, domain, entries, a1, b1, twisted[2:], c1, h1
    )


def _draw(randbelow: Callable[[int], int], domain: int) -> _Secrets:
    """Four non-zero secrets; tau is no root of unity of the domains in use."""
    while True:
        hidden = _Secrets(*(1 + randbelow(R - 1) for _ in range(4)))
        if pow(hidden.tau, 2 * domain, R) != 1:
            return hidden


def _polynomials_at(
    tau: int, system: ConstraintSystem, domain: int
) -> tuple[list[int], list[int], list[int]]:
    """Each wire's polynomials of A, B and C at the secret point."""
    lagrange = qap.lagrange_at(tau, domain)
    a, b, c = ([0] * system.wires for _ in range(3))
    for entry in qap.coefficients(system):
        column = a if entry.matrix == qap.MATRIX_A else b
        column[entry.wire] += entry.value * lagrange[entry.row]
    for row, constraint in enumerate(system.constraints):
        for wire, value in constraint.c.items():
            c[wire] += value * lagrange[row]
    reduced = ([value % R for value in column] for column in (a, b, c))
    return next(reduced), next(reduced), next(reduced)


def _split(points: Sequence[G1Point | None], lengths: Sequence[int]) -> list[list[G1Point | None]]:
    """The row of points cut into parts of these lengths."""
    rows = []
    start = 0
    for length in lengths:
        rows.append(list(points[start : start + length]))
        start += length
    return rows


def _finite(point: Point | None) -> Point:
    assert point is not None, "a non-zero secret gave the identity"
    return point

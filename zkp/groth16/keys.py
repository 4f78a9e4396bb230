"""Proofs and keys as values. Points are affine; None is a group's identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zkp.curve.ate import g1_is_valid, g2_is_valid
from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point

PUBLICS_MAX = 1 << 10


class InvalidKey(ValueError):
    """A key with points off their curve or subgroup, or with parts that do not fit together."""


class InvalidWitness(ValueError):
    """A witness that does not satisfy the constraint system, or does not fit the key."""


class Proof(NamedTuple):
    """Three points: A and C of G1, B of G2."""

    a: G1Point
    b: G2Point
    c: G1Point


@dataclass(frozen=True)
class VerifyingKey:
    """What a verifier needs; `ic` has one point for the constant and one per public input."""

    alpha1: G1Point
    beta2: G2Point
    gamma2: G2Point
    delta2: G2Point
    ic: tuple[G1Point | None, ...]

    @property
    def publics(self) -> int:
        """How many public inputs a statement has."""
        return len(self.ic) - 1

    def check(self) -> None:
        """Raises `InvalidKey` unless every point lies on its curve and in its subgroup."""
        if not 1 <= len(self.ic) <= PUBLICS_MAX + 1:
            raise InvalidKey(f"{len(self.ic)} IC points: expected 1 to {PUBLICS_MAX + 1}")
        for name, point in (("alpha", self.alpha1), *(("IC", point) for point in self.ic)):
            if not g1_is_valid(point):
                raise InvalidKey(f"{name} is no point of G1: the verification key is damaged")
        for name, twisted in (("beta", self.beta2), ("gamma", self.gamma2), ("delta", self.delta2)):
            if not g2_is_valid(twisted):
                raise InvalidKey(f"{name} is no point of G2: the verification key is damaged")


class Coefficient(NamedTuple):
    """An entry of matrix A (0) or B (1): `value` stands at a row (constraint) and a wire."""

    matrix: int
    row: int
    wire: int
    value: int


@dataclass(frozen=True)
class ProvingKey:
    """What a prover needs, part for part as a `.zkey` holds it.

    `domain` is the power of two of the rows; `c` covers the wires after the public ones; `h` has
    one point per odd power of the root of unity of order 2 · domain (see `zkp.groth16.qap`).
    """

    verifying: VerifyingKey
    beta1: G1Point
    delta1: G1Point
    wires: int
    domain: int
    coefficients: Sequence[Coefficient]
    a: Sequence[G1Point | None]
    b1: Sequence[G1Point | None]
    b2: Sequence[G2Point | None]
    c: Sequence[G1Point | None]
    h: Sequence[G1Point | None]

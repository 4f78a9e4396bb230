"""The verifier: e(A, B) = e(alpha, beta) · e(inputs, gamma) · e(C, delta)."""

from collections.abc import Sequence

from zkp.curve.ate import g1_is_valid, g2_is_valid, pairing_product_is_one
from zkp.curve.g1 import G1
from zkp.curve.msm import multi_scalar_multiply
from zkp.field import R
from zkp.groth16.keys import Proof, VerifyingKey


def verify(key: VerifyingKey, proof: Proof, publics: Sequence[int]) -> bool:
    """Whether the proof shows the statement with these public inputs.

    False for points off their curve or subgroup, for a wrong number of inputs, and for inputs
    not below r: one statement must not have two names. The key must have been checked.
    """
    if len(publics) != key.publics or not all(0 <= value < R for value in publics):
        return False
    if not (g1_is_valid(proof.a) and g2_is_valid(proof.b) and g1_is_valid(proof.c)):
        return False
    return equation_holds(key, proof, publics)


def equation_holds(key: VerifyingKey, proof: Proof, publics: Sequence[int]) -> bool:
    """Whether the equation holds; points, number of inputs and inputs must have been checked."""
    inputs = multi_scalar_multiply(G1, key.ic, (1, *publics))
    return pairing_product_is_one(
        [
            (G1.negate(proof.a), proof.b),
            (key.alpha1, key.beta2),
            (inputs, key.gamma2),
            (proof.c, key.delta2),
        ]
    )

"""Another valid proof of the same statement, made from a proof by whoever sees it.

No witness is needed: so a proof's bytes say nothing about whether its statement was used.
"""

import secrets
from collections.abc import Callable

from zkp.curve.g1 import G1
from zkp.curve.g2 import G2
from zkp.field import R
from zkp.groth16.keys import Proof, VerifyingKey


def rerandomise(
    key: VerifyingKey, proof: Proof, randbelow: Callable[[int], int] = secrets.randbelow
) -> Proof:
    """(A, B, C) becomes (A/x, xB + xy·delta, C + yA), which the equation does not notice."""
    x, y = 1 + randbelow(R - 1), 1 + randbelow(R - 1)
    a = G1.multiply(proof.a, pow(x, -1, R))
    b = G2.add(G2.multiply(proof.b, x), G2.multiply(key.delta2, x * y % R))
    c = G1.add(proof.c, G1.multiply(proof.a, y))
    assert a is not None, "a point of a valid proof is not the identity"
    assert b is not None, "this happens once in r times"
    assert c is not None, "this happens once in r times"
    return Proof(a, b, c)

"""Proofs and keys as the EVM takes them: 256-bit words, G2 coordinates imaginary part first.

EIP-197 puts c1 before c0, where `.zkey` files and snarkjs's JSON put c0 before c1.
"""

from collections.abc import Sequence
from typing import NamedTuple

from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.groth16.keys import Proof, VerifyingKey

G1Words = tuple[int, int]
G2Words = tuple[int, int, int, int]


class ProofWords(NamedTuple):
    """The arguments `uint256[2] a, uint256[4] b, uint256[2] c`."""

    a: G1Words
    b: G2Words
    c: G1Words


class KeyWords(NamedTuple):
    """A verification key as a contract's arguments, in the order of Groth16's equation."""

    alpha: G1Words
    beta: G2Words
    gamma: G2Words
    delta: G2Words
    ic: tuple[G1Words, ...]


def g1_words(point: G1Point | None) -> G1Words:
    """x, y; the identity is 0, 0."""
    return point or (0, 0)


def g2_words(point: G2Point) -> G2Words:
    """x.c1, x.c0, y.c1, y.c0."""
    (x0, x1), (y0, y1) = point
    return x1, x0, y1, y0


def proof_words(proof: Proof) -> ProofWords:
    """A proof as words."""
    return ProofWords(g1_words(proof.a), g2_words(proof.b), g1_words(proof.c))


def proof_of_words(words: ProofWords) -> Proof:
    """The proof that words stand for, unchecked: `verify` answers False for what is wrong."""
    x1, x0, y1, y0 = words.b
    return Proof(words.a, ((x0, x1), (y0, y1)), words.c)


def key_words(key: VerifyingKey) -> KeyWords:
    """A verification key as words."""
    return KeyWords(
        g1_words(key.alpha1),
        g2_words(key.beta2),
        g2_words(key.gamma2),
        g2_words(key.delta2),
        tuple(g1_words(point) for point in key.ic),
    )


def statement_words(key: VerifyingKey, proof: Proof, publics: Sequence[int]) -> tuple[int, ...]:
    """A whole statement in the order that the precompile `groth16_verify` takes it."""
    alpha, beta, gamma, delta, ic = key_words(key)
    a, b, c = proof_words(proof)
    points = (word for point in ic for word in point)
    return (*alpha, *beta, *gamma, *delta, *points, *a, *b, *c, *publics)


def solidity_calldata(proof: Proof, publics: Sequence[int]) -> str:
    """The text of `snarkjs zkey export soliditycalldata`, for tools that paste it."""
    a, b, c = proof_words(proof)
    rows = f"[{_words(b[:2], ', ')},{_words(b[2:], ', ')}]"
    return f"{_words(a, ', ')},{rows},{_words(c, ', ')},{_words(publics, ',')}"


def _words(values: Sequence[int], separator: str) -> str:
    return "[" + separator.join(f'"0x{value:064x}"' for value in values) + "]"

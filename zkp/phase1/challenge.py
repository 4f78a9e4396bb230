"""What contributions to the powers of tau hash and prove: each names all that came before it.

A challenge is the hash of the powers as they stand; a response the hash of that challenge, of the
new powers (short forms) and of the proofs; the next challenge begins with the response.
"""

import hashlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from zkp.curve.g1 import G1, G1Point
from zkp.curve.g2 import G2, G2Point
from zkp.snarkjs.points import (
    g1_compressed,
    g1_uncompressed,
    g2_compressed,
    g2_uncompressed,
)
from zkp.snarkjs.ptau import PowersContribution, PowersOfTau, SecretProof
from zkp.snarkjs.randomness import Randomness, hash_to_g2
from zkp.snarkjs.resumable_blake2b import ResumableBlake2b

_CHUNK = 1 << 12


class Factor(IntEnum):
    """Which of a contribution's secrets a proof is about; part of what it hashes."""

    TAU = 0
    ALPHA = 1
    BETA = 2


class Secrets(NamedTuple):
    """What a contribution multiplies tau, alpha and beta by; whoever keeps them is a danger."""

    tau: int
    alpha: int
    beta: int


def first_challenge(power: int) -> bytes:
    """The challenge of powers that nobody has contributed to: every point is the generator."""
    size = 1 << power
    one1, one2 = g1_uncompressed(G1.generator), g2_uncompressed(G2.generator)
    challenge = hashlib.blake2b(hashlib.blake2b().digest())
    for point, count in ((one1, 2 * size - 1), (one2, size), (one1, 2 * size), (one2, 1)):
        for start in range(0, count, _CHUNK):
            challenge.update(point * min(_CHUNK, count - start))
    return challenge.digest()


def next_challenge(response: bytes, powers: PowersOfTau) -> bytes:
    """The challenge after a response (64 bytes) that gave these powers."""
    challenge = hashlib.blake2b(response)
    for part in _powers(powers, short=False):
        challenge.update(part)
    return challenge.digest()


def response_state(challenge: bytes, powers: PowersOfTau) -> bytes:
    """The state of the response's hash before the proofs are hashed."""
    response = ResumableBlake2b()
    response.update(challenge)
    for part in _powers(powers, short=True):
        response.update(part)
    return response.state()


def response_hash(made: PowersContribution) -> bytes:
    """A contribution's response. Raises `InvalidState` if its file's state is none."""
    response = ResumableBlake2b.from_state(made.response_state)
    proofs = (made.tau, made.alpha, made.beta)
    for proof in proofs:
        response.update(g1_uncompressed(proof.g1_s) + g1_uncompressed(proof.g1_sx))
    for proof in proofs:
        response.update(g2_uncompressed(proof.g2_spx))
    return response.digest()


def proof_base(factor: Factor, challenge: bytes, g1_s: G1Point, g1_sx: G1Point) -> G2Point:
    """The point of G2 that a proof multiplies: it follows from the challenge and the G1 pair."""
    named = bytes((factor,)) + challenge + g1_uncompressed(g1_s) + g1_uncompressed(g1_sx)
    return hash_to_g2(hashlib.blake2b(named).digest())


def draw_secrets(random: Randomness) -> Secrets:
    """Three factors, as snarkjs draws them."""
    return Secrets(*(random.scalar() for _ in Factor))


def prove_secrets(
    secrets: Secrets, challenge: bytes, random: Randomness
) -> tuple[SecretProof, SecretProof, SecretProof]:
    """The proofs, for tau, alpha and beta, that whoever made them knows the factors."""
    tau, alpha, beta = (
        _prove(factor, secret, challenge, random)
        for factor, secret in zip(Factor, secrets, strict=True)
    )
    return tau, alpha, beta


def _prove(factor: Factor, secret: int, challenge: bytes, random: Randomness) -> SecretProof:
    g1_s = random.g1()
    g1_sx = G1.multiply(g1_s, secret)
    assert g1_sx is not None, "zero was drawn"
    g2_spx = G2.multiply(proof_base(factor, challenge, g1_s, g1_sx), secret)
    assert g2_spx is not None, "zero was drawn"
    return SecretProof(g1_s, g1_sx, g2_spx)


def _powers(powers: PowersOfTau, *, short: bool) -> Iterator[bytes]:
    one = g1_compressed if short else g1_uncompressed
    two = g2_compressed if short else g2_uncompressed
    for start in range(0, len(powers.tau1), _CHUNK):
        yield b"".join(map(one, powers.tau1[start : start + _CHUNK]))
    for start in range(0, len(powers.tau2), _CHUNK):
        yield b"".join(map(two, powers.tau2[start : start + _CHUNK]))
    for row in (powers.alpha1, powers.beta1):
        for start in range(0, len(row), _CHUNK):
            yield b"".join(map(one, row[start : start + _CHUNK]))
    yield two(powers.beta2)

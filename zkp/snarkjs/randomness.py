"""How snarkjs draws numbers and points from a seed: what beacons and proofs of knowledge rest on.

A seed of 32 bytes, read as eight big-endian words, keys ChaCha20; field elements are the drawn
words as they stand in Montgomery form, points take x and the sign of y. Everything is repeatable:
a secret contribution's seed must come from the system's own randomness.
"""

import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from zkp.curve.g1 import G1Point, P
from zkp.curve.g2 import G2, TWIST_B, G2Point, fp2_multiply, fp2_root
from zkp.field import R
from zkp.snarkjs.contributions import Beacon
from zkp.snarkjs.points import is_greater, is_greater2
from zkp.snarkjs.sections import InvalidFile

SEED_BYTES = 32
BEACON_EXPONENT_MIN, BEACON_EXPONENT_MAX = 10, 24
"""Rounds of SHA-256 over a beacon, as a power of two: snarkjs's least, and what takes seconds."""

# The twist's order divided by r: it brings any of its points into G2.
G2_COFACTOR = 2 * P - R

_MASK = (1 << 254) - 1
_UNFORM_P, _UNFORM_R = pow(2, -256, P), pow(2, -256, R)
_BLOCK_BYTES = 64


class Randomness:
    """A stream of words from a seed of at least 32 bytes, of which the first 32 count."""

    def __init__(self, seed: bytes) -> None:
        assert len(seed) >= SEED_BYTES, "a seed has 32 bytes"
        words = [seed[start : start + 4] for start in range(0, SEED_BYTES, 4)]
        key = b"".join(word[::-1] for word in words)
        self._cipher = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
        self._block = b""

    def word(self) -> int:
        """The next 32 bits."""
        if not self._block:
            self._block = self._cipher.update(bytes(_BLOCK_BYTES))
        word, self._block = self._block[:4], self._block[4:]
        return int.from_bytes(word, "little")

    def scalar(self) -> int:
        """An element of the scalar field."""
        return self._below(R) * _UNFORM_R % R

    def g1(self) -> G1Point:
        """A point of G1 whose logarithm nobody knows."""
        while True:
            x = self._coordinate()
            greater = bool(self.word() & 1)
            y = pow(square := (x * x * x + 3) % P, (P + 1) // 4, P)
            if y * y % P == square:
                return x, y if is_greater(y) == greater else P - y

    def g2(self) -> G2Point:
        """A point of G2 whose logarithm nobody knows."""
        while True:
            x = (self._coordinate(), self._coordinate())
            greater = bool(self.word() & 1)
            cube = fp2_multiply(fp2_multiply(x, x), x)
            y = fp2_root(((cube[0] + TWIST_B[0]) % P, (cube[1] + TWIST_B[1]) % P))
            if y is not None:
                signed = y if is_greater2(y) == greater else (-y[0] % P, -y[1] % P)
                point = G2.multiply((x, signed), G2_COFACTOR)
                assert point is not None, "a point of the twist of small order was drawn"
                return point

    def _coordinate(self) -> int:
        return self._below(P) * _UNFORM_P % P

    def _below(self, modulus: int) -> int:
        """254 bits, drawn again until they are below the modulus: least 64 bits first."""
        while True:
            value = 0
            for shift in range(0, 256, 64):
                high, low = self.word(), self.word()
                value |= (high << 32 | low) << shift
            if (value & _MASK) < modulus:
                return value & _MASK


def from_system(entropy: str = "") -> Randomness:
    """For a secret contribution: the system's randomness, and what a person typed on top."""
    return Randomness(hashlib.blake2b(secrets.token_bytes(64) + entropy.encode()).digest())


def from_beacon(beacon: Beacon) -> Randomness:
    """For a beacon's contribution: its value under 2^exponent rounds of SHA-256.

    Raises `InvalidFile` for more rounds than `BEACON_EXPONENT_MAX` allows: they would take hours.
    """
    if beacon.iterations_exponent > BEACON_EXPONENT_MAX:
        raise InvalidFile(
            f"a beacon of 2^{beacon.iterations_exponent} rounds: expected at most "
            f"2^{BEACON_EXPONENT_MAX}, which already take seconds"
        )
    seed = beacon.value
    for _ in range(1 << beacon.iterations_exponent):
        seed = hashlib.sha256(seed).digest()
    return Randomness(seed)


def hash_to_g2(digest: bytes) -> G2Point:
    """The point of G2 that a hash of at least 32 bytes stands for."""
    return Randomness(digest).g2()

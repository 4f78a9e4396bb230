"""What a contribution is bound to: everything before it, so that it fits in one place only.

The hash is snarkjs's: BLAKE2b-512 over the circuit's hash, the contributions so far, and the new
one's points of G1.
"""

import hashlib
from collections.abc import Iterable

from zkp.curve.g1 import G1Point
from zkp.snarkjs.contributions import Contribution
from zkp.snarkjs.points import g1_uncompressed, g2_uncompressed


def transcript_of(
    circuit_hash: bytes, before: Iterable[Contribution], g1_s: G1Point, g1_sx: G1Point
) -> bytes:
    """The 64 bytes that a contribution after those `before` must carry."""
    hasher = hashlib.blake2b(circuit_hash)
    for made in before:
        hasher.update(_public(made))
    hasher.update(g1_uncompressed(g1_s) + g1_uncompressed(g1_sx))
    return hasher.digest()


def contribution_hash(made: Contribution) -> bytes:
    """The 64 bytes by which people name a contribution, the same that snarkjs prints."""
    return hashlib.blake2b(_public(made)).digest()


def _public(made: Contribution) -> bytes:
    points = (made.delta_after, made.g1_s, made.g1_sx)
    return b"".join((*map(g1_uncompressed, points), g2_uncompressed(made.g2_spx), made.transcript))

"""EdDSA over Baby Jubjub with Poseidon, as circomlib's `eddsaposeidon` has it.

A private key is 32 random bytes. Messages are field elements: sign a tagged Poseidon hash of what
is meant. Not constant time: sign where nobody can measure, or not with keys that matter.
"""

import secrets
from typing import NamedTuple

from zkp.babyjubjub import (
    BASE,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    InvalidPoint,
    Point,
    add,
    check_point,
    is_on_curve,
    multiply,
)
from zkp.blake512 import blake512
from zkp.field import ELEMENT_BYTES, R, check_element
from zkp.poseidon import poseidon

PRIVATE_KEY_BYTES = 32


class InvalidPrivateKey(ValueError):
    """Bytes that are no private key."""


class Signature(NamedTuple):
    """A commitment point R8 and a scalar s below the subgroup's order."""

    r8: Point
    s: int


def fresh_private_key() -> bytes:
    """32 bytes of the system's randomness. Keep them in a file of mode 600."""
    return secrets.token_bytes(PRIVATE_KEY_BYTES)


def public_key(private_key: bytes) -> Point:
    """The point A of a private key: circomlibjs' `prv2pub`."""
    secret, _ = _expanded(private_key)
    return multiply(BASE, secret // COFACTOR)


def sign(private_key: bytes, message: int) -> Signature:
    """The signature of a field element: circomlibjs' `signPoseidon`. The same each time.

    `InvalidElement` for a message outside [0, r), `InvalidPrivateKey` for a key of another length.
    """
    check_element(message, "message")
    secret, prefix = _expanded(private_key)
    digest = blake512(prefix + message.to_bytes(ELEMENT_BYTES, "little"))
    nonce = int.from_bytes(digest, "little") % SUBGROUP_ORDER
    r8 = multiply(BASE, nonce)
    challenge = poseidon(*r8, *multiply(BASE, secret // COFACTOR), message)
    return Signature(r8, (nonce + challenge * secret) % SUBGROUP_ORDER)


def verify(public: Point, message: int, signature: Signature) -> bool:
    """Whether s·B = R8 + 8·h·A with h = Poseidon(R8, A, message).

    False for points off the curve, s at or above the subgroup's order (a second writing of the same
    signature), a key of small order (which signs everything) and an unreduced message.
    """
    r8, s = signature
    if not (is_on_curve(public) and is_on_curve(r8)) or not 0 <= message < R:
        return False
    if not 0 <= s < SUBGROUP_ORDER or multiply(public, COFACTOR) == IDENTITY:
        return False
    challenge = poseidon(*r8, *public, message)
    return multiply(BASE, s) == add(r8, multiply(public, COFACTOR * challenge))


def check_public_key(public: Point) -> Point:
    """A key as a registry takes it: in the subgroup and not the identity, else `InvalidPoint`."""
    check_point(public, "public key")
    if public == IDENTITY or multiply(public, SUBGROUP_ORDER) != IDENTITY:
        raise InvalidPoint("public key: expected a point of the prime-order subgroup")
    return public


def _expanded(private_key: bytes) -> tuple[int, bytes]:
    """Secret scalar (a multiple of 8, top bit set) and the prefix of nonces (RFC 8032, 5.1.5)."""
    if len(private_key) != PRIVATE_KEY_BYTES:
        raise InvalidPrivateKey(
            f"expected {PRIVATE_KEY_BYTES} bytes of private key, got {len(private_key)}"
        )
    digest = blake512(private_key)
    secret = int.from_bytes(digest[:32], "little") & ~7 & ~(1 << 255) | 1 << 254
    return secret, digest[32:]

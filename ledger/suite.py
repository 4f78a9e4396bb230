"""Crypto suites: a hash and recoverable signatures, chosen at genesis and passed along.

A suite is a value, never a global; `Signer` stands where a private key may live elsewhere.
"""

import os
from typing import Protocol

import coincurve

from ledger.values import Address, Hash32, keccak

SIGNATURE_BYTES = 65
PRIVATE_KEY_BYTES = 32
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1's group (SEC 2, 2.4.1)."""
HALF_CURVE_ORDER = CURVE_ORDER // 2


class InvalidSignature(ValueError):
    """A signature that is malformed, malleable (high s) or recovers to no key."""


class InvalidKey(ValueError):
    """Bytes that are no private key. The message never shows them."""


class Suite(Protocol):
    """What a group's cryptography offers."""

    @property
    def name(self) -> str:
        """The name that genesis carries."""

    def hash(self, data: bytes) -> Hash32:
        """The suite's hash of any bytes."""

    def sign(self, digest: Hash32, private_key: bytes) -> bytes:
        """65 bytes r | s | v over a digest, v 0 or 1, s low; raises InvalidKey."""

    def recover(self, digest: Hash32, signature: bytes) -> Address:
        """The signer's address; raises InvalidSignature."""

    def address_of(self, private_key: bytes) -> Address:
        """The address of a private key; raises InvalidKey."""

    def new_private_key(self) -> bytes:
        """32 fresh bytes from the system's generator."""


class StandardSuite:
    """secp256k1 with recovery and keccak-256: Ethereum's own."""

    name = "standard"

    def hash(self, data: bytes) -> Hash32:
        return keccak(data)

    def sign(self, digest: Hash32, private_key: bytes) -> bytes:
        assert len(digest) == 32
        return _private_key(private_key).sign_recoverable(digest, hasher=None)

    def recover(self, digest: Hash32, signature: bytes) -> Address:
        assert len(digest) == 32
        if len(signature) != SIGNATURE_BYTES:
            raise InvalidSignature(
                f"expected {SIGNATURE_BYTES} bytes r | s | v, got {len(signature)}"
            )
        if signature[64] > 1:
            raise InvalidSignature(f"expected v to be 0 or 1, got {signature[64]}")
        if int.from_bytes(signature[32:64]) > HALF_CURVE_ORDER:
            raise InvalidSignature("s lies in the upper half of the order: sign with low s (EIP-2)")
        try:
            key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
        except Exception as error:  # coincurve raises bare Exception for an unrecoverable pair
            raise InvalidSignature("no public key fits this signature and digest") from error
        return _address(key)

    def address_of(self, private_key: bytes) -> Address:
        return _address(_private_key(private_key).public_key)

    def new_private_key(self) -> bytes:
        while True:
            key = os.urandom(PRIVATE_KEY_BYTES)
            if 0 < int.from_bytes(key) < CURVE_ORDER:
                return key


def _private_key(private_key: bytes) -> coincurve.PrivateKey:
    if len(private_key) != PRIVATE_KEY_BYTES:
        raise InvalidKey(f"expected {PRIVATE_KEY_BYTES} bytes, got {len(private_key)}")
    if not 0 < int.from_bytes(private_key) < CURVE_ORDER:
        raise InvalidKey("the key is zero or not below the order of the curve")
    return coincurve.PrivateKey(private_key)


def _address(key: coincurve.PublicKey) -> Address:
    return Address(keccak(key.format(compressed=False)[1:])[12:])


STANDARD: Suite = StandardSuite()
_SUITES = {STANDARD.name: STANDARD}


def suite_named(name: str) -> Suite:
    """The suite that genesis names; raises ValueError naming those known."""
    try:
        return _SUITES[name]
    except KeyError:
        known = ", ".join(sorted(_SUITES))
        raise ValueError(f"unknown crypto suite {name!r}: this build knows {known}") from None


class Signer(Protocol):
    """Whoever signs for one address: a key in memory or a device."""

    @property
    def address(self) -> Address:
        """The address that `sign` answers for."""

    def sign(self, digest: Hash32) -> bytes:
        """65 bytes r | s | v over a digest."""


class KeySigner:
    """A signer with its private key in memory; neither repr nor str shows it."""

    def __init__(self, suite: Suite, private_key: bytes) -> None:
        self._suite = suite
        self._private_key = private_key
        self.address = suite.address_of(private_key)

    def sign(self, digest: Hash32) -> bytes:
        return self._suite.sign(digest, self._private_key)

    def __repr__(self) -> str:
        return f"KeySigner(0x{self.address.hex()})"

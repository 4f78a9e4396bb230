"""Details for one receiver, encrypted off chain: HPKE (RFC 9180) to the key it registered.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, base mode. The sender is vouched for by the
transaction that puts the digest on chain, not by the envelope; `info` binds both to one transfer.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from ledger.codec import encode
from ledger.private_file import ExposedFile, read_private
from ledger.values import Hash32, keccak
from workflows.workspace import opened_content, write_secret
from workflows.workspace_seal import SealProblem

plaintext_bytes_max = 512 * 1024
overhead_bytes = 32 + 16  # the encapsulated key, and the tag of AES-GCM
key_bytes = 32
file_bytes_max = 1_024

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_DOMAIN = b"quorate equity envelope 1"


class InvalidEnvelope(ValueError):
    """An envelope that does not open: another receiver's, another transfer's, or altered."""


class InvalidEnvelopeKey(ValueError):
    """A key file or public key that is not X25519. The message never shows it."""


@dataclass(frozen=True)
class Route:
    """What an envelope is bound to: the group's genesis hash, both organisations, the transfer."""

    group: Hash32
    sender: str
    receiver: str
    transfer_id: bytes

    @property
    def info(self) -> bytes:
        """HPKE's `info`: RLP of the domain and the route, so no two routes share one."""
        parts = (_DOMAIN, self.group, self.sender.encode(), self.receiver.encode())
        return encode((*parts, self.transfer_id))


def seal(plaintext: bytes, receiver_key: bytes, route: Route) -> bytes:
    """Encrypt for the 32-byte public key: encapsulated key, ciphertext, tag."""
    if len(plaintext) > plaintext_bytes_max:
        raise InvalidEnvelope(
            f"expected at most {plaintext_bytes_max} bytes to seal, got {len(plaintext)}"
        )
    return _SUITE.encrypt(plaintext, _public_key(receiver_key), route.info)


def unseal(ciphertext: bytes, private_key: bytes, route: Route) -> bytes:
    """Decrypt with the receiver's 32-byte private key. Raises `InvalidEnvelope`."""
    if not overhead_bytes <= len(ciphertext) <= plaintext_bytes_max + overhead_bytes:
        raise InvalidEnvelope(f"envelope: {len(ciphertext)} bytes can be none; ask for it again")
    try:
        return _SUITE.decrypt(ciphertext, _private_key(private_key), route.info)
    except InvalidTag:
        raise InvalidEnvelope(
            "envelope does not open: altered, for another receiver or of another transfer; "
            "compare its digest with the chain and ask the sender again"
        ) from None


def digest(ciphertext: bytes) -> Hash32:
    """The digest that goes on chain: keccak-256 of the whole envelope."""
    return keccak(ciphertext)


def new_private_key() -> bytes:
    """A fresh X25519 private key, 32 bytes."""
    return os.urandom(key_bytes)


def public_key_of(private_key: bytes) -> bytes:
    """The 32-byte public key to register on chain."""
    return _private_key(private_key).public_key().public_bytes_raw()


def save_private_key(path: Path, private_key: bytes) -> None:
    """Write the key as hexadecimal, mode 600."""
    write_secret(path, private_key.hex().encode() + b"\n")


def load_private_key(path: Path) -> bytes:
    """Read a key that `save_private_key` wrote; refuses a file that others may read."""
    try:
        data = opened_content(path, read_private(path, file_bytes_max))
        key = bytes.fromhex(data.decode("ascii").strip())
    except SealProblem as error:
        raise InvalidEnvelopeKey(str(error)) from error
    except ExposedFile as error:
        raise InvalidEnvelopeKey(f"the key {error}") from error
    except ValueError:
        key = b""
    if len(key) != key_bytes:
        raise InvalidEnvelopeKey(f"{path.name}: expected {key_bytes} bytes in hexadecimal")
    return key


def _private_key(raw: bytes) -> X25519PrivateKey:
    if len(raw) != key_bytes:
        raise InvalidEnvelopeKey(f"expected a private key of {key_bytes} bytes, got {len(raw)}")
    return X25519PrivateKey.from_private_bytes(raw)


def _public_key(raw: bytes) -> X25519PublicKey:
    if len(raw) != key_bytes or not any(raw):
        raise InvalidEnvelopeKey(
            "expected the receiver's public key of 32 bytes; have it registered on chain"
        )
    return X25519PublicKey.from_public_bytes(raw)

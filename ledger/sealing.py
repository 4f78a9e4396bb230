"""Sealing of what a node keeps: AES-SIV (RFC 5297) under keys derived for each purpose.

Deterministic, so there is no nonce that a restored backup or a copied disk could repeat. What that
shows is whether one entry has the same value again. Which files are sealed is not said here.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_KEY_BYTES = 32
SEAL_BYTES = 16
"""By how much a sealed value is longer than the value."""
_SIV_KEY_BYTES = 64
_TAG = b"quorate/sealed/1/"
_CHECK, _ENTRY = b"check", b"entry"


class BrokenSeal(Exception):
    """A sealed value that does not open: it was altered, moved, or sealed under another key."""


class WrongSealKey(Exception):
    """What is on disk was sealed under another key, or is not sealed while a key was given."""


class Sealer:
    """Seals values of one purpose; `repr` shows no key."""

    def __init__(self, master_key: bytes, purpose: bytes) -> None:
        """`purpose` separates: what was sealed for one does not open for another."""
        assert len(master_key) == MASTER_KEY_BYTES
        derived = HKDF(SHA512(), _SIV_KEY_BYTES, salt=None, info=_TAG + purpose)
        self._cipher = AESSIV(derived.derive(master_key))
        self.check_word = self._cipher.encrypt(b"", [_CHECK])
        """16 bytes by which a file says under which key it is sealed."""

    def seal(self, value: bytes, name: bytes) -> bytes:
        """The value, SEAL_BYTES longer, bound to the name of its entry."""
        return self._cipher.encrypt(value, [_ENTRY, name])

    def open(self, sealed: bytes, name: bytes) -> bytes:
        """The value; raises BrokenSeal."""
        try:
            return self._cipher.decrypt(sealed, [_ENTRY, name])
        except (InvalidTag, ValueError) as error:
            raise BrokenSeal("altered, or sealed under another key") from error

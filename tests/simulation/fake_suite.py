"""A crypto suite for simulations: keyed hashes instead of curves. Fast, and worth nothing outside.

A signature is the signer's address and a hash that only `sign` makes; nobody in a simulation calls
it with another's key, so forging is out of reach there as it is with a real suite.
"""

from functools import cache, lru_cache
from hashlib import blake2b

from ledger.suite import InvalidSignature
from ledger.values import Address, Hash32

_MAC_BYTES = 45
_MACS_REMEMBERED_MAX = 4_096
"""What is signed is soon verified."""


class FakeSuite:
    """Private keys are 32 bytes; an address is the end of its key's hash."""

    name = "fake"

    def hash(self, data: bytes) -> Hash32:
        return Hash32(blake2b(data, digest_size=32).digest())

    def sign(self, digest: Hash32, private_key: bytes) -> bytes:
        address = self.address_of(private_key)
        return address + _mac(address, digest)

    def recover(self, digest: Hash32, signature: bytes) -> Address:
        address = Address(signature[:20])
        if signature[20:] != _mac(address, digest):
            raise InvalidSignature("the hash does not fit the digest")
        return address

    @cache  # noqa: B019 - there is one suite, for good
    def address_of(self, private_key: bytes) -> Address:
        return Address(self.hash(private_key)[-20:])

    def new_private_key(self) -> bytes:
        raise NotImplementedError("keys of a simulation are numbered: see key_of")


def key_of(number: int) -> bytes:
    """The private key of node `number`."""
    return number.to_bytes(32)


@lru_cache(_MACS_REMEMBERED_MAX)
def _mac(address: Address, digest: Hash32) -> bytes:
    return blake2b(digest, key=b"simulation" + address, digest_size=_MAC_BYTES).digest()


FAKE = FakeSuite()

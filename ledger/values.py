"""The smallest values: addresses, hashes and the well-known empty ones.

Types only; nothing here computes more than a hash. Sizes and text forms are checked at the parsers.
"""

from typing import NewType

import sha3

Address = NewType("Address", bytes)
Hash32 = NewType("Hash32", bytes)
AccessList = tuple[tuple[Address, tuple[int, ...]], ...]
"""Addresses with storage slots (EIP-2930)."""

ADDRESS_BYTES = 20
HASH_BYTES = 32

ZERO_ADDRESS = Address(bytes(ADDRESS_BYTES))
ZERO_HASH = Hash32(bytes(HASH_BYTES))


class InvalidValue(ValueError):
    """A text or a byte string that is not the value it should be."""


def keccak(data: bytes) -> Hash32:
    """Keccak-256, Ethereum's hash: block, transaction and trie hashes use it in every suite."""
    return Hash32(sha3.keccak_256(data).digest())


EMPTY_CODE_HASH = keccak(b"")
EMPTY_TRIE_ROOT = keccak(b"\x80")
"""Root of an empty trie: the hash of RLP's empty string."""
EMPTY_OMMERS_HASH = keccak(b"\xc0")
"""Hash of RLP's empty list."""


def to_hex(data: bytes) -> str:
    """Bytes as `0x` and lower-case hex digits."""
    return "0x" + data.hex()


def from_hex(text: str, *, size: int | None = None) -> bytes:
    """Bytes of a `0x…` text, of `size` bytes if given; raises InvalidValue."""
    if not isinstance(text, str) or not text.startswith("0x"):
        raise InvalidValue(f"expected hex digits after 0x, got {text!r:.80}")
    try:
        data = bytes.fromhex(text[2:])
    except ValueError as error:
        raise InvalidValue(f"expected hex digits after 0x, got {text!r:.80}") from error
    if len(data) * 2 != len(text) - 2:
        raise InvalidValue(f"expected hex digits without blanks, got {text!r:.80}")
    if size is not None and len(data) != size:
        raise InvalidValue(f"expected {size} bytes, got {len(data)}: {text!r:.80}")
    return data


def address_from_hex(text: str) -> Address:
    """The address of a `0x…` text of 20 bytes, in any letter case; raises InvalidValue."""
    return Address(from_hex(text, size=ADDRESS_BYTES))


def hash_from_hex(text: str) -> Hash32:
    """The hash of a `0x…` text of 32 bytes; raises InvalidValue."""
    return Hash32(from_hex(text, size=HASH_BYTES))


def checksum_address(address: Address) -> str:
    """An address in the mixed-case form of EIP-55, as wallets show it."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit
        for digit, mark in zip(digits, marks, strict=False)
    )

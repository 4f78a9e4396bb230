"""Modular exponentiation, precompile 5 (EIP-198 with the gas of EIP-2565).

py-evm 0.12 answers 0 for an empty base, where x to the power of 0 is 1; engines must agree.
"""

from ledger.engine import Precompile
from ledger.values import Address

MODEXP_ADDRESS = Address((5).to_bytes(20))
GAS_MIN = 200
_HEADER_BYTES = 96
_WORD_BYTES = 8
_GAS_DIVISOR = 3


def _sizes(data: bytes) -> tuple[int, int, int]:
    header = data[:_HEADER_BYTES].ljust(_HEADER_BYTES, b"\0")
    return (
        int.from_bytes(header[:32]),
        int.from_bytes(header[32:64]),
        int.from_bytes(header[64:]),
    )


def _part(data: bytes, start: int, size: int) -> int:
    """The integer in `size` bytes from `start`; what lies beyond the data is zero."""
    found = data[start : start + size]
    return int.from_bytes(found) << 8 * (size - len(found))


def modexp_gas(data: bytes) -> int:
    """Gas for an input, before any of its numbers is read (EIP-2565)."""
    base_bytes, exponent_bytes, modulus_bytes = _sizes(data)
    head = _part(data, _HEADER_BYTES + base_bytes, min(exponent_bytes, 32))
    steps = 8 * max(exponent_bytes - 32, 0) + max(head.bit_length() - 1, 0)
    words = (max(base_bytes, modulus_bytes) + _WORD_BYTES - 1) // _WORD_BYTES
    return max(GAS_MIN, words**2 * max(steps, 1) // _GAS_DIVISOR)


def modexp(data: bytes) -> bytes:
    """base ** exponent % modulus in as many bytes as the modulus has; 0 for a modulus of 0.

    Call it only for inputs whose gas was paid: sizes are bounded by nothing else.
    """
    base_bytes, exponent_bytes, modulus_bytes = _sizes(data)
    if modulus_bytes == 0:
        return b""
    exponent_start = _HEADER_BYTES + base_bytes
    modulus = _part(data, exponent_start + exponent_bytes, modulus_bytes)
    if modulus == 0:
        return bytes(modulus_bytes)
    base = _part(data, _HEADER_BYTES, base_bytes)
    exponent = _part(data, exponent_start, exponent_bytes)
    return pow(base, exponent, modulus).to_bytes(modulus_bytes)


MODEXP = Precompile(modexp_gas, modexp)

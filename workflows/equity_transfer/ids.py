"""Ids of attestations and transfers: 128 random bits, shown as 0x and 32 hexadecimal digits."""

import secrets

from contracts.bindings.equity import ID_BYTES

NO_ID = bytes(ID_BYTES)


class InvalidId(ValueError):
    """A text that is no id of a transfer or attestation."""


def new_id() -> bytes:
    """A fresh id; it says nothing about what it names."""
    return secrets.token_bytes(ID_BYTES)


def parse_id(text: str) -> bytes:
    """An id as people pass it on, with or without 0x. Raises `InvalidId`."""
    digits = text.strip().lower().removeprefix("0x")
    if len(digits) != 2 * ID_BYTES or any(c not in "0123456789abcdef" for c in digits):
        raise InvalidId(f"expected an id of {2 * ID_BYTES} hexadecimal digits, got {text[:40]!r}")
    return bytes.fromhex(digits)


def show_id(value: bytes) -> str:
    """An id as people pass it on."""
    return "0x" + value.hex()

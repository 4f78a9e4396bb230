"""Hexadecimal forms of execution-apis: quantities (`0x0`, no leading zeros) and data (whole bytes).

Parsers are strict and say what was wrong; formatters take plain integers and bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .errors import invalid_parameters

T = TypeVar("T")

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
QUANTITY_BITS_MAX = 256
SHOWN_CHARACTERS_MAX = 80


def quantity(value: int) -> str:
    """An integer as a quantity.

    >>> quantity(0), quantity(1024)
    ('0x0', '0x400')
    """
    assert value >= 0
    return hex(value)


def data(value: bytes) -> str:
    """Bytes as data: two digits each.

    >>> data(b""), data(bytes([1]))
    ('0x', '0x01')
    """
    return "0x" + value.hex()


def shown(value: Any) -> str:
    """A caller's value for an error message, cut to a bounded length."""
    text = repr(value)
    if len(text) > SHOWN_CHARACTERS_MAX:
        return f"{text[:SHOWN_CHARACTERS_MAX]}… ({len(text)} characters)"
    return text


def _digits(name: str, value: Any, form: str) -> str:
    if not isinstance(value, str):
        raise invalid_parameters(f"{name}: expected {form}, got {shown(value)}")
    if not value.startswith("0x"):
        raise invalid_parameters(f"{name}: expected {form} starting with 0x, got {shown(value)}")
    digits = value[2:]
    if not _HEX_DIGITS.issuperset(digits):
        raise invalid_parameters(f"{name}: not hexadecimal: {shown(value)}")
    return digits


def parse_quantity(name: str, value: Any, *, bits_max: int = QUANTITY_BITS_MAX) -> int:
    """A quantity: `0x` and the fewest digits, at least one."""
    digits = _digits(name, value, "a quantity")
    if not digits:
        raise invalid_parameters(f"{name}: a quantity has a digit; zero is 0x0")
    if len(digits) > 1 and digits[0] == "0":
        raise invalid_parameters(f"{name}: a quantity has no leading zeros, got {shown(value)}")
    if len(digits) * 4 > bits_max + 3 or int(digits, 16) >> bits_max:
        raise invalid_parameters(f"{name}: over {bits_max} bits: {shown(value)}")
    return int(digits, 16)


def parse_data(name: str, value: Any, *, bytes_max: int | None = None) -> bytes:
    """Data of any length up to a bound, in whole bytes."""
    if isinstance(value, str) and value.startswith("0x") and value.isascii():
        with contextlib.suppress(ValueError):
            found = bytes.fromhex(value[2:])
            # It skips blanks, which are no digits here; and what is wrong is said below.
            if 2 * len(found) + 2 == len(value) and (bytes_max is None or len(found) <= bytes_max):
                return found
    digits = _digits(name, value, "data")
    if len(digits) % 2:
        raise invalid_parameters(
            f"{name}: data has two digits a byte, got {len(digits)}: {shown(value)}"
        )
    if bytes_max is not None and len(digits) > 2 * bytes_max:
        raise invalid_parameters(f"{name}: {len(digits) // 2} bytes, at most {bytes_max} are taken")
    return bytes.fromhex(digits)


def parse_fixed(name: str, value: Any, size: int) -> bytes:
    """Data of exactly `size` bytes."""
    digits = _digits(name, value, f"{size} bytes of data")
    if len(digits) != 2 * size:
        raise invalid_parameters(
            f"{name}: expected {size} bytes ({2 * size} digits after 0x), got {len(digits)} digits"
        )
    return bytes.fromhex(digits)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A parameter's type: how to parse it, and its JSON schema for the OpenRPC document."""

    parse: Callable[[str, Any], T]
    schema: dict[str, Any]


def _parse_boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid_parameters(f"{name}: expected true or false, got {shown(value)}")
    return value


def _parse_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_parameters(f"{name}: expected a string, got {shown(value)}")
    return value


def _parse_slot(name: str, value: Any) -> int:
    """Storage keys come as 32 bytes or as a quantity: clients send both."""
    if isinstance(value, str) and len(value) == 66:
        return int.from_bytes(parse_fixed(name, value, 32), "big")
    return parse_quantity(name, value)


QUANTITY_SCHEMA: dict[str, Any] = {
    "title": "quantity",
    "type": "string",
    "pattern": "^0x(0|[1-9a-f][0-9a-f]{0,63})$",
}
DATA_SCHEMA: dict[str, Any] = {"title": "data", "type": "string", "pattern": "^0x([0-9a-f]{2})*$"}
ADDRESS_SCHEMA: dict[str, Any] = {
    "title": "address",
    "type": "string",
    "pattern": "^0x[0-9a-fA-F]{40}$",
}
HASH_SCHEMA: dict[str, Any] = {
    "title": "32 bytes",
    "type": "string",
    "pattern": "^0x[0-9a-f]{64}$",
}

QUANTITY: Kind[int] = Kind(parse_quantity, QUANTITY_SCHEMA)
DATA: Kind[bytes] = Kind(parse_data, DATA_SCHEMA)
ADDRESS: Kind[bytes] = Kind(lambda name, value: parse_fixed(name, value, 20), ADDRESS_SCHEMA)
HASH: Kind[bytes] = Kind(lambda name, value: parse_fixed(name, value, 32), HASH_SCHEMA)
SLOT: Kind[int] = Kind(_parse_slot, {"oneOf": [HASH_SCHEMA, QUANTITY_SCHEMA]})
BOOLEAN: Kind[bool] = Kind(_parse_boolean, {"type": "boolean"})
TEXT: Kind[str] = Kind(_parse_text, {"type": "string"})

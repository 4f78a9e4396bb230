"""Revert data in words: `Error(string)`, `Panic(uint256)`, custom errors by selector.

Solidity's ABI specification, "Panic via assert and Error via require"; Vyper uses the same.
"""

from __future__ import annotations

from .errors import EXECUTION_REVERTED, RpcError
from .values import data

_ERROR_SELECTOR = bytes.fromhex("08c379a0")
_PANIC_SELECTOR = bytes.fromhex("4e487b71")
REASON_CHARACTERS_MAX = 1024
_PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "conversion to an enum of an unknown value",
    0x22: "storage byte array wrongly encoded",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory",
    0x51: "call of a zero function pointer",
}


def said_in(output: bytes) -> str | None:
    """The words of an `Error(string)` or a `Panic(uint256)`, None for any other revert data."""
    # Imported where it is needed: a third of a second that no start of a node should wait for.
    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    selector, body = output[:4], output[4:]
    try:
        if selector == _ERROR_SELECTOR:
            return str(decode(["string"], body)[0])[:REASON_CHARACTERS_MAX]
        if selector == _PANIC_SELECTOR:
            code = int(decode(["uint256"], body)[0])
            return f"panic 0x{code:02x} ({_PANICS.get(code, 'unknown')})"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        pass
    return None


def reason_of(output: bytes) -> str | None:
    """What a revert says, None if it says nothing that can be read."""
    said, selector = said_in(output), output[:4]
    if said is not None or selector in (_ERROR_SELECTOR, _PANIC_SELECTOR):
        return said
    return f"custom error 0x{selector.hex()}" if len(selector) == 4 else None


def reverted(output: bytes) -> RpcError:
    """The error of an execution that reverted: code 3, the reason in words, the bytes as data."""
    reason = reason_of(output)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    return RpcError(EXECUTION_REVERTED, message, data(output))

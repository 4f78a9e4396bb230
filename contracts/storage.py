"""Vyper's storage rules: in which slot a value stands.

A map's value stands at keccak256(slot ++ key), nested maps apply it again, a struct's fields and
an array's elements follow each other, a dynamic array's length comes first.
"""

from collections.abc import Sequence

from ledger.values import keccak


def value_slot(slot: int, *keys: int | bytes) -> int:
    """Slot of a map's value; `bytes` keys are `bytesN`, which Vyper aligns to the left."""
    for key in keys:
        word = key.to_bytes(32, "big") if isinstance(key, int) else key.ljust(32, b"\0")
        slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + word), "big")
    return slot


def address_key(address: bytes) -> int:
    """An address as a map's key: aligned to the right, like an integer."""
    assert len(address) == 20
    return int.from_bytes(address, "big")


def array_slots(slot: int, elements: Sequence[int]) -> dict[int, int]:
    """Slots of a dynamic array of one-word elements."""
    return {slot: len(elements)} | {slot + 1 + index: value for index, value in enumerate(elements)}

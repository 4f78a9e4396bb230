"""In which slots the equity transfer's records stand, by the compiler's layout and ABI.

Vyper packs nothing: each field of a struct takes one slot.
"""

from contracts.bindings.equity import REFUSALS_MAX, SOURCE
from contracts.compiler import compile_source
from contracts.storage import value_slot

Slots = dict[str, int]
"""Slots by names such as `application.status` or `refusal 0.code`."""


def _fields(variable: str) -> list[str]:
    """The fields of the struct that a public map's getter answers with."""
    for item in compile_source(SOURCE).abi:
        if item["type"] == "function" and item["name"] == variable:
            return [component["name"] for component in item["outputs"][0]["components"]]
    raise AssertionError(f"the contract has no getter '{variable}'")


def _struct(name: str, variable: str, *keys: int | bytes) -> Slots:
    first = value_slot(compile_source(SOURCE).layout[variable].slot, *keys)
    return {f"{name}.{field}": first + place for place, field in enumerate(_fields(variable))}


def record_slots(transfer: bytes, attestation: bytes) -> Slots:
    """Every slot that the contract has for a transfer and its attestation, envelopes apart."""
    slots = _struct("attestation", "attestations", attestation)
    slots |= _struct("application", "applications", transfer)
    for place in range(REFUSALS_MAX):
        slots |= _struct(f"refusal {place}", "refusals", transfer, place)
    return slots


def envelope_slots(digest: bytes) -> Slots:
    """The slots of one envelope's record."""
    return _struct("envelope", "envelopes", digest)

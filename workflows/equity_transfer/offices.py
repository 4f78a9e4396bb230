"""Organisations by number, and the one an account is of, as the genesis document has them.

For showing names without a network; accounts that were added later are not known here.
"""

from contracts.compiler import compile_source
from contracts.storage import address_key, value_slot
from ledger.gate import GATE_CONTRACT, decode_permission
from ledger.genesis import Genesis
from ledger.values import Address, to_hex


def organisation_labels(genesis: Genesis) -> dict[int, dict[str, str]]:
    """Name and Chinese label of each organisation, by its number in the gate."""
    layout = compile_source("system/accounts.vy").layout
    slots = _gate_slots(genesis)
    labels = {entry.name: entry.label_zh for entry in genesis.organisations}
    found = {}
    for number in range(1, slots.get(layout["organisation_count"].slot, 0) + 1):
        word = slots.get(value_slot(layout["organisations"].slot, number), 0)
        name = word.to_bytes(32, "big").rstrip(b"\0").decode("utf-8", "replace")
        found[number] = {"name": name, "label": labels.get(name, "")}
    return found


def account_office(genesis: Genesis, account: Address) -> int:
    """The number of an account's organisation at genesis, 0 if it was added later."""
    layout = compile_source("system/accounts.vy").layout
    slot = value_slot(layout["permissions"].slot, address_key(account))
    return decode_permission(_gate_slots(genesis).get(slot, 0)).organisation


def _gate_slots(genesis: Genesis) -> dict[int, int]:
    entry = genesis.alloc[to_hex(GATE_CONTRACT)]
    return {int(slot, 16): int(value, 16) for slot, value in entry.storage.items()}

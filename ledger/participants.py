"""Which nodes take part in a group, read from the gate's storage: those admitted, and key holders.

Names only (`org/name`), as the group's organisations voted them in. Whether a node's certificate
is good, and where it listens, is the network's concern.
"""

from ledger.gate import (
    CONSENSUS_KEYS_SLOT,
    GATE_CONTRACT,
    NODES_MAX,
    NODES_SLOT,
    ORGANISATION_COUNT_SLOT,
    ORGANISATIONS_SLOT,
    StorageReader,
    map_slot,
)
from ledger.values import Address

ORGANISATIONS_MAX = 128
NODE_WORDS = 2
"""A node's entry in the list: its organisation's number, its name."""


def admitted_nodes(state: StorageReader) -> dict[str, str]:
    """Node id to organisation of every node that the group's list names, in the list's order."""
    length = min(state.storage(GATE_CONTRACT, NODES_SLOT), NODES_MAX)
    found: dict[str, str] = {}
    for index in range(length):
        slot = NODES_SLOT + 1 + NODE_WORDS * index
        entry = _node(state, slot)
        if entry is not None:
            found[entry[0]] = entry[1]
    return found


def key_holder(state: StorageReader, key: Address) -> tuple[str, str] | None:
    """Node id and organisation that declared a consensus key; None for a key never declared."""
    return _node(state, map_slot(CONSENSUS_KEYS_SLOT, int.from_bytes(key)))


def is_nodes_slot(slot: int) -> bool:
    """Whether a write to this slot of the gate changes the list of nodes."""
    return NODES_SLOT <= slot <= NODES_SLOT + NODE_WORDS * NODES_MAX


def organisation_name(state: StorageReader, number: int) -> str:
    """The short name of organisation `number` (from 1); empty if there is none."""
    return _text(state.storage(GATE_CONTRACT, map_slot(ORGANISATIONS_SLOT, number)))


def organisation_numbers(state: StorageReader) -> dict[str, int]:
    """Short names of the gate's organisations with their numbers, from 1 on."""
    count = min(state.storage(GATE_CONTRACT, ORGANISATION_COUNT_SLOT), ORGANISATIONS_MAX)
    return {organisation_name(state, number): number for number in range(1, count + 1)}


def node_name_word(name: str) -> int:
    """A node's name as the gate keeps it: UTF-8, padded with zeros; at most 32 bytes."""
    return int.from_bytes(name.encode().ljust(32, b"\0"))


def _node(state: StorageReader, slot: int) -> tuple[str, str] | None:
    number = state.storage(GATE_CONTRACT, slot)
    organisation = organisation_name(state, number) if number else ""
    name = _text(state.storage(GATE_CONTRACT, slot + 1))
    return (f"{organisation}/{name}", organisation) if organisation and name else None


def _text(word: int) -> str:
    # The contract does not check names: what is no UTF-8 names no node that could connect.
    return word.to_bytes(32).rstrip(b"\0").decode("utf-8", errors="replace")

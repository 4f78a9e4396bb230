"""What block H + 1 of a recovered group writes into the gate, before its transactions.

The same on every replica and engine: slots computed from the state after H and the certificate.
"""

from ledger.commitment import commit
from ledger.gate import (
    CHANGED_AT_SLOT,
    CONSENSUS_KEYS_SLOT,
    GATE_CONTRACT,
    NODES_MAX,
    NODES_SLOT,
    VALIDATORS_SLOT,
    contract_validators,
    map_slot,
    parameter_slot,
)
from ledger.parameters import NUMBERS, Parameters
from ledger.participants import NODE_WORDS, node_name_word, organisation_numbers
from ledger.recovery import InvalidRecovery, Recovery
from ledger.state import StateReader, Writes
from ledger.upgrade import cleared_schedule, scheduled_upgrade
from ledger.values import Address

_ORGANISATION, _NODE, _READY, _RETIRED = range(4)
"""Words of a consensus key's entry, from its slot on."""


def recovery_writes(state: StateReader, recovery: Recovery, in_force: Parameters) -> Writes:
    """The new list, its keys and nodes, and no pending change, complete with trie nodes.

    in_force: the parameters of block H, which stay.
    """
    slots = recovery_slots(state, recovery) | _parameters(state, in_force) | _upgrade(state)
    account = state.account(GATE_CONTRACT)
    assert account is not None, "genesis puts the gate there"
    return commit(
        state,
        accounts={GATE_CONTRACT: account},
        storage={GATE_CONTRACT: slots},
        codes={},
        cleared=frozenset(),
    )


def recovery_slots(state: StateReader, recovery: Recovery) -> dict[int, int]:
    """Slot to word: keys that go are retired, those that come are ready, their nodes admitted."""
    before = contract_validators(state)
    members = recovery.members
    slots = {VALIDATORS_SLOT: len(members), CHANGED_AT_SLOT: 0}
    for index in range(max(len(members), before.n)):
        word = int.from_bytes(members[index].address) if index < len(members) else 0
        slots[VALIDATORS_SLOT + 1 + index] = word
    for key in before.members:
        if key not in recovery.validators:
            entry = _entry(key)
            slots[entry + _READY], slots[entry + _RETIRED] = 0, 1
    numbers = organisation_numbers(state)
    for member in members:
        number = numbers.get(member.organisation)
        if number is not None:
            entry = _entry(member.address)
            slots[entry + _ORGANISATION] = number
            slots[entry + _NODE] = node_name_word(member.name)
            slots[entry + _READY], slots[entry + _RETIRED] = 1, 0
    slots.update(_admissions(state, recovery, numbers))
    return slots


def _parameters(state: StateReader, in_force: Parameters) -> dict[int, int]:
    """Back to what is in force, where a change was pending."""
    slots = {}
    for name in NUMBERS:
        slot, value = parameter_slot(name), getattr(in_force, name)
        if state.storage(GATE_CONTRACT, slot) not in (0, value):
            slots[slot] = value
    return slots


def _upgrade(state: StateReader) -> dict[int, int]:
    """What was scheduled is dropped: the organisations have other worries, and may vote again."""
    return {} if scheduled_upgrade(state) is None else cleared_schedule()


def check_keys(state: StateReader, recovery: Recovery) -> None:
    """Raises InvalidRecovery if the new set names a key that left a set before (rule 4)."""
    for member in recovery.members:
        if state.storage(GATE_CONTRACT, _entry(member.address) + _RETIRED):
            raise InvalidRecovery(
                f"0x{member.address.hex()} of {member.node} has left a validator set and never "
                "votes again: give that node a new consensus key (quorate node renew-key)"
            )


def _admissions(state: StateReader, recovery: Recovery, numbers: dict[str, int]) -> dict[int, int]:
    length = min(state.storage(GATE_CONTRACT, NODES_SLOT), NODES_MAX)
    entries = [NODES_SLOT + 1 + NODE_WORDS * index for index in range(length)]
    listed = {
        (state.storage(GATE_CONTRACT, slot), state.storage(GATE_CONTRACT, slot + 1))
        for slot in entries
    }
    slots: dict[int, int] = {}
    for member in recovery.members:
        number, name = numbers.get(member.organisation), node_name_word(member.name)
        if number is None or (number, name) in listed or length >= NODES_MAX:
            continue
        slot = NODES_SLOT + 1 + NODE_WORDS * length
        slots[slot], slots[slot + 1] = number, name
        listed.add((number, name))
        length += 1
        slots[NODES_SLOT] = length
    return slots


def _entry(key: Address) -> int:
    return map_slot(CONSENSUS_KEYS_SLOT, int.from_bytes(key))

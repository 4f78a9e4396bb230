"""What the gate has scheduled for a block's start: another code of a system contract, or another
protocol version.

The ledger applies it before the block's transactions, the same on every replica and engine, and
clears it. Who may schedule what is the contract's concern.
"""

from dataclasses import dataclass, replace

from ledger.commitment import commit
from ledger.gate import CHANGED_AT_SLOT, GATE_CONTRACT, UPGRADE_SLOT, StorageReader, parameter_slot
from ledger.state import Account, StateReader, Writes
from ledger.values import EMPTY_TRIE_ROOT, Address, Hash32

_AT, _TARGET, _CODE_HASH, _VERSION, _FEATURES = range(5)
"""Words of the entry, from its slot on."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """`at` is the block at whose start it is applied.

    target, code_hash: whose code becomes which, None for none. version, features: of the protocol,
    in force W + 1 blocks after `at`; version 0 for none.
    """

    at: int
    target: Address | None
    code_hash: Hash32 | None
    version: int
    features: int


def scheduled_upgrade(state: StorageReader) -> Upgrade | None:
    """What is scheduled, None if nothing is."""

    def word(index: int) -> int:
        return state.storage(GATE_CONTRACT, UPGRADE_SLOT + index)

    at = word(_AT)
    if at == 0:
        return None
    code_hash = word(_CODE_HASH)
    return Upgrade(
        at,
        Address(word(_TARGET).to_bytes(32)[12:]) if code_hash else None,
        Hash32(code_hash.to_bytes(32)) if code_hash else None,
        word(_VERSION),
        word(_FEATURES),
    )


def cleared_schedule() -> dict[int, int]:
    """The gate's slots once nothing is scheduled any more."""
    return {UPGRADE_SLOT + index: 0 for index in (_AT, _TARGET, _CODE_HASH, _VERSION, _FEATURES)}


def upgrade_writes(state: StateReader, upgrade: Upgrade) -> Writes:
    """What the block at `upgrade.at` writes first, complete with trie nodes."""
    slots = cleared_schedule()
    if upgrade.version:
        slots[parameter_slot("protocol_version")] = upgrade.version
        slots[parameter_slot("features")] = upgrade.features
        slots[CHANGED_AT_SLOT] = upgrade.at
    gate = state.account(GATE_CONTRACT)
    assert gate is not None, "genesis puts the gate there"
    accounts: dict[Address, Account | None] = {GATE_CONTRACT: gate}
    if upgrade.target is not None and upgrade.code_hash is not None:
        held = state.account(upgrade.target) or Account(nonce=1, storage_root=EMPTY_TRIE_ROOT)
        # The code stands under its hash: the gate took the hash from a contract that has it.
        accounts[upgrade.target] = replace(held, code_hash=upgrade.code_hash)
    return commit(
        state,
        accounts=accounts,
        storage={GATE_CONTRACT: slots},
        codes={},
        cleared=frozenset(),
    )

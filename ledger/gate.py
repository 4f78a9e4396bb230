"""The gate: who may send, deploy or run, read from the accounts contract's storage slots.

The slots are final from a group's first block. Reading costs no gas and warms nothing. How the
words come to be there is the contract's concern.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ledger.parameters import NUMBERS, Parameters
from ledger.validators import VALIDATORS_MAX, ValidatorSet
from ledger.values import Address, keccak

GATE_CONTRACT = Address((0x7001).to_bytes(20))
AGREEMENTS_CONTRACT = Address((0x7002).to_bytes(20))
KEYS_CONTRACT = Address((0x7003).to_bytes(20))
GROTH16_CONTRACT = Address((0x7004).to_bytes(20))
SYSTEM_CONTRACTS = (GATE_CONTRACT, AGREEMENTS_CONTRACT, KEYS_CONTRACT, GROTH16_CONTRACT)

OWN_PRECOMPILES = range(0x7100, 0x7200)
"""Addresses reserved for precompiles of ours."""
POSEIDON_PRECOMPILE = Address((0x7101).to_bytes(20))
GROTH16_PRECOMPILE = Address((0x7102).to_bytes(20))

PERMISSIONS_SLOT = 0
VALIDATORS_SLOT = 1
CHANGED_AT_SLOT = VALIDATORS_SLOT + 1 + VALIDATORS_MAX
WINDOW_BLOCKS_SLOT = CHANGED_AT_SLOT + 1
CONSENSUS_KEYS_SLOT = WINDOW_BLOCKS_SLOT + 1
ORGANISATION_COUNT_SLOT = 133
ORGANISATIONS_SLOT = 134
NODES_SLOT = 140
NODES_MAX = 256
PARAMETERS_SLOT = 656
UPGRADE_SLOT = 657

FROZEN_BIT = 1 << 255
_ROLES_MASK = 0xFFFF
_ORGANISATION_SHIFT = 16
_ORGANISATION_MASK = 0xFFFFFFFF


class Role(IntEnum):
    """Bit positions of the permission word; the other bits below 16 are reserved."""

    MEMBER = 0
    AUTHOR = 1
    REGULATOR = 2
    ADMIN = 3
    SYSTEM_ADMINISTRATOR = 4
    SECURITY_ADMINISTRATOR = 5
    AUDIT_ADMINISTRATOR = 6
    GATEWAY = 7


def _mask(*roles: Role) -> int:
    return sum(1 << role for role in roles)


_DEPLOY_MASK = _mask(Role.AUTHOR, Role.ADMIN)
_CALL_MASK = _mask(Role.MEMBER, Role.AUTHOR, Role.ADMIN, Role.GATEWAY)
_SYSTEM_MASK = _CALL_MASK | _mask(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR)
_SEND_MASK = _SYSTEM_MASK | _mask(Role.REGULATOR)
"""All but the audit administrator: it reads, and no transaction of its own stands in what it
audits."""


class StorageReader(Protocol):
    """Whatever answers storage slots: a state, or an engine in the midst of a block."""

    def storage(self, address: Address, slot: int) -> int:
        """The 256-bit value of a slot, 0 if never written."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A decoded permission word; `organisation` is 1-based, 0 stands for none."""

    roles: int
    frozen: bool
    organisation: int

    @property
    def may_send(self) -> bool:
        """Whether some role lets the account send anything at all."""
        return bool(self.roles & _SEND_MASK)

    def may_address(self, to: Address | None) -> bool:
        """Whether a transaction may go there (None creates): a regulator's goes to the gate only,
        a system or security administrator's to system contracts only."""
        if self.roles & _CALL_MASK or to == GATE_CONTRACT:
            return True
        return bool(self.roles & _SYSTEM_MASK) and to in SYSTEM_CONTRACTS

    @property
    def may_deploy(self) -> bool:
        """Whether a transaction of the account may create a contract."""
        return bool(self.roles & _DEPLOY_MASK)

    def holds(self, role: Role) -> bool:
        """Whether the account has a role."""
        return bool(self.roles >> role & 1)


def decode_permission(word: int) -> Permission:
    """The permission that a storage word says."""
    return Permission(
        roles=word & _ROLES_MASK,
        frozen=bool(word & FROZEN_BIT),
        organisation=word >> _ORGANISATION_SHIFT & _ORGANISATION_MASK,
    )


def permission_word(*roles: Role, organisation: int, frozen: bool = False) -> int:
    """The storage word of a permission."""
    assert 0 <= organisation <= _ORGANISATION_MASK
    return _mask(*roles) | organisation << _ORGANISATION_SHIFT | (FROZEN_BIT if frozen else 0)


def permission_slot(address: Address) -> int:
    """Where an account's word stands."""
    return map_slot(PERMISSIONS_SLOT, int.from_bytes(address))


def map_slot(slot: int, key: int) -> int:
    """Where Vyper puts a map's value: the hash of the map's slot and a one-word key."""
    return int.from_bytes(keccak(slot.to_bytes(32) + key.to_bytes(32)))


class Gate(Protocol):
    """What execution asks before a transaction and before each call frame."""

    def permission(self, state: StorageReader, address: Address) -> Permission:
        """What an account may do."""

    def is_frozen(self, state: StorageReader, address: Address) -> bool:
        """Whether call frames into this contract revert."""


class SystemGate:
    """The gate that a group's accounts contract keeps."""

    def permission(self, state: StorageReader, address: Address) -> Permission:
        return decode_permission(state.storage(GATE_CONTRACT, permission_slot(address)))

    def is_frozen(self, state: StorageReader, address: Address) -> bool:
        if address == GATE_CONTRACT:
            return False  # whatever its word says: nobody could ever lift it
        return bool(state.storage(GATE_CONTRACT, permission_slot(address)) & FROZEN_BIT)


def contract_validators(state: StorageReader) -> ValidatorSet:
    """The list in the contract; raises InvalidValidators if it is none."""
    length = min(state.storage(GATE_CONTRACT, VALIDATORS_SLOT), VALIDATORS_MAX)
    slots = range(VALIDATORS_SLOT + 1, VALIDATORS_SLOT + 1 + length)
    words = [state.storage(GATE_CONTRACT, slot) for slot in slots]
    return ValidatorSet.of(Address(word.to_bytes(32)[12:]) for word in words)


def is_validators_slot(slot: int) -> bool:
    """Whether a write to this slot of the contract changes the list."""
    return VALIDATORS_SLOT <= slot <= VALIDATORS_SLOT + VALIDATORS_MAX


def parameter_slot(name: str) -> int:
    """Where the voted value of a parameter stands; 0 there stands for genesis's."""
    return map_slot(PARAMETERS_SLOT, NUMBERS[name])


_PARAMETER_SLOTS: dict[int, str] = {parameter_slot(name): name for name in NUMBERS}


def is_parameters_slot(slot: int) -> bool:
    """Whether a write to this slot of the contract changes a parameter."""
    return slot in _PARAMETER_SLOTS


def contract_parameters(state: StorageReader, genesis: Parameters) -> Parameters:
    """Genesis's parameters with the values that the contract has in their place."""
    words = {name: state.storage(GATE_CONTRACT, slot) for slot, name in _PARAMETER_SLOTS.items()}
    return genesis.with_voted({name: word for name, word in words.items() if word})


def gate_storage(
    permissions: dict[Address, int], validators: ValidatorSet, window_blocks: int
) -> dict[int, int]:
    """The slots of a gate with these words, validators and window, as genesis allocates them."""
    return {
        **{permission_slot(address): word for address, word in permissions.items()},
        VALIDATORS_SLOT: validators.n,
        **{
            VALIDATORS_SLOT + 1 + index: int.from_bytes(member)
            for index, member in enumerate(validators.members)
        },
        WINDOW_BLOCKS_SLOT: window_blocks,
    }

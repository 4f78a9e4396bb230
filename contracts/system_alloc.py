"""The system contracts of a new group as genesis allocation: their code and first storage.

Constructors do not run at genesis, so every value is written to its slot here, by Vyper's rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.compiler import Compiled, compile_source
from contracts.storage import address_key, array_slots, value_slot
from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    GROTH16_CONTRACT,
    KEYS_CONTRACT,
    NODES_MAX,
    Role,
    permission_word,
)
from ledger.genesis import Allocation
from ledger.parameters import VOTED, Parameters
from ledger.participants import NODE_WORDS
from ledger.validators import VALIDATORS_MAX
from ledger.values import Address, to_hex

ORGANISATIONS_MAX = 128
ACCOUNTS_MAX = 4096
NAME_BYTES_MAX = 32
ENVELOPE_KEY_BYTES = 32
HOLDER_BYTES = 32
WINDOW_BLOCKS_MAX = 1024
RESERVED_ADDRESS_MAX = 0xFFFF
WEIGHT_MAX = 1024
ADMINISTRATORS = (
    Role.SYSTEM_ADMINISTRATOR,
    Role.SECURITY_ADMINISTRATOR,
    Role.AUDIT_ADMINISTRATOR,
)
ACCOUNT_VOTERS = (Role.ADMIN, Role.SECURITY_ADMINISTRATOR)
"""Who votes on accounts for its organisation; on validators the system administrator does."""


class InvalidAllocation(ValueError):
    """Organisations, accounts or validators that cannot make a group."""


@dataclass(frozen=True)
class OrganisationEntry:
    """An organisation, by its short name; the envelope key is X25519, 32 bytes; `weight` is what
    its vote counts."""

    name: str
    envelope_key: bytes | None = None
    weight: int = 1


@dataclass(frozen=True)
class AccountEntry:
    """An account with its one role; an administrator's has the digest of the person's pseudonym,
    32 bytes, of whom there is no second administrator's account."""

    address: Address
    organisation: str
    role: Role
    holder: bytes = bytes(32)


@dataclass(frozen=True)
class ValidatorEntry:
    """A consensus key, and the name of its node within its organisation."""

    key: Address
    organisation: str
    node: str


@dataclass(frozen=True)
class ObserverEntry:
    """A node that follows the group without a consensus key in force."""

    organisation: str
    node: str


@dataclass(frozen=True)
class AllocatedContract:
    """One contract at genesis: runtime code, and the slots that are not zero."""

    code: bytes
    storage: dict[int, int] = field(default_factory=dict)
    nonce: int = 1
    balance: int = 0

    def as_allocation(self) -> Allocation:
        """The contract as the genesis document has it."""
        return Allocation(
            nonce=self.nonce,
            balance=hex(self.balance),
            code=to_hex(self.code),
            storage={hex(slot): hex(value) for slot, value in sorted(self.storage.items())},
        )


def system_alloc(
    *,
    organisations: Sequence[OrganisationEntry],
    accounts: Sequence[AccountEntry],
    validators: Sequence[ValidatorEntry],
    parameters: Parameters,
    production: bool,
    observers: Sequence[ObserverEntry] = (),
    threshold: int | None = None,
) -> dict[Address, AllocatedContract]:
    """Allocation of all system contracts; raises InvalidAllocation.

    Organisations are numbered from 1 in the given order. `parameters` are those of the genesis
    document. `threshold` is what those that agree to a proposal must weigh together: by default
    more than half of all.
    """
    majority = sum(entry.weight for entry in organisations) // 2 + 1
    threshold = majority if threshold is None else threshold
    index = _organisation_index(organisations, threshold)
    _check_addresses(accounts, validators)
    _check_holders(accounts)
    if production:
        _check_separation(organisations, accounts, threshold)
    if not 1 <= parameters.window_blocks <= WINDOW_BLOCKS_MAX:
        raise InvalidAllocation(
            f"expected a window of 1 to {WINDOW_BLOCKS_MAX} blocks, got {parameters.window_blocks}"
        )
    gate = compile_source("system/accounts.vy")
    storage = {
        gate.layout["window_blocks"].slot: parameters.window_blocks,
        gate.layout["organisation_count"].slot: len(organisations),
        gate.layout["threshold"].slot: threshold,
        gate.layout["production"].slot: int(production),
        **_organisation_slots(gate, organisations, accounts, index),
        **_account_slots(gate, accounts, index),
        **_holder_slots(gate, accounts),
        **_validator_slots(gate, validators, index),
        **_node_slots(gate, [*validators, *observers], index),
        **_parameter_slots(gate, parameters),
    }
    return {
        GATE_CONTRACT: AllocatedContract(
            gate.runtime, {slot: value for slot, value in storage.items() if value}
        ),
        AGREEMENTS_CONTRACT: AllocatedContract(compile_source("system/agreements.vy").runtime),
        KEYS_CONTRACT: AllocatedContract(compile_source("system/keys.vy").runtime),
        GROTH16_CONTRACT: AllocatedContract(compile_source("system/groth16.vy").runtime),
    }


def _organisation_index(
    organisations: Sequence[OrganisationEntry], threshold: int
) -> dict[str, int]:
    if not 1 <= len(organisations) <= ORGANISATIONS_MAX:
        raise InvalidAllocation(
            f"expected 1 to {ORGANISATIONS_MAX} organisations, got {len(organisations)}"
        )
    index = {entry.name: number for number, entry in enumerate(organisations, start=1)}
    if len(index) != len(organisations):
        raise InvalidAllocation("expected organisations with different names")
    for entry in organisations:
        if not 1 <= entry.weight <= WEIGHT_MAX:
            raise InvalidAllocation(
                f"expected a weight of 1 to {WEIGHT_MAX} for {entry.name}, got {entry.weight}"
            )
    weight = sum(entry.weight for entry in organisations)
    if not 1 <= threshold <= weight:
        raise InvalidAllocation(
            f"expected a threshold of 1 to {weight}, all organisations' weight, got {threshold}"
        )
    return index


def _check_holders(accounts: Sequence[AccountEntry]) -> None:
    known: dict[bytes, AccountEntry] = {}
    for entry in accounts:
        if len(entry.holder) != HOLDER_BYTES:
            raise InvalidAllocation(f"expected a holder of 32 bytes, got {len(entry.holder)}")
        if not any(entry.holder):
            continue
        if entry.role not in (*ADMINISTRATORS, Role.ADMIN):
            raise InvalidAllocation(
                f"{to_hex(entry.address)} is no administrator's account and names no holder"
            )
        if entry.holder in known:
            raise InvalidAllocation(
                f"{to_hex(known[entry.holder].address)} and {to_hex(entry.address)} have one "
                "holder: nobody combines two administrators, appoint another person"
            )
        known[entry.holder] = entry


def _check_separation(
    organisations: Sequence[OrganisationEntry], accounts: Sequence[AccountEntry], threshold: int
) -> None:
    """Three administrators by three persons in each organisation, and none decides alone."""
    for entry in accounts:
        if entry.role is Role.ADMIN:
            raise InvalidAllocation(
                f"{to_hex(entry.address)} is a plain admin, which production groups do not have: "
                "appoint a system, a security and an audit administrator"
            )
        if entry.role in ADMINISTRATORS and not any(entry.holder):
            raise InvalidAllocation(
                f"{to_hex(entry.address)} is an administrator without a holder: give the person's "
                "pseudonym, so that nobody combines two"
            )
    for organisation in organisations:
        held = {entry.role for entry in accounts if entry.organisation == organisation.name}
        for role in ADMINISTRATORS:
            if role not in held:
                missing = role.name.lower().replace("_", " ")
                raise InvalidAllocation(f"{organisation.name} has no {missing}: appoint one")
        if len(organisations) > 1 and organisation.weight >= threshold:
            raise InvalidAllocation(
                f"{organisation.name} alone weighs {organisation.weight} of the {threshold} that "
                "decide: give it less, or raise the threshold"
            )


def _check_addresses(
    accounts: Sequence[AccountEntry], validators: Sequence[ValidatorEntry]
) -> None:
    if not 1 <= len(validators) <= VALIDATORS_MAX:
        raise InvalidAllocation(f"expected 1 to {VALIDATORS_MAX} validators, got {len(validators)}")
    if len(accounts) > ACCOUNTS_MAX:
        raise InvalidAllocation(f"expected at most {ACCOUNTS_MAX} accounts, got {len(accounts)}")
    seen: set[bytes] = set()
    for address in [entry.address for entry in accounts] + [entry.key for entry in validators]:
        if len(address) != 20 or address_key(address) <= RESERVED_ADDRESS_MAX:
            raise InvalidAllocation(f"expected 20 bytes above 0xffff, got {to_hex(address)}")
        if address in seen:
            raise InvalidAllocation(
                f"{to_hex(address)} is there twice: accounts and consensus keys are all distinct"
            )
        seen.add(address)


def _organisation_slots(
    gate: Compiled,
    organisations: Sequence[OrganisationEntry],
    accounts: Sequence[AccountEntry],
    index: dict[str, int],
) -> dict[int, int]:
    slots: dict[int, int] = {}
    for entry in organisations:
        roles = [account.role for account in accounts if account.organisation == entry.name]
        number = index[entry.name]
        base = value_slot(gate.layout["organisations"].slot, number)
        slots[base] = _name_word(entry.name)
        slots[base + 1] = sum(role in ACCOUNT_VOTERS for role in roles)
        slots[base + 2] = int(Role.REGULATOR in roles)
        if entry.weight != 1:
            slots[value_slot(gate.layout["weights"].slot, number)] = entry.weight
        if entry.envelope_key is not None:
            if len(entry.envelope_key) != ENVELOPE_KEY_BYTES:
                raise InvalidAllocation(
                    f"expected an X25519 key of {ENVELOPE_KEY_BYTES} bytes for {entry.name}, "
                    f"got {len(entry.envelope_key)}"
                )
            key_slot = value_slot(gate.layout["envelope_keys"].slot, number)
            slots[key_slot] = int.from_bytes(entry.envelope_key, "big")
    return slots


def _account_slots(
    gate: Compiled, accounts: Sequence[AccountEntry], index: dict[str, int]
) -> dict[int, int]:
    base = gate.layout["permissions"].slot
    return {
        value_slot(base, address_key(entry.address)): permission_word(
            entry.role, organisation=_number(index, entry.organisation)
        )
        for entry in accounts
    }


def _holder_slots(gate: Compiled, accounts: Sequence[AccountEntry]) -> dict[int, int]:
    slots: dict[int, int] = {}
    for entry in accounts:
        if any(entry.holder):
            account = address_key(entry.address)
            held = value_slot(gate.layout["holders"].slot, account)
            slots[held] = int.from_bytes(entry.holder, "big")
            slots[value_slot(gate.layout["administrator_of"].slot, entry.holder)] = account
    return slots


def _validator_slots(
    gate: Compiled, validators: Sequence[ValidatorEntry], index: dict[str, int]
) -> dict[int, int]:
    slots = array_slots(
        gate.layout["validators"].slot, [address_key(entry.key) for entry in validators]
    )
    for entry in validators:
        base = value_slot(gate.layout["consensus_keys"].slot, address_key(entry.key))
        slots[base] = _number(index, entry.organisation)
        slots[base + 1] = _name_word(entry.node)
        slots[base + 2] = 1  # ready
    return slots


def _node_slots(
    gate: Compiled, entries: Sequence[ValidatorEntry | ObserverEntry], index: dict[str, int]
) -> dict[int, int]:
    nodes = list(dict.fromkeys((_number(index, e.organisation), e.node) for e in entries))
    if len(nodes) > NODES_MAX:
        raise InvalidAllocation(f"expected at most {NODES_MAX} nodes, got {len(nodes)}")
    base = gate.layout["nodes"].slot
    slots = {base: len(nodes)}
    for position, (organisation, name) in enumerate(nodes):
        slots[base + 1 + NODE_WORDS * position] = organisation
        slots[base + 2 + NODE_WORDS * position] = _name_word(name)
    return slots


def _parameter_slots(gate: Compiled, parameters: Parameters) -> dict[int, int]:
    base = gate.layout["parameters"].slot
    return {
        value_slot(base, voted.number): getattr(parameters, name) for name, voted in VOTED.items()
    }


def _number(index: dict[str, int], name: str) -> int:
    if name not in index:
        raise InvalidAllocation(f"expected one of {', '.join(index)}; got organisation {name!r}")
    return index[name]


def _name_word(name: str) -> int:
    data = name.encode()
    if not 1 <= len(data) <= NAME_BYTES_MAX or 0 in data:
        raise InvalidAllocation(
            f"expected a name of 1 to {NAME_BYTES_MAX} bytes in UTF-8, got {name!r:.60}"
        )
    return int.from_bytes(data.ljust(NAME_BYTES_MAX, b"\0"), "big")

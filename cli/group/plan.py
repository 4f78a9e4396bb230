"""What a group is founded from: public parts that each organisation gives, and the genesis of them.

The file that founders agree on when each keeps its keys on its own machine. Holds no secret.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from cli.failure import CommandFailed
from cli.network.manifest import NAME_PATTERN, VALIDATORS_MIN, ConsensusEntry
from contracts.bindings.accounts import holder_digest
from contracts.roles import ACCOUNT_ROLES, InvalidRole, role_named
from contracts.system_alloc import (
    AccountEntry,
    AllocatedContract,
    InvalidAllocation,
    ObserverEntry,
    OrganisationEntry,
    ValidatorEntry,
    system_alloc,
)
from ledger import genesis as founding
from ledger.bounded_file import read_bounded
from ledger.genesis import Genesis
from ledger.parameters import CHAIN_ID_MAX, Parameters, gas_limit
from ledger.values import Address, InvalidValue, address_from_hex, from_hex, to_hex

PLAN_BYTES_MAX = 1 << 20
ENVELOPE_KEY_BYTES = 32


class PlannedOrganisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A founder: its offline recovery key's address, the public key of its envelopes, and what
    its vote counts."""

    name: str
    recovery_key: str
    envelope_key: str = ""
    label: str = ""
    weight: int = 1


class PlannedValidator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node (`org/name`) and the address of its consensus key."""

    node: str
    key: str


class PlannedAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account of the first state; `holder` is an administrator's pseudonym."""

    address: str
    org: str
    role: str
    holder: str = ""


class GroupPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `observers` are node ids."""

    name: str
    organisation: tuple[PlannedOrganisation, ...]
    validator: tuple[PlannedValidator, ...]
    account: tuple[PlannedAccount, ...]
    observers: tuple[str, ...] = ()
    production: bool = False
    consensus: ConsensusEntry = ConsensusEntry()


def load_plan(path: Path) -> GroupPlan:
    """Read a plan's TOML. Raises CommandFailed."""
    if not path.is_file():
        raise CommandFailed(f"{path}: expected a group's plan (TOML), found no file")
    data = read_bounded(path, PLAN_BYTES_MAX, CommandFailed)
    try:
        return msgspec.toml.decode(data, type=GroupPlan)
    except (msgspec.DecodeError, ValueError) as error:
        raise CommandFailed(f"{path}: not a group's plan: {error}") from None


def draft_genesis(
    plan: GroupPlan,
    more_accounts: Iterable[AccountEntry] = (),
    contracts: Mapping[Address, AllocatedContract] | None = None,
) -> Genesis:
    """The genesis that nobody has signed yet, with a chain id of its own. Raises CommandFailed."""
    _check(plan)
    try:
        return _genesis(plan, more_accounts, contracts or {}).checked(founding=True)
    except (InvalidAllocation, InvalidRole, InvalidValue, founding.InvalidGenesis) as error:
        raise CommandFailed(f"group '{plan.name}': {error}") from error


def _check(plan: GroupPlan) -> None:
    if not NAME_PATTERN.fullmatch(plan.name):
        raise CommandFailed(f"group '{plan.name}': a name is a-z, 0-9 and '-', 31 characters")
    if len(plan.validator) < VALIDATORS_MIN:
        raise CommandFailed(
            f"group '{plan.name}': {len(plan.validator)} validators; {VALIDATORS_MIN} are the "
            "fewest that tolerate one fault"
        )


def check_votes(plan: GroupPlan) -> None:
    """Raise CommandFailed if an organisation would have nobody who votes for it."""
    admins = {entry.org for entry in plan.account if entry.role in ACCOUNT_ROLES}
    without = [entry.name for entry in plan.organisation if entry.name not in admins]
    if without:
        raise CommandFailed(
            f"group '{plan.name}': {', '.join(without)} would have no admin, and so no vote; name "
            f"an account with the role {' or '.join(ACCOUNT_ROLES)} for each organisation"
        )


def _genesis(
    plan: GroupPlan,
    more_accounts: Iterable[AccountEntry],
    contracts: Mapping[Address, AllocatedContract],
) -> Genesis:
    parameters = _parameters(plan.consensus)
    alloc = system_alloc(
        organisations=[
            OrganisationEntry(
                entry.name,
                from_hex(entry.envelope_key, size=ENVELOPE_KEY_BYTES)
                if entry.envelope_key
                else None,
                entry.weight,
            )
            for entry in plan.organisation
        ],
        accounts=[
            *(
                AccountEntry(
                    address_from_hex(entry.address),
                    entry.org,
                    role_named(entry.role),
                    holder_digest(plan.name, entry.holder) if entry.holder else bytes(32),
                )
                for entry in plan.account
            ),
            *more_accounts,
        ],
        validators=[
            ValidatorEntry(address_from_hex(entry.key), *_split(entry.node))
            for entry in plan.validator
        ],
        observers=[ObserverEntry(*_split(node)) for node in plan.observers],
        parameters=parameters,
        production=plan.production,
    )
    return Genesis(
        name=plan.name,
        timestamp_ms=time.time_ns() // 1_000_000,
        parameters=parameters,
        organisations=[
            founding.Organisation(
                name=entry.name, recovery_key=entry.recovery_key.lower(), label_zh=entry.label
            )
            for entry in plan.organisation
        ],
        recovery_threshold=len(plan.organisation) // 2 + 1,
        validators=[
            founding.ValidatorEntry(
                address=entry.key.lower(), node=entry.node, organisation=_split(entry.node)[0]
            )
            for entry in plan.validator
        ],
        observers=[
            founding.ObserverEntry(node=node, organisation=_split(node)[0])
            for node in plan.observers
        ],
        alloc={
            to_hex(address): contract.as_allocation()
            for address, contract in {**alloc, **contracts}.items()
        },
        production=plan.production,
    )


def _parameters(given: ConsensusEntry) -> Parameters:
    return Parameters(
        chain_id=1 + secrets.randbelow(CHAIN_ID_MAX),
        gas_limit=gas_limit(given.block_execution_ms_max, given.slowest_engine),
        **{
            name: getattr(given, name)
            for name in given.__struct_fields__
            if name in Parameters.__struct_fields__
        },
    )


def _split(node: str) -> tuple[str, str]:
    organisation, separator, name = node.partition("/")
    if not separator or not organisation or not name:
        raise CommandFailed(f"node '{node}': expected a node id, org/name")
    return organisation, name

"""The gate: accounts, freezing, consensus keys, votes of organisations, envelope keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from contracts.bindings.contract import Call, Contract, Query
from contracts.interface import load_abi
from ledger.gate import GATE_CONTRACT, Permission, Role, decode_permission
from ledger.parameters import NUMBERS, VOTED
from ledger.values import Address, Hash32, keccak

READY_TAG = keccak(b"quorate/consensus-key/ready/1")


class ProposalKind(IntEnum):
    """What organisations vote on."""

    ADD_VALIDATOR = 1
    REMOVE_VALIDATOR = 2
    APPOINT = 3
    DISMISS = 4
    LIFT = 5
    SET_PARAMETER = 6
    REPLACE_CODE = 7
    UPGRADE_PROTOCOL = 8
    CANCEL_UPGRADE = 9

    @property
    def concerns_validators(self) -> bool:
        """Whether it changes the set. System administrators vote on that, on parameters and on the
        protocol, security administrators on the rest."""
        return self in (ProposalKind.ADD_VALIDATOR, ProposalKind.REMOVE_VALIDATOR)


@dataclass(frozen=True)
class ConsensusKey:
    """A consensus key as the gate knows it; organisation 0 stands for a key never declared."""

    organisation: int
    node: str
    ready: bool
    retired: bool


@dataclass(frozen=True)
class ProposedChange:
    """A proposal; `votes` are the numbers of the organisations that agree, `weight` is what they
    weigh together; `role` and `holder` are of an appointment, `parameter` (by its name) and `value`
    of a parameter's change. An upgrade is applied at the start of block `at`: `value` is the
    protocol's version, `code_hash` that of the subject's new code."""

    number: int
    kind: ProposalKind
    subject: Address
    organisation: int
    votes: frozenset[int]
    expires_at: int
    enacted: bool
    weight: int
    role: Role | None
    holder: bytes
    parameter: str = ""
    value: int = 0
    features: int = 0
    code_hash: bytes = bytes(32)
    at: int = 0


@dataclass(frozen=True)
class Organisation:
    """An organisation as the gate knows it; `admins` is how many vote on accounts for it."""

    name: str
    admins: int
    supervisory: bool


@cache
def gate() -> Contract:
    """The gate at its fixed address."""
    return Contract(GATE_CONTRACT, load_abi("system/accounts.vy"))


def set_account(account: Address, role: Role) -> Call:
    """By a security administrator: an account of its own organisation gets this role."""
    return gate().call("set_account", account, int(role))


def remove_account(account: Address) -> Call:
    """By a security administrator: an account of its own organisation is removed."""
    return gate().call("remove_account", account)


def freeze(target: Address) -> Call:
    """By a regulator: an account or contract is stopped."""
    return gate().call("freeze", target)


def propose_lift(target: Address) -> Call:
    """By a security administrator: a freezing ends once enough organisations agree."""
    return gate().call("propose_lift", target)


def set_envelope_key(key: bytes) -> Call:
    """By a security administrator: the organisation's X25519 public key, 32 bytes."""
    return gate().call("set_envelope_key", key)


def admit_node(node: str) -> Call:
    """By a system administrator: a node of its organisation, by its short name, may follow."""
    return gate().call("admit_node", node.encode())


def dismiss_node(node: str) -> Call:
    """By a system administrator: a node of its organisation follows the group no longer."""
    return gate().call("dismiss_node", node.encode())


def ready_digest(chain_id: int, organisation: int, node: str, key: Address) -> Hash32:
    """What a new consensus key signs to be declared ready; `node` is the node's short name."""
    words = (
        READY_TAG,
        chain_id.to_bytes(32, "big"),
        GATE_CONTRACT.rjust(32, b"\0"),
        organisation.to_bytes(32, "big"),
        node.encode().ljust(32, b"\0"),
        key.rjust(32, b"\0"),
    )
    return keccak(b"".join(words))


def ready(key: Address, node: str, signature: bytes) -> Call:
    """By a system administrator: declares a consensus key ready.

    `signature` is the key's own, 65 bytes r, s, v with v 0 or 1, over `ready_digest`.
    """
    assert len(signature) == 65
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return gate().call("ready", key, node.encode(), 27 + signature[64], r, s)


def propose_validator(kind: ProposalKind, key: Address) -> Call:
    """By a system administrator: adds or removes a consensus key once enough agree."""
    return gate().call("propose_validator", int(kind), key)


def propose_parameter(name: str, value: int) -> Call:
    """By a system administrator: one of `ledger.parameters.VOTED` gets another value."""
    return gate().call("propose_parameter", VOTED[name].number, value)


def propose_upgrade(version: int, features: int, in_force_from: int) -> Call:
    """By a system administrator: a protocol version, and all features that are on, from a block."""
    return gate().call("propose_upgrade", version, features, in_force_from)


def propose_code(target: Address, carrier: Address, at: int) -> Call:
    """By a security administrator: a system contract gets the carrier's code at a block's start."""
    return gate().call("propose_code", target, carrier, at)


def propose_cancellation() -> Call:
    """By a system administrator: what is scheduled is not applied."""
    return gate().call("propose_cancellation")


def holder_digest(group: str, pseudonym: str) -> Hash32:
    """A person as a group's gate knows one; another group knows the same person by another digest.

    The pseudonym is drawn, not derived: whoever can guess what it was made of learns the person.
    """
    return keccak(b"\0".join((b"quorate/holder/1", group.encode(), pseudonym.encode())))


def propose_administrator(
    account: Address, organisation: int, role: Role, holder: bytes = bytes(32)
) -> Call:
    """By a security administrator: makes an account an administrator of any organisation.

    `holder` is the person's digest; production groups refuse zeros.
    """
    return gate().call("propose_administrator", account, organisation, int(role), holder)


def propose_dismissal(account: Address) -> Call:
    """By a security administrator: takes the role from an administrator or regulator."""
    return gate().call("propose_dismissal", account)


def vote(proposal: int) -> Call:
    """By the administrator whom the kind concerns: agrees for its organisation."""
    return gate().call("vote", proposal)


def enact(proposal: int) -> Call:
    """By who may vote on it: enacts what has its votes but was blocked before."""
    return gate().call("enact", proposal)


def permission(account: Address) -> Query[Permission]:
    """What an account may do."""
    return gate().query("permissions", account).then(decode_permission)


def organisation(number: int) -> Query[Organisation]:
    """An organisation by its number, from 1."""
    return (
        gate()
        .query("organisations", number)
        .then(
            lambda fields: Organisation(
                _text(fields["name"]), fields["admins"], fields["supervisory"]
            )
        )
    )


def consensus_key(key: Address) -> Query[ConsensusKey]:
    """What is declared of a consensus key."""
    return (
        gate()
        .query("consensus_keys", key)
        .then(
            lambda fields: ConsensusKey(
                fields["organisation"],
                _text(fields["node"]),
                fields["ready"],
                fields["retired"],
            )
        )
    )


def node_list() -> Query[tuple[tuple[int, str], ...]]:
    """Every admitted node: its organisation's number and its short name."""
    return (
        gate()
        .query("node_list")
        .then(lambda nodes: tuple((node["organisation"], _text(node["name"])) for node in nodes))
    )


def proposal_count() -> Query[int]:
    """How many proposals there have been; they are numbered from 1."""
    return gate().query("proposal_count")


def threshold() -> Query[int]:
    """What the organisations that agree to a proposal must weigh together."""
    return gate().query("threshold")


def proposal(number: int) -> Query[ProposedChange]:
    """A proposal by its number."""

    def change(fields: Mapping[str, Any]) -> ProposedChange:
        votes = fields["votes"]
        return ProposedChange(
            number,
            ProposalKind(fields["kind"]),
            Address(fields["subject"]),
            fields["organisation"],
            frozenset(index for index in range(votes.bit_length()) if votes >> index & 1),
            fields["expires_at"],
            fields["enacted"],
            fields["weight"],
            Role(fields["roles"].bit_length() - 1) if fields["roles"] else None,
            fields["holder"],
            parameter_name(fields["parameter"]),
            fields["value"],
            fields["features"],
            fields["code_hash"],
            fields["at"],
        )

    return gate().query("proposals", number).then(change)


def parameter_name(number: int) -> str:
    """The name of a parameter that the gate knows by its number; empty if there is none."""
    return next((name for name, voted in VOTED.items() if voted.number == number), "")


def parameter(name: str) -> Query[int]:
    """What the gate holds for a parameter, in force or pending; 0 where genesis's stands."""
    return gate().query("parameters", VOTED[name].number)


def upgrade_at() -> Query[int]:
    """The block at whose start an upgrade is applied, 0 if none is scheduled."""
    return gate().query("upgrade").then(lambda fields: int(fields["at"]))


def window_blocks() -> Query[int]:
    """W: a change is in force W + 1 blocks after the block that made it."""
    return gate().query("window_blocks")


def features() -> Query[int]:
    """The features that are on or about to be, as bits."""
    return gate().query("parameters", NUMBERS["features"])


def parameter_bounds(name: str) -> Query[tuple[int, int]]:
    """The least and the greatest value that a vote may give."""
    return gate().query("parameter_bounds", VOTED[name].number)


def organisation_count() -> Query[int]:
    """How many organisations there are."""
    return gate().query("organisation_count")


def weight_of(number: int) -> Query[int]:
    """What an organisation's vote weighs."""
    return gate().query("weight_of", number)


def administrator_of(holder: bytes) -> Query[Address]:
    """The one administrator's account of a person, by the holder's digest; zeros if none."""
    return gate().query("administrator_of", holder)


def envelope_key(number: int) -> Query[bytes]:
    """An organisation's X25519 key; zeros if it has none."""
    return gate().query("envelope_keys", number)


def validator_set() -> Query[tuple[Address, ...]]:
    """The list after the latest block, in no order."""
    return gate().query("validator_set")


def pending_until() -> Query[int]:
    """First block in which the next change is taken, 0 if it may be now."""
    return gate().query("pending_until")


def obstacle(proposal: int) -> Query[str]:
    """Why a proposal cannot be enacted now; empty if it can."""
    return gate().query("obstacle", proposal)


def _text(word: bytes) -> str:
    return word.rstrip(b"\0").decode("utf-8", errors="replace")

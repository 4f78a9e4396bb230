"""The gate: accounts, freezing, consensus keys, votes of organisations, envelope keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from contracts.bindings.contract import Call, Contract, Query
from contracts.interface import load_abi
from ledger.gate import GATE_CONTRACT, Permission, Role, decode_permission
from ledger.values import Address, Hash32, keccak

READY_TAG = keccak(b"quorate/consensus-key/ready/1")


class ProposalKind(IntEnum):
    """What organisations vote on."""

    ADD_VALIDATOR = 1
    REMOVE_VALIDATOR = 2
    APPOINT_ADMIN = 3


@dataclass(frozen=True)
class ConsensusKey:
    """A consensus key as the gate knows it; organisation 0 stands for a key never declared."""

    organisation: int
    node: str
    ready: bool
    retired: bool


@dataclass(frozen=True)
class ProposedChange:
    """A proposal; `votes` are the numbers of the organisations that agree."""

    number: int
    kind: ProposalKind
    subject: Address
    organisation: int
    votes: frozenset[int]
    expires_at: int
    enacted: bool


@dataclass(frozen=True)
class Organisation:
    """An organisation as the gate knows it; `admins` is how many it has."""

    name: str
    admins: int
    supervisory: bool


@cache
def gate() -> Contract:
    """The gate at its fixed address."""
    return Contract(GATE_CONTRACT, load_abi("system/accounts.vy"))


def set_account(account: Address, role: Role) -> Call:
    """By an admin: an account of its own organisation gets this role."""
    return gate().call("set_account", account, int(role))


def remove_account(account: Address) -> Call:
    """By an admin: an account of its own organisation is removed."""
    return gate().call("remove_account", account)


def freeze(target: Address) -> Call:
    """By a regulator: an account or contract is stopped."""
    return gate().call("freeze", target)


def lift(target: Address) -> Call:
    """By an admin: a freezing ends."""
    return gate().call("lift", target)


def set_envelope_key(key: bytes) -> Call:
    """By an admin: the organisation's X25519 public key, 32 bytes."""
    return gate().call("set_envelope_key", key)


def admit_node(node: str) -> Call:
    """By an admin: a node of its own organisation, by its short name, may follow the group."""
    return gate().call("admit_node", node.encode())


def dismiss_node(node: str) -> Call:
    """By an admin: a node of its own organisation follows the group no longer."""
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
    """By an admin: declares a consensus key ready.

    `signature` is the key's own, 65 bytes r, s, v with v 0 or 1, over `ready_digest`.
    """
    assert len(signature) == 65
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return gate().call("ready", key, node.encode(), 27 + signature[64], r, s)


def propose_validator(kind: ProposalKind, key: Address) -> Call:
    """By an admin: adds or removes a consensus key once enough organisations agree."""
    return gate().call("propose_validator", int(kind), key)


def propose_admin(account: Address, organisation: int) -> Call:
    """By an admin: makes an account an admin of any organisation once enough agree."""
    return gate().call("propose_admin", account, organisation)


def vote(proposal: int) -> Call:
    """By an admin: agrees for its organisation."""
    return gate().call("vote", proposal)


def enact(proposal: int) -> Call:
    """By an admin: enacts what has its votes but was blocked before."""
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
    """How many organisations must agree to a proposal."""
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
        )

    return gate().query("proposals", number).then(change)


def organisation_count() -> Query[int]:
    """How many organisations there are."""
    return gate().query("organisation_count")


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

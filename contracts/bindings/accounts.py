"""The gate: accounts, freezing, consensus keys, votes of organisations, envelope keys."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

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
                fields["name"].rstrip(b"\0").decode(), fields["admins"], fields["supervisory"]
            )
        )
    )


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

"""The registry of data-sharing agreements: propose, sign, suspend, resume."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from contracts.bindings.contract import Call, Contract, Query
from contracts.interface import load_abi
from ledger.gate import AGREEMENTS_CONTRACT
from ledger.values import Address, Hash32


class AgreementStatus(IntEnum):
    """An agreement's life."""

    UNKNOWN = 0
    PROPOSED = 1
    ACTIVE = 2
    SUSPENDED = 3


@dataclass(frozen=True)
class AgreementState:
    """An agreement on chain. `parties` and `signed` hold organisations' numbers."""

    status: AgreementStatus
    proposer: Address
    parties: frozenset[int]
    signed: frozenset[int]
    suspended_by: int


@cache
def registry() -> Contract:
    """The registry at its fixed address."""
    return Contract(AGREEMENTS_CONTRACT, load_abi("system/agreements.vy"))


def propose(agreement: Hash32, signatories: Sequence[Address]) -> Call:
    """By an author or admin: a rule file's hash, and one account per party that is to sign it."""
    return registry().call("propose", agreement, list(signatories))


def sign(agreement: Hash32) -> Call:
    """By a signatory: signs the hash for its organisation."""
    return registry().call("sign", agreement)


def suspend(agreement: Hash32, reason: str) -> Call:
    """By a signatory: stops an active agreement. `reason` is public, at most 32 bytes."""
    return registry().call("suspend", agreement, reason.encode())


def resume(agreement: Hash32) -> Call:
    """By the signatory of the party that suspended it."""
    return registry().call("resume", agreement)


def agreement_state(agreement: Hash32) -> Query[AgreementState]:
    """Who is a party, who has signed, and whether it is in force."""
    return (
        registry()
        .query("agreements", agreement)
        .then(
            lambda fields: AgreementState(
                AgreementStatus(fields["status"]),
                fields["proposer"],
                _organisations(fields["parties"]),
                _organisations(fields["signed"]),
                fields["suspended_by"],
            )
        )
    )


def binds(agreement: Hash32, organisation: int) -> Query[bool]:
    """Whether it is active and the organisation is one of its parties."""
    return registry().query("binds", agreement, organisation)


def _organisations(bits: int) -> frozenset[int]:
    return frozenset(number for number in range(256) if bits >> number & 1)

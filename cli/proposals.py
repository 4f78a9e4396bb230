"""Proposals in the accounts contract, as the commands find, send, agree to and show them.

A proposal that is still open is agreed to instead of made again. Knows no manifest and no node.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, ProposedChange
from contracts.bindings.contract import Call
from contracts.roles import role_label
from ledger.gate import Role
from ledger.values import (
    ZERO_ADDRESS,
    Address,
    InvalidValue,
    address_from_hex,
    checksum_address,
    to_hex,
)
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number

KIND_LABELS: Mapping[str, ProposalKind] = {
    kind.name.lower().replace("_", "-"): kind for kind in ProposalKind
}


@dataclass(frozen=True)
class Wish:
    """What somebody wants the organisations to agree to; the role is an appointment's, parameter
    and value are a parameter's change. An upgrade is applied at the start of block `at`: the code
    that the carrier has, or a protocol's version (`value`) that is in force some blocks later."""

    kind: ProposalKind
    subject: Address = ZERO_ADDRESS
    organisation: int = 0
    role: Role | None = None
    holder: bytes = bytes(32)
    parameter: str = ""
    value: int = 0
    features: int = 0
    carrier: Address = ZERO_ADDRESS
    code_hash: bytes = bytes(32)
    at: int = 0
    in_force_from: int = 0

    @property
    def call(self) -> Call:
        """The transaction that proposes it."""
        makers: dict[ProposalKind, Callable[[], Call]] = {
            ProposalKind.APPOINT: self._appointment,
            ProposalKind.DISMISS: lambda: accounts.propose_dismissal(self.subject),
            ProposalKind.LIFT: lambda: accounts.propose_lift(self.subject),
            ProposalKind.SET_PARAMETER: lambda: accounts.propose_parameter(
                self.parameter, self.value
            ),
            ProposalKind.UPGRADE_PROTOCOL: lambda: accounts.propose_upgrade(
                self.value, self.features, self.in_force_from
            ),
            ProposalKind.REPLACE_CODE: lambda: accounts.propose_code(
                self.subject, self.carrier, self.at
            ),
            ProposalKind.CANCEL_UPGRADE: accounts.propose_cancellation,
        }
        make = makers.get(self.kind)
        return make() if make else accounts.propose_validator(self.kind, self.subject)

    def _appointment(self) -> Call:
        assert self.role is not None
        return accounts.propose_administrator(
            self.subject, self.organisation, self.role, self.holder
        )

    def is_in(self, change: ProposedChange) -> bool:
        """Whether a proposal says the same."""
        return all(
            getattr(change, name) == getattr(self, name)
            for name in (
                *("kind", "subject", "organisation", "role", "holder"),
                *("parameter", "value", "features", "code_hash", "at"),
            )
        )


def subject_address(local: LocalNetwork, name: str) -> Address:
    """The account of that name in the network's folder, or an address as it stands."""
    if not name.startswith("0x"):
        return address_from_hex(local.file.account(name).address)
    try:
        return address_from_hex(name)
    except InvalidValue as error:
        raise CommandFailed(f"'{name}': {error}") from None


def proposal(desk: SetUpDesk, number: int) -> ProposedChange:
    """A proposal by its number; raises CommandFailed where there is none."""
    count = desk.ask(accounts.proposal_count())
    if not 1 <= number <= count:
        raise CommandFailed(f"there is no proposal {number}; the latest is {count}")
    return desk.ask(accounts.proposal(number))


def open_proposal(desk: SetUpDesk, wish: Wish, *, enacted: bool = False) -> ProposedChange | None:
    """The latest proposal of this wish that still counts."""
    now = int(desk.client.block()["timestamp"], 16)  # type: ignore[index]
    for number in range(desk.ask(accounts.proposal_count()), 0, -1):
        change = desk.ask(accounts.proposal(number))
        if wish.is_in(change):
            is_open = not change.enacted and change.expires_at >= now
            return change if is_open or (enacted and change.enacted) else None
    return None


def propose(desk: SetUpDesk, wish: Wish) -> ProposedChange:
    """The open proposal of this wish, made now if there is none."""
    known = open_proposal(desk, wish)
    if known is None:
        # Numbered, for a proposal made again after an expired one is another transaction.
        count = desk.ask(accounts.proposal_count())
        subject = f"{wish.parameter}-{wish.value}" if wish.value else to_hex(wish.subject)
        desk.act(f"propose-{wish.kind.name.lower()}-{subject}-{count}", wish.call)
        known = open_proposal(desk, wish, enacted=True)
    assert known is not None
    return known


def agree(desk: SetUpDesk, organisation: str, change: ProposedChange) -> ProposedChange:
    """The proposal with this organisation's vote, sent now if it is missing."""
    if change.enacted or organisation_number(desk, organisation) in change.votes:
        return change
    desk.act(f"vote-{change.number}", accounts.vote(change.number))
    return desk.ask(accounts.proposal(change.number))


def proposal_row(desk: SetUpDesk, change: ProposedChange) -> dict[str, Any]:
    """A proposal for people and machines."""
    names = [desk.ask(accounts.organisation(number)).name for number in sorted(change.votes)]
    state = "enacted" if change.enacted else desk.ask(accounts.obstacle(change.number)) or "open"
    row = {
        "number": change.number,
        "kind": change.kind.name.lower().replace("_", "-"),
        "subject": change.parameter or checksum_address(change.subject),
        "value": change.value or None,
        "at": change.at or None,
        "code_hash": to_hex(change.code_hash) if any(change.code_hash) else None,
        "node": desk.ask(accounts.consensus_key(change.subject)).node,
        "role": role_label(change.role) if change.role is not None else "",
        "agree": names,
        "weight": change.weight,
        "needed": desk.ask(accounts.threshold()),
        "state": state,
    }
    if change.kind is ProposalKind.UPGRADE_PROTOCOL:
        row["at"] = change.at + desk.ask(accounts.window_blocks()) + 1
    return {**row, "words": proposal_words(row)}


def proposal_words(row: Mapping[str, Any]) -> str:
    """What a proposal would do."""
    match row["kind"]:
        case "set-parameter":
            return f"set {row['subject']} to {row['value']:,}"
        case "upgrade-protocol":
            return f"protocol version {row['value']} from block {row['at']} on"
        case "replace-code":
            return (
                f"replace the code of {row['subject']} at block {row['at']} by that with the hash "
                f"{row['code_hash']}"
            )
        case "cancel-upgrade":
            return f"cancel what is scheduled for block {row['at']}"
    return " ".join(filter(None, (row["kind"], row["node"] or row["subject"], row["role"])))


def proposal_sentence(row: Mapping[str, Any]) -> str:
    """One line on a proposal."""
    return (
        f"proposal {row['number']}: {row['words']}; {', '.join(row['agree'])} agree "
        f"({row['weight']} of {row['needed']} needed); {row['state']}"
    )

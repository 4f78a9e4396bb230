"""What somebody typed after `quorate governance propose`, as a wish that can be proposed.

Checks what needs no node; what the state of things speaks against is `governance.py`'s.
"""

from dataclasses import dataclass

from cli.desks import LocalNetwork
from cli.failure import CommandFailed
from cli.parameters import check_value
from cli.proposals import KIND_LABELS, Wish, subject_address
from contracts.bindings import accounts
from contracts.bindings.accounts import ProposalKind, holder_digest
from contracts.roles import role_named
from ledger.gate import (
    AGREEMENTS_CONTRACT,
    GATE_CONTRACT,
    GROTH16_CONTRACT,
    KEYS_CONTRACT,
)
from ledger.values import Address, InvalidValue, address_from_hex, keccak, to_hex
from workflows.equity_transfer.deploy import SetUpDesk, organisation_number

SYSTEM_CONTRACTS = {
    "accounts": GATE_CONTRACT,
    "agreements": AGREEMENTS_CONTRACT,
    "keys": KEYS_CONTRACT,
    "groth16": GROTH16_CONTRACT,
}
"""By the name of their source."""

_WITH_VALUE = (ProposalKind.SET_PARAMETER, ProposalKind.REPLACE_CODE)
_WITH_BLOCK = (ProposalKind.REPLACE_CODE, ProposalKind.UPGRADE_PROTOCOL)


@dataclass(frozen=True)
class Asked:
    """The arguments as they were typed; empty or 0 for what was not given."""

    kind: str
    subject: str
    value: str
    at: int
    role: str
    org: str
    holder: str


def wish_of(local: LocalNetwork, desk: SetUpDesk, asked: Asked) -> Wish:
    """Raises CommandFailed for what is none."""
    kind = _checked(asked)
    match kind:
        case ProposalKind.SET_PARAMETER:
            value = _number(asked.value)
            check_value(asked.subject, value)
            return Wish(kind, parameter=asked.subject, value=value)
        case (
            ProposalKind.UPGRADE_PROTOCOL | ProposalKind.REPLACE_CODE | ProposalKind.CANCEL_UPGRADE
        ):
            return _upgrade(local, desk, kind, asked)
        case ProposalKind.ADD_VALIDATOR | ProposalKind.REMOVE_VALIDATOR:
            return Wish(kind, _key(local, asked.subject))
        case ProposalKind.APPOINT:
            home = asked.org or local.file.account(asked.subject).org
            return Wish(
                kind,
                subject_address(local, asked.subject),
                organisation_number(desk, home),
                role_named(asked.role),
                holder_digest(local.group.name, asked.holder) if asked.holder else bytes(32),
            )
        case _:
            return Wish(kind, subject_address(local, asked.subject))


def _upgrade(local: LocalNetwork, desk: SetUpDesk, kind: ProposalKind, asked: Asked) -> Wish:
    if kind is ProposalKind.REPLACE_CODE:
        return _replacement(desk, kind, asked)
    if kind is ProposalKind.CANCEL_UPGRADE:
        return Wish(kind, at=desk.ask(accounts.upgrade_at()))
    features = desk.ask(accounts.features())  # what is on stays on
    at = max(0, asked.at - local.genesis.parameters.window_blocks - 1)
    version = _number(asked.subject)
    return Wish(kind, value=version, features=features, at=at, in_force_from=asked.at)


def _checked(asked: Asked) -> ProposalKind:
    if asked.kind not in KIND_LABELS:
        raise CommandFailed(
            f"'{asked.kind}' is no kind of proposal; there are: {', '.join(KIND_LABELS)}"
        )
    kind = KIND_LABELS[asked.kind]
    if bool(asked.subject) == (kind is ProposalKind.CANCEL_UPGRADE):
        raise CommandFailed("every proposal but cancel-upgrade says what it is about")
    if bool(asked.role) != (kind is ProposalKind.APPOINT):
        raise CommandFailed("--role belongs to an appointment, and an appointment needs it")
    if bool(asked.value) != (kind in _WITH_VALUE):
        raise CommandFailed("a value belongs to set-parameter and replace-code, which need it")
    if bool(asked.at) != (kind in _WITH_BLOCK):
        raise CommandFailed("--at belongs to replace-code and upgrade-protocol, which need it")
    return kind


def _replacement(desk: SetUpDesk, kind: ProposalKind, asked: Asked) -> Wish:
    target = SYSTEM_CONTRACTS.get(asked.subject)
    try:
        target = target or address_from_hex(asked.subject)
        carrier = address_from_hex(asked.value)
    except InvalidValue as error:
        known = ", ".join(SYSTEM_CONTRACTS)
        raise CommandFailed(
            f"replace-code takes one of {known} (or an address) and the address of a contract "
            f"with the new code, which `quorate contract deploy` gives: {error}"
        ) from None
    code = desk.client.code(to_hex(carrier))
    if not code:
        raise CommandFailed(f"{asked.value} has no code: deploy the new code first")
    return Wish(kind, target, carrier=carrier, code_hash=keccak(code), at=asked.at)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise CommandFailed(f"expected a number without a unit, got '{text:.40}'")
    return int(text)


def _key(local: LocalNetwork, node: str) -> Address:
    """The consensus key that a name or an address stands for."""
    if node.startswith("0x"):
        return subject_address(local, node)
    return address_from_hex(local.file.node(node).address)

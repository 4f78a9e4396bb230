"""Who may do what in a group: each role against each act, as documents show and tests try it.

A statement, not the rule: the rule stands in `ledger.gate` and in the contracts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from contracts.roles import role_label
from ledger.gate import Role


class Verdict(Enum):
    """What becomes of an attempt."""

    DONE = "Y"
    REVERTED = "c"
    """Included in a block; the contract refuses."""
    REFUSED = "-"
    """Pool and RPC refuse it; a batch that holds it is executed without it."""


STANDINGS = (
    *map(
        role_label,
        (
            Role.MEMBER,
            Role.GATEWAY,
            Role.AUTHOR,
            Role.REGULATOR,
            Role.SYSTEM_ADMINISTRATOR,
            Role.SECURITY_ADMINISTRATOR,
            Role.AUDIT_ADMINISTRATOR,
            Role.ADMIN,
        ),
    ),
    "none",
    "frozen",
)
"""Roles, an account without one, and a frozen member."""


@dataclass(frozen=True)
class Act:
    """Something that a transaction does; `name` is what tests call it."""

    name: str
    title: str
    verdicts: Mapping[str, Verdict]


def _act(name: str, title: str, marks: str) -> Act:
    verdicts = [Verdict(mark) for mark in marks.split()]
    return Act(name, title, dict(zip(STANDINGS, verdicts, strict=True)))


# Columns: member gateway author regulator system- security- audit-administrator admin none frozen
ACTS = (
    _act("send", "send to an account", "Y Y Y - - - - Y - -"),
    _act("call", "call a contract", "Y Y Y - - - - Y - -"),
    _act("deploy", "deploy a contract", "- - Y - - - - Y - -"),
    _act("freeze-account", "freeze an account 冻结账户", "c c c Y c c - c - -"),
    _act("freeze-contract", "freeze a contract 冻结合约", "c c c Y c c - c - -"),
    _act("propose-lift", "propose to lift a freezing", "c c c c c Y - Y - -"),
    _act("vote-lift", "vote on lifting", "c c c c c Y - Y - -"),
    _act("set-account", "give an account of its organisation a role", "c c c c c Y - Y - -"),
    _act("remove-account", "remove an account of its organisation", "c c c c c Y - Y - -"),
    _act("set-administrator", "make an administrator alone", "c c c c c c - Y - -"),
    _act("remove-administrator", "remove an administrator alone", "c c c c c c - Y - -"),
    _act("propose-administrator", "propose an administrator", "c c c c c Y - Y - -"),
    _act("vote-administrator", "vote on an administrator", "c c c c c Y - Y - -"),
    _act("propose-dismissal", "propose a dismissal", "c c c c c Y - Y - -"),
    _act("vote-dismissal", "vote on a dismissal", "c c c c c Y - Y - -"),
    _act("envelope-key", "set its organisation's envelope key", "c c c c c Y - Y - -"),
    _act("approve-rule", "approve a rule version or verification key", "c c c - c Y - Y - -"),
    _act("register-key", "register a verification key", "c c Y - c c - Y - -"),
    _act("propose-agreement", "put an agreement up for signature", "c c Y - c c - Y - -"),
    _act("admit-node", "admit a node of its organisation", "c c c c Y c - Y - -"),
    _act("dismiss-node", "dismiss a node of its organisation", "c c c c Y c - Y - -"),
    _act("ready", "declare a consensus key ready", "c c c c Y c - Y - -"),
    _act("propose-validator", "propose a change of validators", "c c c c Y c - Y - -"),
    _act("vote-validator", "vote on validators", "c c c c Y c - Y - -"),
    _act("propose-parameter", "propose a parameter's value", "c c c c Y c - Y - -"),
    _act("vote-parameter", "vote on a parameter", "c c c c Y c - Y - -"),
    _act("propose-upgrade", "propose a protocol version", "c c c c Y c - Y - -"),
    _act("vote-upgrade", "vote on a protocol version", "c c c c Y c - Y - -"),
    _act("propose-code", "propose a system contract's code", "c c c c c Y - Y - -"),
    _act("vote-code", "vote on a system contract's code", "c c c c c Y - Y - -"),
)

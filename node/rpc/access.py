"""What a caller may read: the table of role and class of method, and each method's class.

This is the one place that decides, before a method runs. A method that is not in the table is
the operator's alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from ledger.gate import Role


class CallerRole(StrEnum):
    """What a caller is: this node's operator, its monitor, or a role as accounts have it."""

    OPERATOR = "operator"
    MONITOR = "monitor"
    SYSTEM_ADMINISTRATOR = "system-administrator"
    SECURITY_ADMINISTRATOR = "security-administrator"
    AUDIT_ADMINISTRATOR = "audit-administrator"
    REGULATOR = "regulator"
    ADMIN = "admin"
    AUTHOR = "author"
    GATEWAY = "gateway"
    MEMBER = "member"


class MethodClass(StrEnum):
    """Methods that the same callers may use."""

    NODE = "node"
    LEDGER = "ledger"
    SEND = "send"
    POOL = "pool"
    TRACE = "trace"
    ENVELOPES = "envelopes"
    OPERATE = "operate"


MEANING = {
    MethodClass.NODE: "this node and its software: version, peers, the list of methods",
    MethodClass.LEDGER: "what is public to the group: blocks, receipts, logs, state, proofs, "
    "calls, the group's status",
    MethodClass.SEND: "signed transactions; whether one counts is the account's role on chain",
    MethodClass.POOL: "what waits and is not in a block yet, of all senders",
    MethodClass.TRACE: "the inside of past transactions, and raw bytes",
    MethodClass.ENVELOPES: "what this node's organisation sends and receives, sealed; for callers "
    "of that organisation only",
    MethodClass.OPERATE: "whatever the table does not name",
}

PROTECTED = frozenset(
    {MethodClass.POOL, MethodClass.TRACE, MethodClass.ENVELOPES, MethodClass.OPERATE}
)
"""Each use leaves an entry in the audit log, whoever asks."""

WATCHED = frozenset({CallerRole.REGULATOR, CallerRole.AUDIT_ADMINISTRATOR})
"""Each request leaves an entry, whatever is asked, and is answered once the entry is synced."""

_PUBLIC = frozenset({MethodClass.NODE, MethodClass.LEDGER})
_SENDS = _PUBLIC | {MethodClass.SEND}

TABLE: dict[CallerRole, frozenset[MethodClass]] = {
    CallerRole.OPERATOR: frozenset(MethodClass),
    CallerRole.MONITOR: frozenset(),
    CallerRole.SYSTEM_ADMINISTRATOR: _SENDS,
    CallerRole.SECURITY_ADMINISTRATOR: _SENDS,
    CallerRole.AUDIT_ADMINISTRATOR: _SENDS | {MethodClass.TRACE},
    CallerRole.REGULATOR: _SENDS | {MethodClass.POOL, MethodClass.TRACE},
    CallerRole.ADMIN: _SENDS | {MethodClass.ENVELOPES},
    CallerRole.AUTHOR: _SENDS,
    CallerRole.GATEWAY: _SENDS | {MethodClass.ENVELOPES},
    CallerRole.MEMBER: _SENDS | {MethodClass.ENVELOPES},
}

GRANTABLE = tuple(role for role in CallerRole if role is not CallerRole.OPERATOR)
"""Roles that a certificate or token can have; the operator is whoever reaches loopback."""

READS_METRICS = frozenset({CallerRole.OPERATOR, CallerRole.MONITOR})

_CLASSES: dict[MethodClass, tuple[str, ...]] = {
    MethodClass.NODE: (
        "eth_accounts",
        "net_listening",
        "net_peerCount",
        "quorate_groups",
        "quorate_peers",
        "rpc.discover",
        "web3_clientVersion",
        "web3_sha3",
    ),
    MethodClass.LEDGER: (
        *("eth_blobBaseFee", "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas"),
        *("eth_feeHistory", "eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_syncing"),
        *("eth_getBalance", "eth_getCode", "eth_getProof", "eth_getStorageAt"),
        *("eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts"),
        *("eth_getBlockTransactionCountByHash", "eth_getBlockTransactionCountByNumber"),
        *("eth_getFilterChanges", "eth_getFilterLogs", "eth_getLogs"),
        *("eth_getTransactionByBlockHashAndIndex", "eth_getTransactionByBlockNumberAndIndex"),
        *("eth_getTransactionByHash", "eth_getTransactionCount", "eth_getTransactionReceipt"),
        *("eth_getUncleCountByBlockHash", "eth_getUncleCountByBlockNumber"),
        *("eth_newBlockFilter", "eth_newFilter", "eth_uninstallFilter"),
        *("eth_subscribe", "eth_unsubscribe", "net_version"),
        *("quorate_getBlockCertificate", "quorate_getEpochProof", "quorate_getProposal"),
        *("quorate_getEvidence", "quorate_getReceiptProof", "quorate_getRecoveries"),
        *("quorate_getTransactionProof", "quorate_getTransactionStatus", "quorate_status"),
        "quorate_validators",
    ),
    MethodClass.SEND: ("eth_sendRawTransaction",),
    MethodClass.POOL: ("eth_newPendingTransactionFilter", "quorate_txpool"),
    MethodClass.TRACE: (
        "debug_getRawBlock",
        "debug_getRawHeader",
        "debug_getRawReceipts",
        "debug_getRawTransaction",
        "debug_traceTransaction",
    ),
    MethodClass.ENVELOPES: ("quorate_envelopes", "quorate_sendEnvelope"),
}
_CLASS_OF = {name: kind for kind, names in _CLASSES.items() for name in names}

_PENDING_TOPIC = "newPendingTransactions"
_SUBSCRIBE = "eth_subscribe"

_OF_ACCOUNTS = {
    Role.MEMBER: CallerRole.MEMBER,
    Role.AUTHOR: CallerRole.AUTHOR,
    Role.REGULATOR: CallerRole.REGULATOR,
    Role.ADMIN: CallerRole.ADMIN,
    Role.SYSTEM_ADMINISTRATOR: CallerRole.SYSTEM_ADMINISTRATOR,
    Role.SECURITY_ADMINISTRATOR: CallerRole.SECURITY_ADMINISTRATOR,
    Role.AUDIT_ADMINISTRATOR: CallerRole.AUDIT_ADMINISTRATOR,
    Role.GATEWAY: CallerRole.GATEWAY,
}
_PRECEDENCE = (CallerRole.REGULATOR, CallerRole.AUDIT_ADMINISTRATOR, *CallerRole)
"""Of several roles of an account one counts: a watched one first, since its reads are logged."""


def class_of(method: str, params: Any = None) -> MethodClass:
    """A method's class; a subscription to the pool is the pool's."""
    if method == _SUBSCRIBE:
        given = params.get("subscriptionType") if isinstance(params, dict) else params
        topic = given[0] if isinstance(given, list) and given else given
        if topic == _PENDING_TOPIC:
            return MethodClass.POOL
    return _CLASS_OF.get(method, MethodClass.OPERATE)


def may_use(
    role: CallerRole | None, kind: MethodClass, *, organisation: str, node_organisation: str
) -> bool:
    """Whether a caller of this role and organisation may use a class of methods at this node."""
    if role is None or kind not in TABLE[role]:
        return False
    is_own = role is CallerRole.OPERATOR or organisation == node_organisation
    return is_own or kind is not MethodClass.ENVELOPES


def account_reads(standing: str, kind: MethodClass) -> bool:
    """Whether an account in a standing reads a class of methods at its own organisation's node.

    A standing is a role, or anything else for an account that has none that counts: one without
    a role, or a frozen one. To such a caller the group is unknown.
    """
    return standing in set(CallerRole) and kind in TABLE[CallerRole(standing)]


def is_logged(role: CallerRole | None, kind: MethodClass) -> bool:
    """Whether a request leaves an entry in the audit log."""
    return role in WATCHED or kind in PROTECTED


def reads_group(role: CallerRole | None) -> bool:
    """Whether a role may learn anything of a group: without it, the group is unknown to it."""
    return role is not None and MethodClass.LEDGER in TABLE[role]


def role_of_account(roles: Iterable[Role]) -> CallerRole | None:
    """The role of an account with these on chain; None for none that is known here."""
    held = {_OF_ACCOUNTS[role] for role in roles if role in _OF_ACCOUNTS}
    return next((role for role in _PRECEDENCE if role in held), None)

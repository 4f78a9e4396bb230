"""The page of codes: transactions, workflow, contract, JSON-RPC, connections between nodes.

Names and remedies come from the code; where the code has a name only, the sentence stands here.
"""

from contracts.bindings.equity import AlarmCode, ApplicationStatus, AttestationStatus
from ledger.reasons import Reason
from node.p2p.trust import Refusal as PeerRefusal
from node.pool import PoolReason
from node.rpc import errors
from scripts.reference_pages.markdown import code, page, table
from workflows.equity_transfer.refusal import RefusalCode

INTRODUCTION = """\
Machines read the code, people the sentence beside it. A code never changes its meaning."""

WORKFLOW = {
    RefusalCode.LOW_PRICE: (
        "The income is below the share of net assets or below cost. Have it assessed (核定), or "
        "attest a reason (正当理由)."
    ),
    RefusalCode.NO_BASIS: "The cost basis decides the tax and nothing proves it. Prove it, or "
    "have the office assess it.",
    RefusalCode.NOT_PAID: "Payment and relief do not cover the tax due. Pay first (先税后照).",
    RefusalCode.MISMATCH: "The two openings differ; the field is named. One bureau corrects its "
    "record.",
    RefusalCode.RULE_VERSION: "The rule in the record is not in force on chain. Declare again "
    "under the rule in force.",
}

CONTRACT = {
    AlarmCode.E_AGREEMENT: "The sharing agreement is not signed by both bureaus, or is suspended.",
    AlarmCode.E_NOT_ATTESTED: "No attestation of that id is in force: absent, or without its "
    "countersignature.",
    AlarmCode.E_USED: "The attestation was consumed by another transfer.",
    AlarmCode.E_STATUS: "The attestation was superseded, withdrawn or refunded, or the "
    "application is not pending.",
    AlarmCode.E_RULE_VERSION: "The attested rule or the circuit's key is not in force.",
    AlarmCode.E_LOT_NOT_ATTESTED: "Holdings: a named lot is absent, or without its "
    "countersignature.",
    AlarmCode.E_LOT_USED: "Holdings: a named lot was consumed by another transfer.",
    AlarmCode.E_LOT_STATUS: "Holdings: a named lot was withdrawn.",
    AlarmCode.E_PROOF: "The proof does not hold for what the contract has in its storage.",
    AlarmCode.E_REST: "Holdings: the lot that would remain stands already; the salt was used "
    "before, so correct the attestation.",
    AlarmCode.A_SUPERSEDED: "Alarm: a verified transfer's attestation was corrected afterwards.",
    AlarmCode.A_WITHDRAWN: "Alarm: it was declared void afterwards.",
    AlarmCode.A_REFUNDED: "Alarm: the tax was paid back afterwards.",
    AlarmCode.A_REST_VOID: "Alarm, holdings: a verified transfer drew on what a sale left whose "
    "attestation has ended since.",
}

RPC = {
    "PARSE_ERROR": "The request is not JSON, or nested too deep.",
    "INVALID_REQUEST": "JSON, and no JSON-RPC 2.0 request.",
    "METHOD_NOT_FOUND": "No such method; `rpc.discover` lists those that are there.",
    "INVALID_PARAMETERS": "A parameter has another form; the sentence names it.",
    "INTERNAL_ERROR": "A fault of this node; its log says where.",
    "INVALID_INPUT": "Well formed, and impossible as it stands, such as a call that runs out of "
    "gas.",
    "RESOURCE_NOT_FOUND": "The block, filter or group is not on this node.",
    "RESOURCE_UNAVAILABLE": "This node cannot serve it now; another one can.",
    "TRANSACTION_REJECTED": "A reason code of the first two tables stands in `data.reason`.",
    "METHOD_NOT_SUPPORTED": "The method exists and this form of it is not served here.",
    "LIMIT_EXCEEDED": "Larger than a [bound](json-rpc.md#bounds); ask for less at a time.",
    "UNAUTHORIZED": "The caller shows no certificate or token that this node grants anything, or "
    "its role does not allow the method; see [who may read what](access.md).",
    "EXECUTION_REVERTED": "The contract reverted: the reason in words, its bytes in `data`.",
}


def render() -> str:
    """The page."""
    assert set(WORKFLOW) == set(RefusalCode)
    assert set(CONTRACT) == set(AlarmCode)
    numbers = {name: value for name, value in vars(errors).items() if isinstance(value, int)}
    assert set(RPC) == set(numbers)
    return page(
        "Error codes",
        INTRODUCTION,
        "## Why a transaction is refused or dropped",
        "In the order of `ledger/reasons.py`. The pool refuses early; execution decides, on every "
        "replica alike. `quorate_getTransactionStatus` names the reason of a dropped transaction. "
        "Only `NONCE_USED` is final; after `NONCE_GAP` and `BLOCK_FULL` the transaction returns "
        "to the pool by itself.",
        table(("code", "what to do"), ((code(r.value), r.remedy) for r in Reason)),
        "## Why a pool has no place",
        "The transaction is valid; this node does not take it now.",
        table(("code", "what to do"), ((code(r.value), r.remedy) for r in PoolReason)),
        "## Refusals of the equity transfer, before anything is sent",
        "`declare` and `prove` name the rule that fails. The message holds no amount and no "
        "identity.",
        table(("code", "meaning and way out"), ((code(c.value), WORKFLOW[c]) for c in RefusalCode)),
        "## Codes of the equity-transfer contract",
        "`verify` does not revert for a business reason: it stores the refusal and emits `Alarm`. "
        "The first failure in this order wins. The third refusal ends the application. Codes of "
        "holdings are those of the [contract with holdings](holdings-contract.md).",
        table(
            ("code", "number", "meaning"),
            ((code(c.name), c.value, CONTRACT[c]) for c in AlarmCode),
        ),
        f"An attestation is {_names(AttestationStatus)}. An application is "
        f"{_names(ApplicationStatus)}. Every other mistake (wrong role, wrong status, an id that "
        "is taken) reverts with a sentence.",
        "## JSON-RPC",
        table(
            ("code", "name", "meaning"),
            ((code(numbers[name]), name, meaning) for name, meaning in RPC.items()),
        ),
        "## Connections between nodes that are refused",
        "The label of `quorate_handshakes_refused_total`; the log has the sentence.",
        ", ".join(code(reason.value) for reason in PeerRefusal) + ".",
    )


def _names(statuses: type[AttestationStatus] | type[ApplicationStatus]) -> str:
    return ", ".join(code(status.name) for status in statuses)

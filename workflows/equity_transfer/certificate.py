"""存证凭证: what happened to one transfer, with all that proves it, checked without any network.

Whoever has the group's genesis file checks it: every statement is derived again from receipts and
storage that are proven against headers which a quorum signed. A statement that does not follow,
an unknown field, another spelling or any altered byte refuses the document.

It proves what stood on chain at one block. It is no tax receipt, and what is revoked later shows
only online; both are said in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from client.light import InvalidAnswer, LightClient, ProvenReceipt
from client.rpc import Client
from contracts.bindings.contract import Event, InvalidResult
from contracts.bindings.equity import AlarmCode, ApplicationStatus, AttestationStatus, Terms
from contracts.releases import Release
from ledger.epoch_chain import CertifiedHeader
from ledger.genesis import Genesis
from ledger.values import (
    Address,
    Hash32,
    InvalidValue,
    address_from_hex,
    checksum_address,
    hash_from_hex,
    keccak,
    to_hex,
)
from workflows.equity_transfer.deployment import Deployment, RegisteredCircuit
from workflows.equity_transfer.desk import Desk, StepRefused
from workflows.equity_transfer.ids import InvalidId, parse_id, show_id
from workflows.equity_transfer.offices import account_office, organisation_labels
from workflows.equity_transfer.released import (
    UnknownContract,
    release_at,
    release_with_hash,
    status_slots,
)
from workflows.equity_transfer.show import beijing_time, show
from workflows.json_text import InvalidJson, decode_json

certificate_bytes_max = 8 * 1024 * 1024
receipts_max = 64

_FORMAT = "quorate evidence 1"
_NOTICE = (
    "本凭证证明截至所列区块的链上存证状态,不替代税收完税证明。此后的更正、作废、退税或撤销只能在线查询。",
    "States what stood on chain at the block named. It is no substitute for a tax payment "
    "certificate. Later corrections, withdrawals, refunds or revocations show only online.",
)
_TAX_STEPS = frozenset(
    {
        "Attested",
        "Countersigned",
        "Superseded",
        "Withdrawn",
        "Refunded",
        "LotsNamed",
        "LotWithdrawn",
    }
)
_MARKET_STEPS = frozenset({"Applied", "Registered", "Revoked"})
_BLOCK_KEYS = ("header", "record", "signers", "signatures")
_EPOCH_KEYS = ("recovery", "next_parameters")
"""What an epoch's answer has only where it applies."""
_EPOCH_MAX = 2**53
"""Above every epoch: a recovery may leave numbers out, so they can exceed the blocks'."""
_RECEIPT_KEYS = ("index", "receipt", "proof", "transaction_proof")


class InvalidEvidence(ValueError):
    """A certificate that does not prove what it says; the message names what fails."""


@dataclass(frozen=True)
class Evidence:
    """A certificate that was checked. `statement` is what it says, as in the document; `release` is
    the contract that it is about, by its code on chain."""

    id: str
    digest: str
    statement: Mapping[str, Any]
    release: Release


def make_certificate(desk: Desk, genesis: Genesis, item: bytes) -> bytes:
    """The certificate of a transfer as of the node's last block. It is checked before it leaves."""
    shown = show(desk, item)
    if shown.transfer is None:
        raise StepRefused(f"{show_id(item)}: no transfer has used this attestation yet")
    client = desk.client
    head = client.block_certificate("latest")
    number = int(head["number"])
    transfer, attestation = parse_id(shown.transfer), parse_id(shown.attestation or "")
    slots = status_slots(release_at(client, desk.deployment), transfer, attestation)
    state = client.proof(checksum_address(desk.deployment.address), slots, number)
    hashes = dict.fromkeys(step.transaction for step in shown.steps if step.block <= number)
    evidence = {
        "block": _only(head, _BLOCK_KEYS),
        "epochs": [_epoch(answer) for answer in client.epoch_proof(0, _EPOCH_MAX)],
        "receipts": [_receipt(client, transaction) for transaction in hashes],
        "state": {
            "account": state["accountProof"],
            "slots": [entry["proof"] for entry in state["storageProof"]],
        },
    }
    subject = _subject(desk.deployment, transfer, attestation)
    statement, _ = _derive(subject, evidence, genesis)
    data = _seal(statement, evidence)
    check_certificate(data, genesis)
    return data


def check_certificate(data: bytes, genesis: Genesis) -> Evidence:
    """Check a certificate with the genesis file alone. Raises `InvalidEvidence`."""
    document = _parse(data)
    statement, evidence = document["statement"], document["evidence"]
    if not isinstance(statement, dict) or not isinstance(evidence, dict):
        raise InvalidEvidence("certificate: expected a statement and its evidence")
    if _seal(statement, evidence) != data:
        raise InvalidEvidence("certificate: altered: its digest or its spelling is not its own")
    subject = statement.get("subject")
    if not isinstance(subject, dict):
        raise InvalidEvidence("certificate: expected its subject")
    derived, release = _derive(subject, evidence, genesis)
    if derived != statement:
        raise InvalidEvidence("certificate: it says more or other than its evidence proves")
    return Evidence(document["id"], document["digest"], statement, release)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = decode_json(data, bytes_max=certificate_bytes_max)
    except InvalidJson as error:
        raise InvalidEvidence(f"certificate: {error}; get the file again") from None
    names = {"format", "id", "digest", "statement", "evidence"}
    if not isinstance(document, dict) or set(document) != names or document["format"] != _FORMAT:
        raise InvalidEvidence(f"certificate: expected the form {_FORMAT!r}; get the file again")
    return document


def _seal(statement: Mapping[str, Any], evidence: Mapping[str, Any]) -> bytes:
    """The document's bytes: canonical JSON, with its digest over all the rest."""
    body = {"format": _FORMAT, "statement": statement, "evidence": evidence}
    digest = keccak(_canonical(body))
    sealed = {**body, "id": to_hex(digest[:16]), "digest": to_hex(digest)}
    return _canonical(sealed) + b"\n"


def _canonical(document: Mapping[str, Any]) -> bytes:
    """JSON with sorted names and without blanks; floats do not occur."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


class _Recorded(Client):
    """Answers the light client's one question from the certificate instead of a node."""

    def __init__(self, epochs: list[dict[str, Any]]) -> None:
        super().__init__("http://certificate.invalid")
        self._epochs = epochs

    def epoch_proof(self, start: int, end: int) -> list[dict[str, Any]]:
        return self._epochs

    def call_method(self, method: str, *params: Any) -> Any:
        raise AssertionError(f"{method}: a certificate is checked without a network")


def _derive(
    subject: Mapping[str, Any], evidence: Mapping[str, Any], genesis: Genesis
) -> tuple[dict[str, Any], Release]:
    """The statement that the evidence proves about a subject, and the contract's release.

    Raises `InvalidEvidence`.
    """
    try:
        return _derived(subject, evidence, genesis)
    except InvalidAnswer as error:
        raise InvalidEvidence(f"certificate: {error.what}: {error}") from error
    except (InvalidValue, InvalidId, InvalidResult, UnknownContract) as error:
        raise InvalidEvidence(f"certificate: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidEvidence(f"certificate: a part is missing or malformed: {error}") from error


def _derived(
    subject: Mapping[str, Any], evidence: Mapping[str, Any], genesis: Genesis
) -> tuple[dict[str, Any], Release]:
    _expect_names(evidence, ("block", "epochs", "receipts", "state"), "evidence")
    for answer in evidence["epochs"]:
        more = tuple(name for name in _EPOCH_KEYS if name in answer)
        _expect_names(answer, (*_BLOCK_KEYS, "next_validators", *more), "epoch")
    light = LightClient(genesis, _Recorded(evidence["epochs"]))
    _expect_names(evidence["block"], _BLOCK_KEYS, "block")
    block = light.verify_certified(evidence["block"], None)
    deployment = _deployment(subject, genesis, light.group_id)
    transfer = parse_id(subject["transfer"])
    attestation = parse_id(subject["attestation"])
    release, words = _state(
        light,
        deployment,
        evidence["state"],
        block,
        transfer=transfer,
        attestation=attestation,
    )
    application_status, attestation_status = _statuses(words, attestation)
    receipts = evidence["receipts"]
    if len(receipts) > receipts_max:
        raise InvalidEvidence(f"certificate: expected at most {receipts_max} receipts")
    steps = []
    for answer in receipts:
        receipt = _proven_receipt(light, answer)
        if receipt.transaction.block.header.number > block.header.number:
            raise InvalidEvidence("certificate: a step is later than the block it is made for")
        steps += _steps(genesis, deployment, receipt, transfer, attestation)
    if steps != sorted(steps, key=lambda step: (step["block"], step["position"])):
        raise InvalidEvidence("certificate: its steps are not in the order of the chain")
    labels = organisation_labels(genesis)
    statement = {
        "title": "存证凭证",
        "notice": list(_NOTICE),
        "subject": _subject(deployment, transfer, attestation),
        "chain": {"chain_id": genesis.chain_id, "genesis_hash": to_hex(light.group_id)},
        "offices": {
            "tax": labels[deployment.terms.tax_organisation],
            "market": labels[deployment.terms.market_organisation],
        },
        "status": {
            "application": application_status.name,
            "attestation": attestation_status.name,
            "as_of_block": block.header.number,
            "as_of_hash": to_hex(block.header.hash),
            "as_of_time": beijing_time(block.header.timestamp),
            "time_zone": "Asia/Shanghai",
        },
        "steps": steps,
    }
    return statement, release


def _deployment(subject: Mapping[str, Any], genesis: Genesis, group: Hash32) -> Deployment:
    terms = Terms(
        genesis_hash=group,
        agreement=hash_from_hex(subject["agreement"]),
        circuit=hash_from_hex(subject["circuit"]),
        tax_organisation=_number(subject["tax_organisation"]),
        market_organisation=_number(subject["market_organisation"]),
    )
    registered = None
    if "registry" in subject:
        registered = RegisteredCircuit(
            address_from_hex(subject["registry"]), hash_from_hex(subject["entry"])
        )
    address = address_from_hex(subject["contract"])
    return Deployment(genesis.chain_id, address, terms, registered)


def _subject(deployment: Deployment, transfer: bytes, attestation: bytes) -> dict[str, Any]:
    registered, more = deployment.registered, {}
    if registered is not None:
        more = {"registry": to_hex(registered.registry), "entry": to_hex(registered.entry)}
    return {
        "contract": to_hex(deployment.address),
        "transfer": show_id(transfer),
        "attestation": show_id(attestation),
        "agreement": to_hex(deployment.terms.agreement),
        "circuit": to_hex(deployment.terms.circuit),
        "tax_organisation": deployment.terms.tax_organisation,
        "market_organisation": deployment.terms.market_organisation,
        **more,
    }


def _state(
    light: LightClient,
    deployment: Deployment,
    state: Mapping[str, Any],
    block: CertifiedHeader,
    *,
    transfer: bytes,
    attestation: bytes,
) -> tuple[Release, list[int]]:
    """The release that stands there after `block`, by its code, and the words of its slots."""
    _expect_names(state, ("account", "slots"), "state")
    answer: dict[str, Any] = {"accountProof": state["account"], "storageProof": []}
    account = light.verify_account(deployment.address, (), answer, block).account
    release = release_with_hash(deployment, account.code_hash)
    slots = status_slots(release, transfer, attestation)
    answer["storageProof"] = [{"proof": nodes} for nodes in state["slots"]]
    proven = light.verify_account(deployment.address, slots, answer, block)
    return release, [proven.storage[slot] for slot in slots]


def _statuses(words: list[int], attestation: bytes) -> tuple[ApplicationStatus, AttestationStatus]:
    """Both statuses from the words of `status_slots`."""
    attested, applied, named = words
    if named.to_bytes(32, "big")[:16] != attestation or not applied:
        raise InvalidEvidence("certificate: the application names another attestation")
    return ApplicationStatus(applied), AttestationStatus(attested)


def _proven_receipt(light: LightClient, answer: Mapping[str, Any]) -> ProvenReceipt:
    _expect_names(answer, (*_RECEIPT_KEYS, "transaction", "block"), "receipt")
    _expect_names(answer["block"], _BLOCK_KEYS, "block")
    return light.verify_receipt(hash_from_hex(answer["transaction"]), answer)


def _steps(
    genesis: Genesis,
    deployment: Deployment,
    receipt: ProvenReceipt,
    transfer: bytes,
    attestation: bytes,
) -> list[dict[str, Any]]:
    """The contract's events in a proven receipt that are about this transfer."""
    block = receipt.transaction.block
    steps = []
    for event in deployment.contract.contract.decode_events(receipt.logs):
        facts = event.arguments
        if facts.get("transfer", transfer) != transfer:
            continue
        if attestation not in (facts.get("attestation", attestation), facts.get("replacement")):
            continue
        step = {
            "name": event.name,
            "data_type": facts["data_type"].rstrip(b"\0").decode("ascii", "replace"),
            "account": checksum_address(facts["sender"]),
            "office": _office(genesis, deployment, event),
            "receiver": organisation_labels(genesis).get(facts["receiver"]),
            "transaction": to_hex(receipt.transaction.transaction.hash),
            "block": block.header.number,
            "position": receipt.transaction.index,
            "time": beijing_time(block.header.timestamp),
        }
        if "digest" in facts:
            step["digest"] = to_hex(facts["digest"])
        if "lot" in facts:
            step["lot"] = f"0x{facts['lot']:064x}"
        if "code" in facts:
            step["code"] = AlarmCode(facts["code"]).name
        steps.append(step)
    if not steps:
        raise InvalidEvidence("certificate: a receipt in it is of no step of this transfer")
    return steps


def _office(genesis: Genesis, deployment: Deployment, event: Event) -> dict[str, str] | None:
    """Whose act it was: by the contract's rule where it fixes the office, else by genesis."""
    terms = deployment.terms
    labels = organisation_labels(genesis)
    if event.name in _TAX_STEPS:
        return labels.get(terms.tax_organisation)
    if event.name in _MARKET_STEPS:
        return labels.get(terms.market_organisation)
    sender: Address = event.arguments["sender"]
    return labels.get(account_office(genesis, sender))


def _receipt(client: Client, transaction: str) -> dict[str, Any]:
    answer = client.receipt_proof(transaction)
    assert answer is not None, "a log's transaction has a receipt"
    kept = _only(answer, _RECEIPT_KEYS)
    return {**kept, "transaction": transaction, "block": _only(answer["block"], _BLOCK_KEYS)}


def _epoch(answer: Mapping[str, Any]) -> dict[str, Any]:
    more = tuple(name for name in _EPOCH_KEYS if answer.get(name) is not None)
    return _only(answer, (*_BLOCK_KEYS, "next_validators", *more))


def _only(answer: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: answer[name] for name in names}


def _expect_names(found: Any, names: tuple[str, ...], what: str) -> None:
    if not isinstance(found, dict) or set(found) != set(names):
        raise InvalidEvidence(f"certificate: {what}: expected {', '.join(names)} and nothing else")


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 32:
        raise InvalidEvidence("certificate: expected an organisation's number")
    return value

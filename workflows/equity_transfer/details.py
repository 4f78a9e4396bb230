"""回传与签收: the registration's details, sealed by the registrar, accepted by the tax bureau.

The envelope travels from node to node; on chain stand its digest and the acceptance. It is sealed
once: a repeated run delivers the very same bytes.
"""

import json
from dataclasses import dataclass
from typing import Any

from contracts.bindings.accounts import envelope_key
from contracts.bindings.contract import log_from_rpc
from contracts.bindings.equity import ApplicationStatus
from ledger.values import Hash32, checksum_address, from_hex, to_hex
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    application_of,
    ask,
    check_agreement,
    check_office,
    market_opening,
    opening_path,
    outcome,
    resume,
)
from workflows.equity_transfer.envelope import (
    InvalidEnvelope,
    Route,
    digest,
    load_private_key,
    new_private_key,
    plaintext_bytes_max,
    public_key_of,
    save_private_key,
    seal,
    unseal,
)
from workflows.equity_transfer.ids import show_id
from workflows.equity_transfer.opening import (
    DealFacts,
    InvalidOpening,
    decode_deal,
    encode_deal,
    first_difference,
    load_opening,
    open_record,
)
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.json_text import InvalidJson, decode_json
from workflows.waiting import wait_for
from workflows.workspace import read_plain, write_private, write_private_json

_FORMAT = "quorate registration details 1"
_padding_bytes = 1024  # the length of an envelope tells nothing of what is in it
_text_chars_max = 100


@dataclass(frozen=True)
class Accepted:
    """What the tax bureau received: the digest accepted, and where the details are kept."""

    id: str
    digest: str
    approval_number: str
    transaction: str | None
    block: int | None


def ensure_envelope_key(desk: Desk) -> bytes:
    """The organisation's public key for envelopes; makes the key pair if there is none."""
    path = desk.keys / "envelope.key"
    if not path.exists():
        save_private_key(path, new_private_key())
    return public_key_of(load_private_key(path))


def send_details(desk: Desk, transfer: bytes, approval_number: str) -> Outcome:
    """Seal the registration's details for the tax bureau, announce their digest, deliver them.

    `approval_number` is the registrar's own (核准文号).
    """
    check_office(desk, desk.agreement.registrar_organisation, "send details")
    if application_of(desk, transfer).status is not ApplicationStatus.REGISTERED:
        raise StepRefused("send details: the transfer is not registered; run `transfer confirm`")
    sealed = _sealed(desk, transfer, approval_number)
    named = digest(sealed)
    resume(desk, transfer, "details")
    if not _announced(desk, named)["sender"]:
        receiver = desk.deployment.terms.tax_organisation
        check_agreement(desk)
        call = desk.deployment.contract.send_envelope(transfer, named, receiver)
        act(desk, transfer, "details", call)
    entry = _announced(desk, named)
    if not entry["accepted"]:
        desk.client.send_envelope(desk.agreement.tax_organisation, sealed)
    return outcome(desk, transfer, "details", "ACCEPTED" if entry["accepted"] else "SENT")


def _sealed(desk: Desk, transfer: bytes, approval_number: str) -> bytes:
    path = desk.folder(transfer) / "details.sealed"
    if path.exists():
        return read_plain(path)
    if not 0 < len(approval_number) <= _text_chars_max:
        raise StepRefused(f"approval number: expected 1 to {_text_chars_max} characters")
    opening = market_opening(desk, transfer)
    application = application_of(desk, transfer)
    open_record(opening, application.commitment)
    details = {
        "format": _FORMAT,
        "transfer": show_id(transfer),
        "attestation": show_id(application.attestation),
        "approval_number": approval_number,
        "deal": encode_deal(opening.deal),
    }
    text = json.dumps(details, ensure_ascii=False).encode()
    padded = text.ljust(-(-len(text) // _padding_bytes) * _padding_bytes)
    key = ask(desk, envelope_key(desk.deployment.terms.tax_organisation))
    sealed = seal(padded, key, _route(desk, transfer))
    write_private_json(desk.folder(transfer) / "details.json", details)
    write_private(path, sealed)
    return sealed


def accept_details(desk: Desk, transfer: bytes) -> Accepted:
    """Take the envelope of a transfer from this node, open it, keep it, acknowledge it on chain.

    Raises `Refusal(MISMATCH)` where the registrar registered another deal than was attested: then
    nothing is acknowledged.
    """
    check_office(desk, desk.agreement.tax_organisation, "import")
    sealed = _received(desk, transfer)
    named = digest(sealed)
    details = _opened(desk, transfer, sealed)
    _compare(desk, application_of(desk, transfer).attestation, details)
    write_private_json(desk.folder(transfer) / "details.json", details)
    resume(desk, transfer, "accept")
    if not _announced(desk, named)["accepted"]:
        act(desk, transfer, "accept", desk.deployment.contract.accept_envelope(named))
    done = outcome(desk, transfer, "accept", "ACCEPTED")
    number = str(details["approval_number"])
    return Accepted(show_id(transfer), to_hex(named), number, done.transaction, done.block)


def _received(desk: Desk, transfer: bytes) -> bytes:
    """The latest envelope that was announced on chain for this transfer and has arrived."""
    wanted = wait_for(lambda: _digests_for(desk, transfer), bool, desk.lag_s_max)
    if not wanted:
        raise StepRefused("import: no envelope of this transfer is announced on chain yet")
    sealed = wait_for(
        lambda: _arrived(desk, wanted), lambda found: found is not None, desk.lag_s_max
    )
    if sealed is None:
        raise StepRefused(
            "import: the envelope is announced but has not arrived; ask the registrar to send the "
            "details again, which delivers the same envelope once more"
        )
    return sealed


def _arrived(desk: Desk, wanted: list[Hash32]) -> bytes | None:
    """The latest of these envelopes that is on this node."""
    arrived = {}
    for entry in desk.client.envelopes():
        sealed = from_hex(str(entry.get("envelope")))
        arrived[digest(sealed)] = sealed
    return next((arrived[named] for named in reversed(wanted) if named in arrived), None)


def _digests_for(desk: Desk, transfer: bytes) -> list[Hash32]:
    contract = desk.deployment.contract.contract
    topics = [to_hex(contract.event_topic("EnvelopeSent")), to_hex(transfer.ljust(32, b"\0"))]
    address = checksum_address(desk.deployment.address)
    entries = desk.client.logs(address=address, topics=topics)
    events = contract.decode_events([log_from_rpc(entry) for entry in entries])
    ours = desk.deployment.terms.tax_organisation
    return [e.arguments["digest"] for e in events if e.arguments["receiver"] == ours]


def _opened(desk: Desk, transfer: bytes, sealed: bytes) -> dict[str, Any]:
    key = load_private_key(desk.keys / "envelope.key")
    plaintext = unseal(sealed, key, _route(desk, transfer))
    try:
        details = decode_json(plaintext, bytes_max=plaintext_bytes_max)
    except InvalidJson:
        details = None
    if (
        not isinstance(details, dict)
        or details.get("format") != _FORMAT
        or details.get("transfer") != show_id(transfer)
        or not isinstance(details.get("approval_number"), str)
    ):
        raise InvalidEnvelope(f"envelope: expected the form {_FORMAT!r}; ask the sender again")
    return details


def _compare(desk: Desk, attestation: bytes, details: dict[str, Any]) -> None:
    path = opening_path(desk, attestation, "tax")
    if not path.exists():
        raise StepRefused(
            "import: the record that this transfer rests on is not in this workspace; run this "
            "where the tax bureau declared it"
        )
    registered = _registered_deal(details)
    field = first_difference(load_opening(path).deal, registered)
    if field is not None:
        raise Refusal(
            RefusalCode.MISMATCH,
            "the registrar registered another deal than was attested; take it up with the office",
            field,
        )


def _registered_deal(details: dict[str, Any]) -> DealFacts:
    try:
        return decode_deal(details.get("deal"))
    except InvalidOpening:
        raise InvalidEnvelope("envelope: its deal is malformed; ask the sender again") from None


def _announced(desk: Desk, named: Hash32) -> dict[str, Any]:
    """The contract's entry of an envelope; all zero if it is not announced."""
    entry: dict[str, Any] = ask(desk, desk.deployment.contract.contract.query("envelopes", named))
    return entry


def _route(desk: Desk, transfer: bytes) -> Route:
    return Route(
        group=desk.deployment.terms.genesis_hash,
        sender=desk.agreement.registrar_organisation,
        receiver=desk.agreement.tax_organisation,
        transfer_id=transfer,
    )

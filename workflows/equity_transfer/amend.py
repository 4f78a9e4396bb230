"""更正, 作废, 退税: the tax bureau ends an attestation, with or without another in its place.

After a transfer was verified with it, each of these raises an alarm and blocks `confirm`.
"""

from dataclasses import replace
from pathlib import Path

from contracts.bindings.contract import Call
from contracts.bindings.equity import AttestationStatus
from workflows.equity_transfer.calls import correct_call
from workflows.equity_transfer.case import load_case
from workflows.equity_transfer.declare import prepare, save_declaration
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    attestation_of,
    check_agreement,
    check_office,
    outcome,
    resume,
    tax_opening,
)
from workflows.equity_transfer.ids import parse_id, show_id
from workflows.equity_transfer.opening import TaxOpening
from workflows.workspace import read_json, write_private_json

_LIVE = (AttestationStatus.AWAITING, AttestationStatus.ACTIVE, AttestationStatus.CONSUMED)


def correct(desk: Desk, attestation: bytes, case_file: bytes) -> Outcome:
    """Supersede an attestation by a corrected case; the outcome names the replacement.

    The replacement awaits its countersignature like any first attestation.
    """
    check_office(desk, desk.agreement.tax_organisation, "correct")
    resume(desk, attestation, "correct")
    record = attestation_of(desk, attestation)
    if record.status is AttestationStatus.SUPERSEDED:
        replacement = record.replaced_by
    else:
        _check_live(record.status, "correct")
        check_agreement(desk)
        opening = _replacement(desk, attestation, case_file)
        replacement = opening.id
        act(desk, attestation, "correct", correct_call(desk, attestation, opening))
    status = attestation_of(desk, replacement).status.name
    done = outcome(desk, attestation, "correct", status)
    return Outcome("correct", show_id(replacement), status, done.transaction, done.block)


def _replacement(desk: Desk, attestation: bytes, case_file: bytes) -> TaxOpening:
    """The corrected record; one that an interrupted run prepared from the same facts is used."""
    note = desk.folder(attestation) / "correction.json"
    # What the sale left ends with it: the corrected one draws on lots attested anew.
    has_lots = desk.deployment.registered is not None
    ending = [tax_opening(desk, attestation).rest.commitment] if has_lots else []
    fresh = prepare(desk, load_case(case_file), ending)
    if note.exists():
        begun = _begun(desk, note)
        if replace(begun, id=fresh.id, salt=fresh.salt) == fresh:
            return begun
    save_declaration(desk, load_case(case_file), fresh)
    write_private_json(note, {"replacement": show_id(fresh.id)})
    return fresh


def _begun(desk: Desk, note: Path) -> TaxOpening:
    return tax_opening(desk, parse_id(str(read_json(note).get("replacement"))))


def withdraw(desk: Desk, attestation: bytes) -> Outcome:
    """Declare an attestation void."""
    call = desk.deployment.contract.withdraw(attestation)
    return _end(desk, attestation, "withdraw", AttestationStatus.WITHDRAWN, call)


def refund(desk: Desk, attestation: bytes) -> Outcome:
    """Declare that the tax of an attestation was paid back."""
    call = desk.deployment.contract.refund(attestation)
    return _end(desk, attestation, "refund", AttestationStatus.REFUNDED, call)


def _end(desk: Desk, attestation: bytes, step: str, end: AttestationStatus, call: Call) -> Outcome:
    check_office(desk, desk.agreement.tax_organisation, step)
    resume(desk, attestation, step)
    status = attestation_of(desk, attestation).status
    if status is not end:
        _check_live(status, step)
        act(desk, attestation, step, call)
    return outcome(desk, attestation, step, end.name)


def _check_live(status: AttestationStatus, step: str) -> None:
    if status not in _LIVE:
        raise StepRefused(
            f"{step}: the attestation is {status.name}; only one in force can be ended"
        )

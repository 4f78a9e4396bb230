"""受理: the registrar commits to the application that it received, and names who may prove.

It knows the deal and nothing of the tax. `cancel` (撤回) ends an application before registration.
"""

from contracts.bindings.equity import ApplicationStatus
from ledger.values import Address, InvalidValue, address_from_hex, to_hex
from workflows.equity_transfer.case import load_case
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    application_of,
    check_agreement,
    check_office,
    market_opening,
    opening_path,
    outcome,
    resume,
)
from workflows.equity_transfer.ids import InvalidId, new_id, parse_id, show_id
from workflows.equity_transfer.opening import (
    DealFacts,
    MarketOpening,
    deal_facts,
    new_market_opening,
    open_record,
    save_opening,
)
from workflows.workspace import read_json, write_private_json

_UNFINISHED = (ApplicationStatus.ABSENT, ApplicationStatus.PENDING)


def apply(desk: Desk, case_file: bytes, attestation: bytes, prover: Address) -> Outcome:
    """Commit to an application under the attestation that the applicant names.

    The outcome's id is the transfer's. The same case under the same attestation and prover is the
    same application while it is pending, however often this is run.
    """
    check_office(desk, desk.agreement.registrar_organisation, "apply")
    case = load_case(case_file)
    opening = _pending(desk, attestation, prover, deal_facts(case.deal))
    if opening is None:
        opening = new_market_opening(new_id(), case.deal)
        save_opening(opening_path(desk, opening.id, opening.side), opening)
        request = {
            "attestation": show_id(attestation),
            "prover": to_hex(prover),
            "case": case.id,
            "company": case.deal.company,
            "transferor": case.deal.transferor.name,
            "transferee": case.deal.transferee.name,
            "contract": case.deal.contract.decode(),
        }
        write_private_json(desk.folder(opening.id) / "application.json", request)
    resume(desk, opening.id, "apply")
    if application_of(desk, opening.id).status is ApplicationStatus.ABSENT:
        check_agreement(desk)
        contract = desk.deployment.contract
        call = contract.apply(opening.id, attestation, opening.commitment, prover)
        act(desk, opening.id, "apply", call)
    application = application_of(desk, opening.id)
    open_record(opening, application.commitment)
    return outcome(desk, opening.id, "apply", application.status.name)


def _pending(
    desk: Desk, attestation: bytes, prover: Address, deal: DealFacts
) -> MarketOpening | None:
    """The opening of the same application, if this desk has begun it and it is not over."""
    for note in sorted(desk.workspace.glob("transfers/*/application.json")):
        request = read_json(note)
        try:
            transfer = parse_id(note.parent.name)
            same = (
                parse_id(str(request.get("attestation"))) == attestation
                and address_from_hex(str(request.get("prover"))) == prover
            )
        except (InvalidId, InvalidValue):
            continue
        if same and application_of(desk, transfer).status in _UNFINISHED:
            opening = market_opening(desk, transfer)
            if opening.deal == deal:
                return opening
    return None


def cancel(desk: Desk, transfer: bytes) -> Outcome:
    """Take an application back; by the registrar or by the account that was to prove."""
    resume(desk, transfer, "cancel")
    application = application_of(desk, transfer)
    if application.status is not ApplicationStatus.CANCELLED:
        if application.status not in (ApplicationStatus.PENDING, ApplicationStatus.VERIFIED):
            raise StepRefused(
                f"cancel: the application is {application.status.name}; only a pending or verified "
                "one can be taken back, a registered one is revoked"
            )
        if desk.sender != application.prover:
            check_office(desk, desk.agreement.registrar_organisation, "cancel")
        act(desk, transfer, "cancel", desk.deployment.contract.cancel(transfer))
    return outcome(desk, transfer, "cancel", ApplicationStatus.CANCELLED.name)

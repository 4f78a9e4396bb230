"""核准登记: the registrar's own act after verification, and its undoing (撤销).

The registration's details then go back to the tax bureau in an envelope: see `details`.
"""

from contracts.bindings.equity import ApplicationStatus, AttestationStatus
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    application_of,
    attestation_of,
    check_agreement,
    check_office,
    outcome,
    resume,
)
from workflows.waiting import wait_for


def confirm(desk: Desk, transfer: bytes) -> Outcome:
    """Register a verified transfer. Refused while its attestation does not stand."""
    check_office(desk, desk.agreement.registrar_organisation, "confirm")
    resume(desk, transfer, "confirm")
    application = wait_for(
        lambda: application_of(desk, transfer),
        lambda found: found.status > ApplicationStatus.PENDING,
        desk.lag_s_max,
    )
    if application.status is not ApplicationStatus.REGISTERED:
        if application.status is not ApplicationStatus.VERIFIED:
            raise StepRefused(
                f"confirm: the application is {application.status.name}, expected VERIFIED; the "
                "applicant runs `prove` and `verify` first"
            )
        attested = attestation_of(desk, application.attestation)
        if attested.status is not AttestationStatus.CONSUMED:
            raise StepRefused(
                f"confirm: the attestation is {attested.status.name} since the verification; the "
                "applicant turns to the tax bureau"
            )
        check_agreement(desk)
        act(desk, transfer, "confirm", desk.deployment.contract.confirm(transfer))
    return outcome(desk, transfer, "confirm", ApplicationStatus.REGISTERED.name)


def revoke(desk: Desk, transfer: bytes) -> Outcome:
    """Revoke a registration."""
    check_office(desk, desk.agreement.registrar_organisation, "revoke")
    resume(desk, transfer, "revoke")
    application = application_of(desk, transfer)
    if application.status is not ApplicationStatus.REVOKED:
        if application.status is not ApplicationStatus.REGISTERED:
            raise StepRefused(
                f"revoke: the application is {application.status.name}, expected REGISTERED; one "
                "that is not registered is cancelled"
            )
        act(desk, transfer, "revoke", desk.deployment.contract.revoke(transfer))
    return outcome(desk, transfer, "revoke", ApplicationStatus.REVOKED.name)

"""完税存证: two officers of the tax bureau sign that a record is assessed and its tax paid.

Each officer checks the record anew before signing; the second signs exactly what the first did.
"""

from contracts.bindings.equity import AttestationStatus
from workflows.equity_transfer.calls import attest_call, countersign_call
from workflows.equity_transfer.declare import check_opening, check_rule
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    attestation_here,
    attestation_of,
    check_agreement,
    check_office,
    outcome,
    resume,
    tax_opening,
)
from workflows.equity_transfer.holdings import check_lots
from workflows.equity_transfer.opening import TaxOpening, open_record


def attest(desk: Desk, attestation: bytes) -> Outcome:
    """The first officer's signature: the commitment goes on chain and awaits the second."""
    opening = _checked_opening(desk, attestation, "attest")
    resume(desk, attestation, "attest")
    record = attestation_of(desk, attestation)
    if record.status is AttestationStatus.ABSENT:
        check_lots(desk, opening.lot_commitments)
        act(desk, attestation, "attest", attest_call(desk, opening))
        record = attestation_of(desk, attestation)
    open_record(opening, record.commitment)
    return outcome(desk, attestation, "attest", record.status.name)


def countersign(desk: Desk, attestation: bytes) -> Outcome:
    """The second officer's signature: the attestation is active from here on."""
    opening = _checked_opening(desk, attestation, "countersign")
    resume(desk, attestation, "countersign")
    record = attestation_here(desk, attestation)
    if record.status is AttestationStatus.ABSENT:
        raise StepRefused("this record is not attested yet; the first officer runs `attest`")
    open_record(opening, record.commitment)
    if record.status is AttestationStatus.AWAITING:
        if record.officer == desk.sender:
            raise StepRefused("the officer who attested cannot countersign; use another account")
        check_lots(desk, opening.lot_commitments)
        act(desk, attestation, "countersign", countersign_call(desk, opening))
        record = attestation_of(desk, attestation)
    return outcome(desk, attestation, "countersign", record.status.name)


def _checked_opening(desk: Desk, attestation: bytes, step: str) -> TaxOpening:
    """The opening, lawful and paid by the rule in force: the officer's own examination."""
    check_office(desk, desk.agreement.tax_organisation, step)
    opening = tax_opening(desk, attestation)
    check_agreement(desk)
    check_rule(desk)
    check_opening(opening, desk.agreement.rule.rate_bps)
    return opening

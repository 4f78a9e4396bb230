"""One case from declaration to acceptance, each step by the officer whose step it is.

Shared by the demonstration and the end-to-end tests; the steps themselves are the workflow's.
"""

import json
import time
from dataclasses import dataclass

from cli.desks import LocalNetwork
from cli.progress import Progress
from workflows.equity_transfer.apply import apply
from workflows.equity_transfer.attest import attest, countersign
from workflows.equity_transfer.confirm import confirm
from workflows.equity_transfer.declare import declare
from workflows.equity_transfer.desk import Desk, opening_path
from workflows.equity_transfer.details import accept_details, send_details
from workflows.equity_transfer.handover import import_opening
from workflows.equity_transfer.ids import parse_id
from workflows.equity_transfer.money import format_yuan
from workflows.equity_transfer.prove import prove
from workflows.equity_transfer.refusal import Refusal
from workflows.equity_transfer.verify import verify
from workflows.workspace import read_secret


@dataclass
class Officers:
    """The desks of a network's equity transfer."""

    officer: Desk
    reviewer: Desk
    registrar: Desk
    applicant: Desk

    @classmethod
    def of(cls, network: LocalNetwork) -> "Officers":
        """The desks by the names that the shipped manifest gives them."""
        names = ("tax-officer", "tax-reviewer", "registrar", "applicant")
        return cls(*(network.desk(name) for name in names))


@dataclass
class Carried:
    """How far a case came: one entry of `transfers` in the demonstration's summary."""

    id: str | None
    case: str
    status: str
    code: str | None
    attested_tx: str | None
    applied_tx: str | None
    verified_tx: str | None
    confirmed_tx: str | None
    seconds: float


def attested(
    officers: Officers, case: bytes, progress: Progress = lambda _: None
) -> tuple[bytes, str | None]:
    """Declare, attest and countersign: the attestation's id and its transaction."""
    declared = declare(officers.officer, case)
    figures = declared.assessment
    progress(
        f"{declared.case}: declared, income {format_yuan(figures.income)} 元, "
        f"tax {format_yuan(figures.due)} 元, paid"
    )
    item = parse_id(declared.id)
    done = attest(officers.officer, item)
    countersign(officers.reviewer, item)
    progress(f"{declared.case}: commitment attested and countersigned on chain")
    _hand_over(officers.officer, officers.applicant, item, "tax")
    return item, done.transaction


def applied(officers: Officers, case: bytes, attestation: bytes) -> tuple[bytes, str | None]:
    """The registrar takes the application: the transfer's id and its transaction."""
    done = apply(officers.registrar, case, attestation, officers.applicant.sender)
    item = parse_id(done.id)
    _hand_over(officers.registrar, officers.applicant, item, "market")
    return item, done.transaction


def _hand_over(giver: Desk, receiver: Desk, item: bytes, side: str) -> None:
    """At the counter: the applicant gets the file and checks it against the chain."""
    import_opening(receiver, read_secret(opening_path(giver, item, side)))


def carry(officers: Officers, case: bytes, progress: Progress) -> Carried:
    """Take a case as far as the rules let it go."""
    started = time.monotonic()
    name = str(json.loads(case)["id"])

    def done(status: str, code: str | None = None, *facts: str | None) -> Carried:
        transfer, *transactions = [*facts, *[None] * (5 - len(facts))]
        return Carried(
            transfer, name, status, code, *transactions, round(time.monotonic() - started, 1)
        )

    try:
        attestation, attested_tx = attested(officers, case, progress)
    except Refusal as refusal:
        progress(f"{name}: stopped at the declaration, {refusal}")
        return done("REFUSED", str(refusal.code))
    transfer, applied_tx = applied(officers, case, attestation)
    shown = "0x" + transfer.hex()
    progress(f"{name}: application received, transfer {shown[:10]}…")
    prove(officers.applicant, transfer)
    progress(f"{name}: proof made off chain")
    checked = verify(officers.applicant, transfer)
    if checked.code is not None:
        facts = (shown, attested_tx, applied_tx, checked.transaction)
        return done(checked.status, checked.code, *facts)
    progress(f"{name}: the contract verified it")
    confirmed = confirm(officers.registrar, transfer)
    send_details(officers.registrar, transfer, f"核准-{name}-{transfer.hex()[:8]}")
    accept_details(officers.officer, transfer)
    progress(f"{name}: registered; details went back sealed and were accepted")
    return done(
        confirmed.status,
        None,
        shown,
        attested_tx,
        applied_tx,
        checked.transaction,
        confirmed.transaction,
    )

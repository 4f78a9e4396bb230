"""持股批次: the lots from which the cost basis of a sale is drawn, as the tax bureau keeps them.

Two officers attest a lot as they attest a record. What a sale leaves is a lot too; its opening is
kept with the others from the declaration on, and counts once the chain says that it stands.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.bindings.equity_holdings import EquityHoldings, Lot, LotStatus
from workflows.equity_transfer.case import Case, Deal, load_case
from workflows.equity_transfer.desk import (
    Desk,
    Outcome,
    StepRefused,
    act,
    ask,
    attestation_of,
    check_agreement,
    check_office,
    opening_path,
    outcome,
    resume,
)
from workflows.equity_transfer.ids import NO_ID, show_id
from workflows.equity_transfer.money import Fen
from workflows.equity_transfer.opening import (
    LotOpening,
    TaxOpening,
    decode_lot,
    encode_lot,
    load_opening,
)
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.equity_transfer.rules import Filing
from workflows.waiting import wait_for
from workflows.workspace import read_json, write_private_json
from zkp.circuits.equity_commitments import fresh_salt
from zkp.circuits.equity_holdings import LOTS_MAX, HoldingLot, InvalidHoldings, basis_used

_LOT = re.compile(r"(0x)?[0-9a-f]{64}")


class InvalidLot(ValueError):
    """A text that names no lot."""


@dataclass(frozen=True)
class Holding:
    """A lot as it stands on chain; amounts in fen where this desk has its opening, else None."""

    lot: str
    status: str
    source: str | None
    consumed_by: str | None
    capital: Fen | None
    basis: Fen | None


def parse_lot(text: str) -> bytes:
    """A lot's commitment as people pass it on, 32 bytes. Raises `InvalidLot`."""
    found = text.strip().lower()
    if not _LOT.fullmatch(found):
        raise InvalidLot(f"expected a lot of 64 hexadecimal digits, got {text[:40]!r}")
    return bytes.fromhex(found.removeprefix("0x"))


def attest_lot(desk: Desk, case_file: bytes, capital: Fen, basis: Fen) -> Outcome:
    """The first officer's signature on a lot of the seller in a case; the outcome's id is the lot.

    Amounts in fen. One that an interrupted run prepared from the same facts is used.
    """
    contract = _contract(desk)
    check_office(desk, desk.agreement.tax_organisation, "lot")
    deal = load_case(case_file).deal
    opening = _begun(desk, deal, capital, basis)
    if opening is None:
        lot = HoldingLot(capital, basis, fresh_salt())
        opening = LotOpening(deal.company_code, deal.transferor.identity, lot)
        save_lot(desk, opening)
    resume(desk, opening.id, "lot")
    if lot_of(desk, opening.commitment).status is LotStatus.ABSENT:
        check_agreement(desk)
        act(desk, opening.id, "lot", contract.attest_lot(opening.commitment))
    status = lot_of(desk, opening.commitment).status
    return outcome(desk, opening.id, "lot", status.name)


def countersign_lot(desk: Desk, lot: bytes) -> Outcome:
    """The second officer's signature: sales can draw on the lot from here on."""
    contract = _contract(desk)
    check_office(desk, desk.agreement.tax_organisation, "lot-countersign")
    if not _path(desk, lot).exists():
        raise StepRefused("lot-countersign: no opening of this lot here; sign nothing unseen")
    load_lot(_path(desk, lot))
    resume(desk, lot, "lot-countersign")
    number = int.from_bytes(lot, "big")
    found = wait_for(lambda: lot_of(desk, number), lambda seen: seen.status != 0, desk.lag_s_max)
    if found.status is LotStatus.ABSENT:
        raise StepRefused("this lot is not attested yet; the first officer runs `lot`")
    if found.status is LotStatus.AWAITING:
        if found.officer == desk.sender:
            raise StepRefused("the officer who attested cannot countersign; use another account")
        act(desk, lot, "lot-countersign", contract.countersign_lot(number))
    return outcome(desk, lot, "lot-countersign", lot_of(desk, number).status.name)


def withdraw_lot(desk: Desk, lot: bytes) -> Outcome:
    """Declare a lot void that no sale has drawn on."""
    contract = _contract(desk)
    check_office(desk, desk.agreement.tax_organisation, "lot-withdraw")
    resume(desk, lot, "lot-withdraw")
    number = int.from_bytes(lot, "big")
    status = lot_of(desk, number).status
    if status is not LotStatus.WITHDRAWN:
        if status not in (LotStatus.AWAITING, LotStatus.ACTIVE):
            raise StepRefused(
                f"lot-withdraw: the lot is {status.name}; of a consumed one, the attestation of "
                "the sale is what ends"
            )
        act(desk, lot, "lot-withdraw", contract.withdraw_lot(number))
    return outcome(desk, lot, "lot-withdraw", LotStatus.WITHDRAWN.name)


def list_holdings(desk: Desk, item: bytes) -> tuple[Holding, ...]:
    """The lots that an attestation or transfer names and the one that it left, as they stand."""
    contract = _contract(desk)
    application = ask(desk, contract.application(item))
    attestation = application.attestation if application.status else item
    lots = ask(desk, contract.lots_of(attestation))
    if not lots:
        raise StepRefused(f"nothing on chain that is named {show_id(item)} names any lots")
    rest = ask(desk, contract.rest_of(attestation_of(desk, attestation).transfer))
    known = {opening.commitment: opening for opening in _openings_of(desk, attestation)}
    return tuple(_holding(desk, lot, known.get(lot)) for lot in (*lots, *([rest] if rest else [])))


def standing_lots(desk: Desk, deal: Deal, without: Collection[int] = ()) -> tuple[HoldingLot, ...]:
    """All lots of the seller in the company that this bureau keeps and the chain calls active.

    In the order of their commitments, which tells nothing of their age.
    """
    found = {}
    for path in sorted(desk.workspace.glob("lots/*/opening.json")):
        opening = load_lot(path)
        owner = (opening.company_code, opening.holder)
        if owner != (deal.company_code, deal.transferor.identity) or opening.commitment in without:
            continue
        if lot_of(desk, opening.commitment).status is LotStatus.ACTIVE:
            found[opening.commitment] = opening.lot
    return tuple(found[commitment] for commitment in sorted(found))


def filing_from(case: Case, lots: tuple[HoldingLot, ...]) -> Filing:
    """The case's filing with the basis that its lots give. Raises `Refusal(NO_BASIS)`."""
    if len(lots) > LOTS_MAX:
        raise StepRefused(
            f"the seller has {len(lots)} lots in the company, a sale names at most {LOTS_MAX}; "
            "attest some as one and withdraw those"
        )
    try:
        basis = Fen(basis_used(case.deal.capital, lots))
    except InvalidHoldings:
        raise Refusal(
            RefusalCode.NO_BASIS,
            "the attested lots of this seller do not hold the capital sold; have the holding "
            "attested first",
        ) from None
    if case.filing.basis not in (None, basis):
        raise Refusal(
            RefusalCode.NO_BASIS,
            "the basis that is stated is not the average cost of the attested lots; state none, "
            "or have the lots corrected",
        )
    return replace(case.filing, basis=basis)


def check_lots(desk: Desk, lots: tuple[int, ...]) -> None:
    """Raise `StepRefused` unless every lot stands: an officer signs for what can be drawn on."""
    for lot in lots:
        status = lot_of(desk, lot).status
        if status is not LotStatus.ACTIVE:
            raise StepRefused(
                f"the lot 0x{lot:064x} is {status.name}; declare anew from the lots that stand"
            )


def lot_of(desk: Desk, lot: int) -> Lot:
    """A lot as it stands now."""
    return ask(desk, _contract(desk).lot(lot))


def save_lot(desk: Desk, opening: LotOpening) -> None:
    """Keep a lot's opening in this workspace, mode 600."""
    write_private_json(_path(desk, opening.id), encode_lot(opening))


def load_lot(path: Path) -> LotOpening:
    """Read a lot's opening. Raises `InvalidOpening`."""
    return decode_lot(read_json(path))


def _contract(desk: Desk) -> EquityHoldings:
    if desk.deployment.registered is None:
        raise StepRefused(
            "this group's contract has no holdings; it was deployed for equity_v1, whose basis is "
            "a figure of the attestation"
        )
    return desk.deployment.holdings


def _path(desk: Desk, lot: bytes) -> Path:
    return desk.folder(lot) / "opening.json"


def _begun(desk: Desk, deal: Deal, capital: Fen, basis: Fen) -> LotOpening | None:
    """A lot of these facts that this desk has prepared and nobody has attested."""
    facts = (deal.company_code, deal.transferor.identity, capital, basis)
    for path in sorted(desk.workspace.glob("lots/*/opening.json")):
        found = load_lot(path)
        if (found.company_code, found.holder, found.lot.capital, found.lot.basis) != facts:
            continue
        # What a sale may still leave was never sent from here, and is not for an officer to send.
        if (path.parent / "rest.json").exists():
            continue
        if lot_of(desk, found.commitment).status is LotStatus.ABSENT:
            return found
    return None


def keep_rest(desk: Desk, opening: LotOpening, attestation: bytes) -> None:
    """Keep what a sale will leave, marked as such: it stands once the sale is verified."""
    write_private_json(desk.folder(opening.id) / "rest.json", {"attestation": show_id(attestation)})
    save_lot(desk, opening)


def _openings_of(desk: Desk, attestation: bytes) -> tuple[LotOpening, ...]:
    """What this desk knows of an attestation's lots: from its opening, where it has it."""
    path = opening_path(desk, attestation, "tax")
    if not path.exists():
        return ()
    opening = load_opening(path)
    if not isinstance(opening, TaxOpening) or not opening.lots:
        return ()
    return (*opening.lot_openings, opening.rest)


def _holding(desk: Desk, lot: int, opening: LotOpening | None) -> Holding:
    found = lot_of(desk, lot)
    return Holding(
        lot=f"0x{lot:064x}",
        status=found.status.name,
        source=None if found.source == NO_ID else show_id(found.source),
        consumed_by=None if found.transfer == NO_ID else show_id(found.transfer),
        capital=None if opening is None else Fen(opening.lot.capital),
        basis=None if opening is None else Fen(opening.lot.basis),
    )

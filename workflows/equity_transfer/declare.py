"""申报: the tax bureau takes a declaration, computes the tax, and refuses what the rules refuse.

Nothing is sent. The figures stay in the bureau's workspace; what others see later is `attest`'s.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from workflows.equity_transfer.case import Case, InvalidCase, load_case
from workflows.equity_transfer.desk import Desk, check_office, opening_path, rule_in_force
from workflows.equity_transfer.holdings import filing_from, keep_rest, standing_lots
from workflows.equity_transfer.ids import new_id, show_id
from workflows.equity_transfer.money import Fen, fen_to_json
from workflows.equity_transfer.opening import TaxOpening, new_tax_opening, save_opening
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.equity_transfer.rules import (
    Assessment,
    Disposition,
    Filing,
    RuleTable,
    assess,
    check_lawful,
    check_paid,
    stamp_duty,
)
from workflows.workspace import write_private_json
from zkp.circuits.equity_holdings import HoldingLot, basis_used


@dataclass(frozen=True)
class Computed:
    """A case computed, in fen. Tax is None where the source proves too little to compute it."""

    case: str
    assessment: Assessment | None
    stamp_duty: Fen
    stated: Mapping[str, int | bool]


@dataclass(frozen=True)
class Declared:
    """A declaration taken: the attestation's id, the figures, what the case had left open."""

    id: str
    case: str
    assessment: Assessment
    paid: Fen
    stamp_duty: Fen
    filled: tuple[str, ...]


def compute(case: Case, rule: RuleTable) -> Computed:
    """The tax of any case, also of one that cannot be carried through."""
    try:
        assessment = assess(case.filing, rule)
    except Refusal:
        assessment = None
    return Computed(case.id, assessment, stamp_duty(case.deal.price, rule), case.stated)


def declare(desk: Desk, case_file: bytes) -> Declared:
    """Take a declaration. Raises `Refusal` naming the rule that stops it, or an `InvalidX`.

    Each call is a declaration of its own: it draws the attestation's id and a fresh salt.
    """
    check_office(desk, desk.agreement.tax_organisation, "declare")
    case = load_case(case_file)
    opening = prepare(desk, case)
    save_declaration(desk, case, opening)
    rule = desk.agreement.rule
    return Declared(
        id=show_id(opening.id),
        case=case.id,
        assessment=assess(filing_of(opening), rule),
        paid=Fen(opening.financials.paid),
        stamp_duty=stamp_duty(case.deal.price, rule),
        filled=case.filled,
    )


def prepare(desk: Desk, case: Case, without: Collection[int] = ()) -> TaxOpening:
    """The opening of a lawful, paid case. Raises `Refusal`, or `InvalidCase` for one to compute.

    Under a contract with holdings its basis is that of all the seller's lots that stand, but for
    the lots `without`.
    """
    if case.compute_only:
        raise InvalidCase(f"case {case.id}: its source says too little for a whole transfer")
    filing = case.filing
    lots: tuple[HoldingLot, ...] = ()
    if desk.deployment.registered is not None:
        lots = standing_lots(desk, case.deal, without)
        filing = filing_from(case, lots)
    check_lawful(filing)
    rule = desk.agreement.rule
    assessment = assess(filing, rule)
    owed = Fen(max(0, assessment.due - filing.relief))
    paid = owed if case.paid is None else case.paid
    check_paid(assessment.due, filing.relief, paid)
    check_rule(desk)
    opening = new_tax_opening(new_id(), case.deal, filing, paid, rule.rule_id)
    return replace(opening, lots=lots)


def save_declaration(desk: Desk, case: Case, opening: TaxOpening) -> None:
    """Put the declaration into the workspace; the opening last, for it is what `attest` needs."""
    declaration = {
        "case": case.id,
        "company": case.deal.company,
        "transferor": case.deal.transferor.name,
        "transferee": case.deal.transferee.name,
        "contract": case.deal.contract.decode(),
        "filled": list(case.filled),
        "stated": {
            name: figure if isinstance(figure, bool) else fen_to_json(figure)
            for name, figure in case.stated.items()
        },
    }
    write_private_json(desk.folder(opening.id) / "declaration.json", declaration)
    if opening.lots:
        keep_rest(desk, opening.rest, opening.id)
    save_opening(opening_path(desk, opening.id, opening.side), opening)


def check_rule(desk: Desk) -> None:
    """Raise `Refusal(RULE_VERSION)` unless the agreement's rule is the one in force on chain."""
    if rule_in_force(desk, desk.agreement.rule.rule_id) != desk.agreement.rule.word:
        raise Refusal(
            RefusalCode.RULE_VERSION,
            "the rate in force on chain is not the agreement's; have the agreement renewed",
        )


def check_opening(opening: TaxOpening, rate_bps: int) -> None:
    """Apply the rules once more to what an opening says. Raises `Refusal`."""
    figures, filing = opening.financials, filing_of(opening)
    check_lawful(filing)
    if opening.lots and figures.basis != basis_used(opening.deal.capital, opening.lots):
        raise Refusal(
            RefusalCode.NO_BASIS,
            "the basis is not the average cost of the lots; have the record corrected",
        )
    assessment = assess(filing, RuleTable(figures.rule_id, rate_bps, stamp_duty_bps=0))
    check_paid(assessment.due, filing.relief, figures.paid)


def filing_of(opening: TaxOpening) -> Filing:
    """What an opening's record was computed from."""
    figures = opening.financials
    return Filing(
        price=opening.deal.price,
        basis=Fen(figures.basis),
        disposition=Disposition(figures.disposition),
        other=Fen(figures.other),
        assessed=Fen(figures.assessed),
        net_share=Fen(figures.net_share),
        fees=Fen(figures.fees),
        relief=Fen(figures.relief),
    )

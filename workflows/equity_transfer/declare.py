"""申报: the tax bureau takes a declaration, computes the tax, and refuses what the rules refuse.

Nothing is sent. The figures stay in the bureau's workspace; what others see later is `attest`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.equity_transfer.case import Case, InvalidCase, load_case
from workflows.equity_transfer.desk import Desk, check_office, opening_path, rule_in_force
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
        assessment=assess(case.filing, rule),
        paid=Fen(opening.financials.paid),
        stamp_duty=stamp_duty(case.deal.price, rule),
        filled=case.filled,
    )


def prepare(desk: Desk, case: Case) -> TaxOpening:
    """The opening of a lawful, paid case. Raises `Refusal`, or `InvalidCase` for one to compute."""
    if case.compute_only:
        raise InvalidCase(f"case {case.id}: its source says too little for a whole transfer")
    check_lawful(case.filing)
    assessment = assess(case.filing, desk.agreement.rule)
    rest = Fen(max(0, assessment.due - case.filing.relief))
    paid = rest if case.paid is None else case.paid
    check_paid(assessment.due, case.filing.relief, paid)
    check_rule(desk)
    return new_tax_opening(new_id(), case.deal, case.filing, paid, desk.agreement.rule.rule_id)


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
    figures = opening.financials
    filing = Filing(
        price=opening.deal.price,
        basis=Fen(figures.basis),
        disposition=Disposition(figures.disposition),
        other=Fen(figures.other),
        assessed=Fen(figures.assessed),
        net_share=Fen(figures.net_share),
        fees=Fen(figures.fees),
        relief=Fen(figures.relief),
    )
    check_lawful(filing)
    assessment = assess(filing, RuleTable(figures.rule_id, rate_bps, stamp_duty_bps=0))
    check_paid(assessment.due, filing.relief, figures.paid)

"""Deals of one person with amounts that nothing else can look like, and all that is secret in them.

No amount is below 10^14 fen, so that each takes six bytes and is never met by chance.
"""

import json
import random
from dataclasses import asdict
from typing import Any

from tests.acceptance.leaks import Secret
from workflows.equity_transfer.case import Case, load_case
from workflows.equity_transfer.encoding import encode_company, encode_document, encode_identity
from workflows.equity_transfer.identity import credit_code_from_digits, resident_check_character
from workflows.equity_transfer.money import format_yuan
from workflows.equity_transfer.opening import MarketOpening, TaxOpening
from workflows.equity_transfer.rules import RuleTable, assess, stamp_duty
from zkp.circuits.equity_commitments import core_hash, financial_hash

AMOUNT_FEN_MIN = 10**14
DIGITS_DISTINCT_MIN = 6
UNASSIGNED_REGION = "999999"
UNASSIGNED_AUTHORITY = [30, 30]


class Draw:
    """Irregular values, the same for the same seed, never one of them twice."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._given: set[int] = set()

    def amount(self, low: int, high: int) -> int:
        """An amount without pattern: many different digits, no zero at its end."""
        while True:
            drawn = self._random.randrange(low, high)
            distinct = len(set(str(drawn)))
            if drawn % 10 and distinct >= DIGITS_DISTINCT_MIN and drawn not in self._given:
                self._given.add(drawn)
                return drawn

    def resident(self) -> str:
        """A resident number of a region that there is not."""
        year, month, day = 1950 + self._below(50), 1 + self._below(12), 1 + self._below(28)
        first_17 = f"{UNASSIGNED_REGION}{year}{month:02d}{day:02d}{1 + self._below(998):03d}"
        return first_17 + resident_check_character(first_17)

    def credit_code(self) -> str:
        """A company's code that no authority gives."""
        return credit_code_from_digits(
            [*UNASSIGNED_AUTHORITY, *(self._below(31) for _ in range(15))]
        )

    def _below(self, limit: int) -> int:
        return self._random.randrange(limit)


def two_deals(seed: int) -> list[dict[str, Any]]:
    """Case documents: one person sells shares of one company to one buyer twice.

    The first is assessed and has a relief, the second is taken as filed with other income.
    """
    draw = Draw(seed)
    person = {
        "transferor": "欧阳璟珩",
        "transferor_id": {"type": "resident", "number": draw.resident()},
        "transferee": "尉迟骁骐",
        "transferee_id": {"type": "resident", "number": draw.resident()},
        "target_company": "云梦泽璇玑数据有限公司",
        "company_code": draw.credit_code(),
        "expect": "register",
    }
    deals = []
    for place in range(2):
        assessed = draw.amount(3 * 10**15, 4 * 10**15)
        price = draw.amount(25 * 10**14, 3 * 10**15)
        deal = person | {
            "id": f"irregular-{place + 1}",
            "price_fen": price,
            "cost_basis_fen": draw.amount(10**15, 11 * 10**14),
            "reasonable_fees_fen": draw.amount(10**14, 12 * 10**13),
            "other_fen": draw.amount(10**14, 11 * 10**13),
            "net_assets_share_fen": draw.amount(13 * 10**14, 15 * 10**14),
            "relief_fen": draw.amount(10**14, 11 * 10**13),
            "paid_fen": draw.amount(10**15, 12 * 10**14),
            "capital_fen": draw.amount(4 * 10**15, 5 * 10**15),
            "total_fen": draw.amount(8 * 10**15, 9 * 10**15),
            "disposition": 0,
        }
        if place == 0:
            deal |= {
                "price_fen": assessed,
                "declared_price_fen": price,
                "net_assets_share_fen": draw.amount(assessed - 10**14, assessed),
                "disposition": 1,
            }
        deal["contract"] = (
            f"股权转让协议之{draw.amount(AMOUNT_FEN_MIN, 10**15)}\n"
            f"转让价款:{format_yuan(price)} 元\n{deal['transferor']}与{deal['transferee']}签署\n"
        )
        deals.append(deal)
    return deals


def case_file(deal: dict[str, Any]) -> bytes:
    """A deal as `transfer declare` reads it."""
    return json.dumps(deal, ensure_ascii=False).encode()


def approval_number(deal: dict[str, Any]) -> str:
    """核准文号: travels only in the envelope."""
    return f"璇玑核准第{deal['total_fen'] ^ deal['capital_fen']}号"


def secrets_of(
    deal: dict[str, Any], tax: TaxOpening, market: MarketOpening, rule: RuleTable
) -> list[Secret]:
    """Everything in a deal that only its parties may know, and what is computed from it."""
    case = load_case(case_file(deal))
    label = case.id
    found = [
        *_amounts(case, tax, rule),
        *_parties(case),
        Secret(f"{label} contract", "document", case.deal.contract.decode()),
        Secret(
            f"{label} contract's first line",
            "document",
            case.deal.contract.decode().partition("\n")[0],
        ),
        Secret(f"{label} contract digest", "document", encode_document(case.deal.contract)),
        Secret(f"{label} approval number", "document", approval_number(deal)),
        Secret(f"{label} salt of C_tax", "salt", tax.salt),
        Secret(f"{label} salt of C_reg", "salt", market.salt),
        # Without a salt they could be found by trying values.
        Secret(f"{label} K", "digest", core_hash(tax.record.core)),
        Secret(f"{label} F", "digest", financial_hash(tax.record.financials)),
    ]
    return list({(secret.kind, secret.value): secret for secret in found}.values())


def _amounts(case: Case, tax: TaxOpening, rule: RuleTable) -> list[Secret]:
    figures = assess(case.filing, rule)
    named = {
        **{name: getattr(tax.deal, name) for name in ("capital", "total", "price")},
        **asdict(tax.financials),
        "income": figures.income,
        "actual income": case.filing.actual,
        "taxable": figures.taxable,
        "tax due": figures.due,
        "surplus": tax.financials.paid + tax.financials.relief - figures.due,
        "stamp duty": stamp_duty(case.deal.price, rule),
    }
    public = {"disposition", "rule_id"}  # three values, and what the attestation says
    found = []
    for name, amount in named.items():
        if name in public or (name == "assessed" and amount == 0):
            continue
        assert amount >= 10**9, f"{case.id}: {name} is too regular to be searched for: {amount}"
        found.append(Secret(f"{case.id} {name}", "amount", amount))
    return found


def _parties(case: Case) -> list[Secret]:
    deal = case.deal
    found = [
        Secret("company", "name", deal.company),
        Secret("company code", "identity", deal.company_code),
        Secret("company code, encoded", "identity", encode_company(deal.company_code)),
    ]
    for role, party in (("transferor", deal.transferor), ("transferee", deal.transferee)):
        found += [
            Secret(role, "name", party.name),
            Secret(f"{role}'s number", "identity", party.identity.number),
            Secret(f"{role}'s number, encoded", "identity", encode_identity(party.identity)),
            Secret(f"{role}'s 17 digits", "identity", int(party.identity.number[:17])),
        ]
    return found

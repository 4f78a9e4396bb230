"""The tax to the fen, against the published cases and against exact fractions."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.equity_transfer.case import read_case
from workflows.equity_transfer.money import Fen, InvalidAmount
from workflows.equity_transfer.refusal import Refusal, RefusalCode
from workflows.equity_transfer.rules import (
    Disposition,
    Filing,
    InvalidRule,
    RuleTable,
    assess,
    check_lawful,
    check_paid,
    is_low_price,
    stamp_duty,
)

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "tax"
SHARED = ROOT.parent / "shared" / "vectors" / "tax" / "cases.json"
RULE = RuleTable(rule_id=1, rate_bps=2000, stamp_duty_bps=5)
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("A*.json"))}

amounts = st.integers(0, 2**60).map(Fen)


def test_all_twelve_cases_are_here() -> None:
    assert len(CASES) == 12


@pytest.mark.parametrize("case_id", CASES)
def test_a_published_case_computes_to_the_fen(case_id: str) -> None:
    facts = CASES[case_id]
    case = read_case(facts)
    if "tax_due_fen" in facts:
        result = assess(case.filing, RULE)
        assert result.due == facts["tax_due_fen"]
        assert result.taxable == facts["taxable_income_fen"]
        if "gain_fen" in facts:
            assert result.taxable - result.loss == facts["gain_fen"]
    if "stamp_duty_fen" in facts:
        assert stamp_duty(case.deal.price, RULE) == facts["stamp_duty_fen"]
    if "low_price_flag" in facts and facts.get("cost_basis_fen") is not None:
        low = is_low_price(case.filing)
        assert low == facts["low_price_flag"]


@pytest.mark.parametrize("case_id", CASES)
def test_a_published_case_ends_as_expected(case_id: str) -> None:
    case = read_case(CASES[case_id])
    expected = CASES[case_id]["expect"]
    assert case.compute_only == (expected == "compute_only")
    if expected.startswith("refuse:"):
        with pytest.raises(Refusal) as refused:
            check_lawful(case.filing)
        assert refused.value.code == expected.removeprefix("refuse:")
    elif expected == "register":
        check_lawful(case.filing)


@pytest.mark.skipif(not SHARED.exists(), reason="no shared vectors beside this clone")
def test_the_facts_are_the_collected_ones() -> None:
    collected = {case["id"]: case for case in json.loads(SHARED.read_text())}
    assert collected.keys() == CASES.keys()
    for case_id, facts in CASES.items():
        for name, value in facts.items():
            if name not in ("notes", "source_title"):
                assert collected[case_id][name] == value, (case_id, name)
        read_case(collected[case_id])


def exact_tax(facts: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """Gain and unrounded tax by fractions, as the law words it, without the code's own steps."""
    income = Fraction(facts["price"] + facts["other"])
    if facts["disposition"] == 1 and facts["assessed"] > income:
        income = Fraction(facts["assessed"])
    gain = income - facts["basis"] - facts["fees"]
    return gain, (gain if gain > 0 else Fraction(0)) * Fraction(facts["rate_bps"], 10_000)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "price": amounts,
            "other": amounts,
            "assessed": amounts,
            "basis": amounts,
            "fees": amounts,
            "disposition": st.sampled_from([0, 1, 2]),
            "rate_bps": st.integers(0, 10_000),
        }
    )
)
def test_tax_agrees_with_exact_fractions(facts: dict[str, Any]) -> None:
    filing = Filing(
        price=facts["price"],
        other=facts["other"],
        assessed=facts["assessed"],
        basis=facts["basis"],
        fees=facts["fees"],
        disposition=Disposition(facts["disposition"]),
    )
    result = assess(filing, RuleTable(1, facts["rate_bps"], 5))
    gain, tax = exact_tax(facts)
    assert result.taxable - result.loss == gain
    assert result.taxable * result.loss == 0
    half = Fraction(1, 2)
    assert result.due - half <= tax < result.due + half  # halves go up
    assert 2 * result.taxable * facts["rate_bps"] + 10_000 == 20_000 * result.due + result.remainder
    assert 0 <= result.remainder < 20_000


def test_half_a_fen_rounds_up() -> None:
    half = RuleTable(1, 5000, 5)
    assert assess(Filing(price=Fen(1), basis=Fen(0)), half).due == 1
    assert assess(Filing(price=Fen(2), basis=Fen(0)), RuleTable(1, 2499, 5)).due == 0


def refusal_of(filing: Filing) -> RefusalCode | None:
    try:
        check_lawful(filing)
    except Refusal as refusal:
        return refusal.code
    return None


def test_equal_is_not_low_and_one_fen_less_is() -> None:
    equal = Filing(price=Fen(100), basis=Fen(100), net_share=Fen(100))
    assert refusal_of(equal) is None
    below_net = Filing(price=Fen(100), basis=Fen(0), net_share=Fen(101))
    assert refusal_of(below_net) is RefusalCode.LOW_PRICE
    below_cost = Filing(price=Fen(100), basis=Fen(101))
    assert refusal_of(below_cost) is RefusalCode.LOW_PRICE


def test_other_income_counts_against_a_low_price() -> None:
    assert refusal_of(Filing(Fen(99), Fen(0), other=Fen(1), net_share=Fen(100))) is None


def test_a_reason_or_an_assessment_lifts_a_low_price() -> None:
    low = {"price": Fen(10), "basis": Fen(0), "net_share": Fen(100)}
    assert refusal_of(Filing(**low, disposition=Disposition.JUSTIFIED)) is None
    assessed = Disposition.ASSESSED
    assert refusal_of(Filing(**low, disposition=assessed, assessed=Fen(100))) is None
    assert refusal_of(Filing(**low, disposition=assessed)) is RefusalCode.LOW_PRICE
    assert refusal_of(Filing(**low, disposition=assessed, assessed=Fen(9))) is RefusalCode.LOW_PRICE


def test_no_voucher_no_declaration() -> None:
    filing = Filing(price=Fen(10), basis=None)
    assert refusal_of(filing) is RefusalCode.NO_BASIS
    with pytest.raises(Refusal, match="NO_BASIS"):
        assess(filing, RULE)
    gift = Filing(price=Fen(0), basis=None, disposition=Disposition.JUSTIFIED)
    assert assess(gift, RULE).due == 0
    assert refusal_of(gift) is RefusalCode.NO_BASIS


def test_payment_and_relief_cover_the_tax() -> None:
    check_paid(due=10, relief=4, paid=6)
    with pytest.raises(Refusal, match="NOT_PAID"):
        check_paid(due=10, relief=4, paid=5)
    with pytest.raises(InvalidAmount):
        check_paid(due=0, relief=2**63, paid=2**63)


def test_sums_beyond_64_bits_are_refused() -> None:
    with pytest.raises(InvalidAmount):
        Filing(price=Fen(2**63), other=Fen(2**63), basis=Fen(0))
    with pytest.raises(InvalidAmount):
        assess(Filing(price=Fen(0), basis=Fen(2**63), fees=Fen(2**63)), RULE)


def test_the_public_rule_word() -> None:
    assert RULE.word == (1 << 16) + 2000
    for wrong in ((0, 2000, 5), (1, 10_001, 5), (1, -1, 5), (2**64, 1, 5)):
        with pytest.raises(InvalidRule):
            RuleTable(*wrong)

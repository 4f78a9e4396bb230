"""Case files: strict reading, and fillings that are the same each time."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.equity_transfer.case import InvalidCase, load_case, read_case
from workflows.equity_transfer.identity import InvalidIdentity
from workflows.equity_transfer.money import InvalidAmount
from workflows.equity_transfer.rules import Disposition

VECTORS = Path(__file__).parents[1] / "vectors" / "tax"

COMPLETE: dict[str, Any] = {
    "id": "deal 1",
    "transferor": "欧阳某",
    "transferor_id": {"type": "resident", "number": "11010519491231002x"},
    "transferee": "某某有限公司",
    "transferee_id": {"type": "organisation", "number": "91350100M000100Y43"},
    "target_company": "某科技公司",
    "company_code": "91350100M000100Y43",
    "capital_fen": "327500000",
    "total_fen": "5000000000",
    "price_fen": "1234567891",
    "cost_basis_fen": "1000000007",
    "reasonable_fees_fen": "617283",
    "net_assets_share_fen": "0",
    "other_fen": "0",
    "relief_fen": "0",
    "paid_fen": "46790122",
    "contract": "甲乙双方约定……",
    "disposition": 0,
}


def a_case(**changes: Any) -> dict[str, Any]:
    return {**COMPLETE, **changes}


def test_a_complete_case_needs_no_filling() -> None:
    case = read_case(COMPLETE)
    assert case.filled == ()
    assert case.deal.transferor.identity.number == "11010519491231002X"
    assert case.deal.price == 1_234_567_891
    assert case.paid == 46_790_122


def test_what_is_left_open_is_filled_and_named() -> None:
    data = (VECTORS / "A12.json").read_bytes()
    case = load_case(data)
    assert case == load_case(data)
    assert {"transferor", "transferee_id", "company_code", "capital_fen", "contract"} <= set(
        case.filled
    )
    assert case.deal.capital == case.deal.total  # 100%


def test_a_ratio_becomes_capital_exactly() -> None:
    deal = load_case((VECTORS / "A01.json").read_bytes()).deal
    assert deal.capital * 10_000 == deal.total * 655


def test_fillings_differ_between_roles_and_cases() -> None:
    numbers = set()
    for path in VECTORS.glob("A*.json"):
        deal = load_case(path.read_bytes()).deal
        numbers |= {deal.transferor.identity.number, deal.transferee.identity.number}
    assert len(numbers) == 24


def test_the_contract_price_is_the_declared_one() -> None:
    case = load_case((VECTORS / "A02.json").read_bytes())
    assert case.deal.price == case.filing.price == 50_000_000
    assert case.filing.assessed == case.filing.income == 65_000_000


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"surprise": 1},
        {"price_fen": None},
        {"declared_price_fen": 1},
        {"disposition": 3},
        {"disposition": True},
        {"deemed": True},
        {"deemed": 1},
        {"disposition": 2, "justified_low_price": False},
        {"capital_fen": None},
        {"capital_fen": "0"},
        {"capital_fen": "5000000001"},
        {"share_ratio": "6.54%"},
        {"share_ratio": "0%", "capital_fen": None, "total_fen": None},
        {"share_ratio": "101%", "capital_fen": None, "total_fen": None},
        {"share_ratio": "half"},
        {"taxpayer_type": "company"},
        {"transferor_id": "11010519491231002X"},
        {"transferor_id": {"type": "resident"}},
        {"contract": ""},
        {"gain_fen": "much"},
        {"transferor": "x" * 201},
    ],
)
def test_what_contradicts_or_lacks_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidCase):
        read_case(a_case(**changes))


def test_a_ratio_may_be_rounded_to_its_last_decimal() -> None:
    read_case(a_case(share_ratio="6.55%"))
    read_case(a_case(share_ratio="6.6%"))
    read_case(a_case(share_ratio="33.33%", capital_fen=1, total_fen=3))


def test_amounts_and_identities_keep_their_own_errors() -> None:
    with pytest.raises(InvalidAmount):
        read_case(a_case(price_fen=1.5))
    with pytest.raises(InvalidIdentity):
        read_case(a_case(company_code="91350100M000100Y44"))


def test_the_disposition_follows_from_the_flags_when_it_is_not_given() -> None:
    without = {name: value for name, value in COMPLETE.items() if name != "disposition"}
    assert read_case(without).filing.disposition is Disposition.AS_FILED
    assert read_case({**without, "deemed": True}).filing.disposition is Disposition.ASSESSED
    justified = read_case({**without, "justified_low_price": True})
    assert justified.filing.disposition is Disposition.JUSTIFIED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"id": "a", "id": "b"}',
        b'{"id": "\\ud800"}',
        b"[" * 100_000,
        b" " * 300_000,
    ],
)
def test_bytes_that_are_no_case_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidCase):
        load_case(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(COMPLETE)), json_values)
def test_any_value_in_any_field_is_read_or_refused(field: str, value: Any) -> None:
    data = json.dumps(a_case(**{field: value})).encode()
    with contextlib.suppress(InvalidCase, InvalidAmount, InvalidIdentity):
        load_case(data)

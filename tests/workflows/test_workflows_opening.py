"""Openings: what is committed, who may read the file, and that nothing else opens."""

import json
import stat
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from workflows.equity_transfer.case import load_case
from workflows.equity_transfer.identity import identity
from workflows.equity_transfer.money import Fen
from workflows.equity_transfer.opening import (
    DealFacts,
    InvalidOpening,
    MarketOpening,
    TaxOpening,
    decode_opening,
    encode_opening,
    first_difference,
    load_opening,
    new_market_opening,
    new_tax_opening,
    open_record,
    save_opening,
)

CASE = load_case((Path(__file__).parents[1] / "vectors" / "tax" / "A07.json").read_bytes())
TAX = new_tax_opening(b"\1" * 16, CASE.deal, CASE.filing, Fen(7_600_000), rule_id=1)
MARKET = new_market_opening(b"\2" * 16, CASE.deal)


@pytest.mark.parametrize("opening", [TAX, MARKET], ids=["tax", "market"])
def test_an_opening_survives_its_file(tmp_path: Path, opening: TaxOpening | MarketOpening) -> None:
    path = tmp_path / "transfers" / "opening.json"
    save_opening(path, opening)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_opening(path) == opening
    open_record(load_opening(path), opening.commitment)


def test_fen_are_decimal_strings() -> None:
    document = encode_opening(TAX)
    assert document["deal"]["price_fen"] == "100000000"
    assert document["financials"]["paid"] == "7600000"


def test_the_same_deal_never_commits_to_the_same_word() -> None:
    again = new_market_opening(MARKET.id, CASE.deal)
    assert again.deal == MARKET.deal
    assert again.commitment != MARKET.commitment


def test_neither_repr_nor_error_shows_a_value() -> None:
    with pytest.raises(InvalidOpening) as refused:
        open_record(TAX, MARKET.commitment)
    for text in (repr(TAX), repr(MARKET), str(refused.value)):
        assert str(CASE.deal.price) not in text
        assert CASE.deal.transferor.identity.number not in text
        assert f"{TAX.salt:x}" not in text


OTHER: dict[str, Any] = {
    "company_code": "91350100M000100Y43",
    "transferor": identity("passport", "E12345678"),
    "transferee": identity("passport", "E12345678"),
    "capital": Fen(1),
    "total": Fen(2),
    "price": Fen(3),
    "contract_digest": 4,
}


@pytest.mark.parametrize("name", [field.name for field in fields(DealFacts)])
def test_every_field_is_committed_to_and_named_when_it_differs(name: str) -> None:
    changed = replace(TAX.deal, **{name: OTHER[name]})
    assert first_difference(TAX.deal, changed) == name
    with pytest.raises(InvalidOpening):
        open_record(replace(TAX, deal=changed), TAX.commitment)
    with pytest.raises(InvalidOpening):
        open_record(replace(MARKET, deal=changed), MARKET.commitment)


def test_two_bureaus_of_one_deal_agree() -> None:
    assert first_difference(TAX.deal, MARKET.deal) is None


def test_a_changed_file_opens_nothing() -> None:
    for section, name, value in (
        ("deal", "price_fen", "100000001"),
        ("financials", "basis", "1"),
        ("deal", "contract_digest", "0x" + "00" * 31),
    ):
        document = json.loads(json.dumps(encode_opening(TAX)))
        document[section][name] = value
        with pytest.raises(InvalidOpening):
            decode_opening(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "quorate equity opening 2"),
        ("side", "audit"),
        ("id", "0x00"),
        ("salt", "0x" + "0" * 64),
        ("salt", 1),
        ("deal", None),
        ("deal", []),
        ("financials", {}),
        ("commitment", ""),
    ],
)
def test_a_file_of_another_form_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidOpening):
        decode_opening({**encode_opening(TAX), name: value})

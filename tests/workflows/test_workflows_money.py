"""Amounts: exact reading and writing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.equity_transfer.money import (
    InvalidAmount,
    amount_fen_max,
    fen_from_json,
    fen_to_json,
    format_yuan,
    parse_yuan,
)

amounts = st.integers(0, amount_fen_max)


@settings(deadline=None)
@given(amounts)
def test_what_is_written_reads_back(fen: int) -> None:
    assert parse_yuan(format_yuan(fen)) == fen
    assert fen_from_json(fen_to_json(fen), "amount") == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0", 0), ("0.1", 10), ("1.05", 105), ("1,234.50", 123450), (" 19697.96 ", 1969796)],
)
def test_yuan_reads_to_the_fen(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", "1.005", "1.", ".5", "-1", "+1", "1e3", "01", "1,23", "1,2345", "一", "1 000", "٣"]
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_yuan(text)


@pytest.mark.parametrize("value", [1.0, True, None, "1.0", "-1", "01", -1, 2**64, str(2**64)])
def test_json_amounts_are_whole_fen_in_64_bits(value: object) -> None:
    with pytest.raises(InvalidAmount):
        fen_from_json(value, "amount")


def test_more_than_64_bits_of_yuan_is_refused() -> None:
    with pytest.raises(InvalidAmount):
        parse_yuan("184467440737095516.16")

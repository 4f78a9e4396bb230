"""One deal, one encoding: golden vectors, folding, check digits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.equity_transfer.encoding import (
    InvalidDocument,
    encode_company,
    encode_document,
    encode_identity,
)
from workflows.equity_transfer.identity import (
    IdentityType,
    InvalidIdentity,
    credit_code,
    credit_code_from_digits,
    identity,
    resident_check_character,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "tax"
GOLDEN: dict[str, Any] = json.loads((VECTORS / "encoding.json").read_text())

GOOD_RESIDENT = "11010519491231002X"
GOOD_CODE = "91350100M000100Y43"


@pytest.mark.parametrize("row", GOLDEN["identities"], ids=lambda row: row["written"])
def test_identities_have_their_golden_elements(row: dict[str, str]) -> None:
    found = identity(row["type"], row["written"])
    assert found.number == row["canonical"]
    assert encode_identity(found) == int(row["element"])


def test_companies_and_documents_have_their_golden_elements() -> None:
    for row in GOLDEN["companies"]:
        assert encode_company(credit_code(row["code"])) == int(row["element"])
    for row in GOLDEN["documents"]:
        assert encode_document(row["text"].encode()) == int(row["element"])


numbers = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=29)
kinds = st.sampled_from(["passport", "hk_macao_permit", "taiwan_permit", "foreign_resident"])


@settings(deadline=None)
@given(kinds, numbers)
def test_an_identity_reads_back_from_its_element(kind: str, number: str) -> None:
    element = encode_identity(identity(kind, number))
    assert element < 2**248
    data = element.to_bytes(31)
    assert data[2 : 2 + data[1]].decode() == number
    assert list(IdentityType)[data[0] - 1] == kind


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=17, max_size=17))
def test_a_credit_code_reads_back_from_its_element(digits: list[int]) -> None:
    code = credit_code_from_digits(digits)
    element = encode_company(credit_code(code))
    assert element // 31 == sum(d * 31 ** (16 - i) for i, d in enumerate(digits))


@settings(deadline=None)
@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_of_a_resident_number_is_found(place: int, shift: int) -> None:
    digit = (int(GOOD_RESIDENT[place]) + shift) % 10
    wrong = GOOD_RESIDENT[:place] + str(digit) + GOOD_RESIDENT[place + 1 :]
    with pytest.raises(InvalidIdentity):
        identity("resident", wrong)


@settings(deadline=None)
@given(st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_of_a_credit_code_is_found(place: int, character: str) -> None:
    wrong = GOOD_CODE[:place] + character + GOOD_CODE[place + 1 :]
    if wrong != GOOD_CODE:
        with pytest.raises(InvalidIdentity):
            credit_code(wrong)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("resident", "110105491231002"),  # the old 15 digits
        ("resident", GOOD_RESIDENT + "0"),
        ("resident", "1101051949123100X2"),
        ("passport", "E1"),
        ("passport", "E1234 5678"),
        ("passport", "É12345678"),
        ("passport", "A" * 30),
        ("organisation", "91350100M000100O43"),
        ("driving_licence", "E12345678"),
    ],
)
def test_impossible_identities_are_refused_without_repeating_them(kind: str, number: str) -> None:
    with pytest.raises(InvalidIdentity) as refused:
        identity(kind, number)
    assert number not in str(refused.value)


def test_an_impossible_date_is_refused_although_the_check_character_fits() -> None:
    first_17 = "11010519490231002"
    with pytest.raises(InvalidIdentity, match="date"):
        identity("resident", first_17 + resident_check_character(first_17))


def test_a_document_has_bytes() -> None:
    with pytest.raises(InvalidDocument):
        encode_document(b"")
    assert encode_document(b"x") < 2**248

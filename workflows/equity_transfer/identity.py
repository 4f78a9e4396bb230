"""Identity numbers in one canonical spelling: people's documents and companies' credit codes.

A number that a careful clerk would refuse (wrong check digit, impossible date) is refused here.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

number_chars_max = 29

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_CHECK_CHARACTERS = "10X98765432"  # GB 11643-1999, ISO 7064 MOD 11-2
_NUMBER = re.compile(r"[0-9A-Z]{5,29}")


class InvalidIdentity(ValueError):
    """An identity number that cannot be right. The message never repeats the number."""


class IdentityType(StrEnum):
    """Documents that name a party."""

    RESIDENT = "resident"  # 居民身份证
    PASSPORT = "passport"  # 护照
    HK_MACAO_PERMIT = "hk_macao_permit"  # 港澳居民来往内地通行证
    TAIWAN_PERMIT = "taiwan_permit"  # 台湾居民来往大陆通行证
    FOREIGN_RESIDENT = "foreign_resident"  # 外国人永久居留身份证
    ORGANISATION = "organisation"  # 统一社会信用代码: a transferee may be a company


@dataclass(frozen=True)
class Identity:
    """A document's type and number, canonical: build it with `identity`."""

    type: IdentityType
    number: str


def fold(text: str) -> str:
    """Trim, fold full-width ASCII (０-９, Ａ-Ｚ) to its narrow form, and capitalise letters."""
    narrow = (chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text.strip())
    return "".join(narrow).upper()


def identity(type_name: str, number: str) -> Identity:
    """The canonical identity of a document. Raises `InvalidIdentity`."""
    try:
        kind = IdentityType(type_name)
    except ValueError:
        known = ", ".join(IdentityType)
        raise InvalidIdentity(
            f"identity type: expected one of {known}, got {type_name[:40]!r}"
        ) from None
    folded = fold(number)
    if kind is IdentityType.RESIDENT:
        _check_resident_number(folded)
    elif kind is IdentityType.ORGANISATION:
        return Identity(kind, credit_code(folded))
    elif not _NUMBER.fullmatch(folded):
        raise InvalidIdentity(
            f"{kind} number: expected 5 to {number_chars_max} letters and digits; check it"
        )
    return Identity(kind, folded)


def _check_resident_number(number: str) -> None:
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise InvalidIdentity(
            "resident number: expected 17 digits and a digit or X; "
            "use the 18-digit number of the current card"
        )
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise InvalidIdentity(
            "resident number: digits 7 to 14 are no date; check the card"
        ) from None
    if number[17] != resident_check_character(number[:17]):
        raise InvalidIdentity("resident number: the check character is wrong; check the card")


def resident_check_character(first_17: str) -> str:
    """The 18th character of a resident number (GB 11643-1999)."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(first_17))
    return _CHECK_CHARACTERS[total % 11]


def credit_code(text: str) -> str:
    """A company's unified social credit code, canonical. Raises `InvalidIdentity`."""
    code = fold(text)
    if len(code) != 18 or any(c not in _CREDIT_ALPHABET for c in code):
        raise InvalidIdentity(
            "credit code: expected 18 digits and capitals without I, O, S, V, Z; "
            "check the business licence"
        )
    if code[17] != credit_check_character(code[:17]):
        raise InvalidIdentity(
            "credit code: the check character is wrong; check the business licence"
        )
    return code


def credit_check_character(first_17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015)."""
    total = sum(_CREDIT_ALPHABET.index(c) * pow(3, place, 31) for place, c in enumerate(first_17))
    return _CREDIT_ALPHABET[-total % 31]


def credit_code_number(code: str) -> int:
    """A canonical credit code as a number in base 31, first character most significant."""
    number = 0
    for c in code:
        number = number * 31 + _CREDIT_ALPHABET.index(c)
    return number


def credit_code_from_digits(digits: list[int]) -> str:
    """The credit code whose first 17 characters have these values (0 to 30)."""
    first_17 = "".join(_CREDIT_ALPHABET[d] for d in digits)
    assert len(first_17) == 17, "a credit code has 17 characters before its check character"
    return first_17 + credit_check_character(first_17)

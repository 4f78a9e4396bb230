"""Amounts of money: integer fen inside, 元 with two decimals for people, decimal strings in JSON.

No float touches an amount, and nothing is rounded when it is read: a third decimal is refused.
"""

import re
from typing import NewType

Fen = NewType("Fen", int)

amount_fen_max = 2**64 - 1  # the circuit decomposes every amount to 64 bits

_YUAN = re.compile(r"(0|[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,17})(?:\.([0-9]{1,2}))?")
_FEN = re.compile(r"0|[1-9][0-9]{0,19}")


class InvalidAmount(ValueError):
    """A figure that is not an amount of money as this workflow writes it."""


def bounded_fen(value: int, name: str) -> Fen:
    """`value` as fen, or `InvalidAmount` when it does not fit in 0 … 2^64-1 (`name` says where)."""
    if not 0 <= value <= amount_fen_max:
        raise InvalidAmount(
            f"{name}: expected 0 to {amount_fen_max} fen, got {value}; split or correct the amount"
        )
    return Fen(value)


def parse_yuan(text: str) -> Fen:
    """Read 元 such as `1234.5` or `1,234.50`; a sign, an exponent or a third decimal is refused."""
    found = _YUAN.fullmatch(text.strip())
    if found is None:
        raise InvalidAmount(
            f"expected 元 with at most two decimals such as 1234.50, got {text[:40]!r}; "
            "write the amount to the fen, without sign or exponent"
        )
    whole, decimals = found.groups()
    fen = int(whole.replace(",", "")) * 100 + int((decimals or "0").ljust(2, "0"))
    return bounded_fen(fen, "amount")


def format_yuan(fen: int) -> str:
    """Write fen as 元 with thousands separators and two decimals: `1,234.50`."""
    sign, size = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{size // 100:,}.{size % 100:02d}"


def fen_from_json(value: object, name: str) -> Fen:
    """Read fen from JSON: an integer, or a decimal string as this workflow writes it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return bounded_fen(value, name)
    if isinstance(value, str) and _FEN.fullmatch(value):
        return bounded_fen(int(value), name)
    raise InvalidAmount(
        f"{name}: expected whole fen as an integer or a decimal string, got {str(value)[:40]!r}"
    )


def fen_to_json(fen: int) -> str:
    """Write fen for JSON: a decimal string, since readers in other languages lose digits."""
    return str(fen)

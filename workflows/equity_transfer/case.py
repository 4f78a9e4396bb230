"""Reads a transfer as a case file gives it: the form of the published cases, with room for more.

A published case leaves much open. What it leaves open is filled in by fixed rules, below, so that
it can be carried through the workflow; `Case.filled` names every such field. A real deal gives
them all. Figures that a source printed as its result are kept in `stated`, never computed with.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.equity_transfer.encoding import document_bytes_max
from workflows.equity_transfer.identity import (
    Identity,
    IdentityType,
    credit_code,
    credit_code_from_digits,
    identity,
    resident_check_character,
)
from workflows.equity_transfer.money import Fen, fen_from_json, format_yuan
from workflows.equity_transfer.rules import Disposition, Filing
from workflows.json_text import InvalidJson, decode_json

case_bytes_max = 256 * 1024
text_chars_max = 200
filled_total_fen = Fen(1_000_000_000)  # 1,000 万元 of registered capital

_FACTS = frozenset(
    [
        "id",
        "transferor",
        "transferee",
        "target_company",
        "share_ratio",
        "price_fen",
        "cost_basis_fen",
        "reasonable_fees_fen",
        "net_assets_share_fen",
        "declared_price_fen",
        "deemed",
        "justified_low_price",
        "disposition",
        "expect",
    ]
)
_ABOUT = frozenset(
    [
        "source_url",
        "source_title",
        "source_kind",
        "taxpayer_type",
        "derived_fields",
        "contested",
        "notes",
    ]
)
_RESULTS = ("gain_fen", "taxable_income_fen", "tax_due_fen", "stamp_duty_fen", "low_price_flag")
_MORE = frozenset(
    [
        "transferor_id",
        "transferee_id",
        "company_code",
        "capital_fen",
        "total_fen",
        "other_fen",
        "relief_fen",
        "paid_fen",
        "contract",
    ]
)
_RATIO = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?%")
_parts_per_percent = 10_000


class InvalidCase(ValueError):
    """A case file that does not say what a transfer needs. The message repeats no personal data."""


@dataclass(frozen=True)
class Party:
    """A person or company in a deal."""

    name: str
    identity: Identity


@dataclass(frozen=True)
class Deal:
    """What both bureaus know of one transfer: the values that the proof shows equal.

    `capital` of `total` is the share, as subscribed capital (认缴出资额) in fen.
    """

    company: str
    company_code: str
    transferor: Party
    transferee: Party
    capital: Fen
    total: Fen
    price: Fen
    contract: bytes


@dataclass(frozen=True)
class Case:
    """A case read. `paid` is None where the case says nothing: then the tax due is paid.

    `filled` names the facts that were not given; `stated` has the source's own results.
    """

    id: str
    deal: Deal
    filing: Filing
    paid: Fen | None
    compute_only: bool
    filled: tuple[str, ...]
    stated: Mapping[str, int | bool]


def load_case(data: bytes) -> Case:
    """Read one case from the bytes of a JSON file. Raises `InvalidCase` and the kinds below it."""
    try:
        document = decode_json(data, bytes_max=case_bytes_max)
    except InvalidJson as error:
        raise InvalidCase(f"case: {error}") from None
    return read_case(document)


def read_case(document: object) -> Case:
    """Read a case from decoded JSON; see `load_case`."""
    if not isinstance(document, dict):
        raise InvalidCase("case: expected one JSON object; give one case, not a list of them")
    unknown = sorted(set(document) - _FACTS - _ABOUT - set(_RESULTS) - _MORE)
    if unknown:
        raise InvalidCase(f"case: unknown field {unknown[0][:40]!r}; correct or remove it")
    if document.get("taxpayer_type", "individual") != "individual":
        raise InvalidCase("taxpayer_type: expected 'individual'; others file elsewhere")
    reader = _Reader(document)
    case_id = reader.text("id")
    if case_id is None:
        raise InvalidCase("id: expected a name for the case, such as 'A01'")
    filing = _read_filing(reader)
    deal = _read_deal(reader, case_id, filing.price)
    stated = {name: document[name] for name in _RESULTS if document.get(name) is not None}
    for name, figure in stated.items():
        if not isinstance(figure, bool if name == "low_price_flag" else int):
            raise InvalidCase(f"{name}: expected the source's figure or null")
    return Case(
        id=case_id,
        deal=deal,
        filing=filing,
        paid=reader.fen("paid_fen"),
        compute_only=document.get("expect") == "compute_only",
        filled=tuple(reader.filled),
        stated=stated,
    )


class _Reader:
    """Typed reading of one object's fields, and the list of those that had to be filled."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.filled: list[str] = []

    def fen(self, name: str) -> Fen | None:
        value = self.document.get(name)
        return None if value is None else fen_from_json(value, name)

    def fen_or(self, name: str, otherwise: Fen) -> Fen:
        """An amount, filled with `otherwise` where it is not given."""
        value = self.fen(name)
        if value is None:
            self.filled.append(name)
            return otherwise
        return value

    def text(self, name: str) -> str | None:
        value = self.document.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value.strip()) <= text_chars_max:
            raise InvalidCase(f"{name}: expected 1 to {text_chars_max} characters of text or null")
        return value.strip()

    def flag(self, name: str) -> bool | None:
        value = self.document.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidCase(f"{name}: expected true, false or null")
        return value


def _read_disposition(reader: _Reader) -> Disposition:
    deemed = reader.flag("deemed")
    justified = reader.flag("justified_low_price")
    given = reader.document.get("disposition")
    if given is None:
        given = 1 if deemed else 2 if justified else 0
    if isinstance(given, bool) or given not in (0, 1, 2):
        raise InvalidCase("disposition: expected 0 (as filed), 1 (assessed) or 2 (justified)")
    disposition = Disposition(given)
    if deemed is not None and deemed != (disposition is Disposition.ASSESSED):
        raise InvalidCase("deemed and disposition contradict each other; correct one")
    if justified is False and disposition is Disposition.JUSTIFIED:
        raise InvalidCase("justified_low_price and disposition contradict each other; correct one")
    return disposition


def _read_filing(reader: _Reader) -> Filing:
    disposition = _read_disposition(reader)
    income = reader.fen("price_fen")
    if income is None:
        raise InvalidCase("price_fen: expected the income in fen")
    declared = reader.fen("declared_price_fen")
    price = income if declared is None else declared
    assessed = income if disposition is Disposition.ASSESSED else Fen(0)
    if disposition is not Disposition.ASSESSED and price != income:
        raise InvalidCase(
            "declared_price_fen: differs from price_fen although nothing was assessed; "
            "give one price, or disposition 1"
        )
    return Filing(
        price=price,
        basis=reader.fen("cost_basis_fen"),
        disposition=disposition,
        other=reader.fen_or("other_fen", Fen(0)),
        assessed=assessed,
        net_share=reader.fen_or("net_assets_share_fen", Fen(0)),
        fees=reader.fen_or("reasonable_fees_fen", Fen(0)),
        relief=reader.fen_or("relief_fen", Fen(0)),
    )


def _read_deal(reader: _Reader, case_id: str, price: Fen) -> Deal:
    company = _name(reader, "target_company", "标的公司")
    transferor = _party(reader, case_id, "transferor", "出让人")
    transferee = _party(reader, case_id, "transferee", "受让人")
    code = reader.text("company_code")
    if code is None:
        reader.filled.append("company_code")
        code = _filled_credit_code(case_id, company)
    capital, total = _read_share(reader)
    draft = Deal(
        company, credit_code(code), transferor, transferee, capital, total, price, contract=b""
    )
    contract = reader.document.get("contract")
    if contract is None:
        reader.filled.append("contract")
        contract = _filled_contract(draft)
    if not isinstance(contract, str) or not 0 < len(contract.encode()) <= document_bytes_max:
        raise InvalidCase(f"contract: expected 1 to {document_bytes_max} bytes of text")
    return Deal(
        company,
        draft.company_code,
        transferor,
        transferee,
        capital,
        total,
        price,
        contract.encode(),
    )


def _name(reader: _Reader, field: str, otherwise: str) -> str:
    name = reader.text(field)
    if name is None:
        reader.filled.append(field)
        return otherwise
    return name


def _party(reader: _Reader, case_id: str, role: str, otherwise: str) -> Party:
    name = _name(reader, role, otherwise)
    given = reader.document.get(f"{role}_id")
    if given is None:
        reader.filled.append(f"{role}_id")
        return Party(name, _filled_resident(case_id, role, name))
    if (
        not isinstance(given, dict)
        or set(given) != {"type", "number"}
        or not all(isinstance(part, str) for part in given.values())
    ):
        raise InvalidCase(f'{role}_id: expected {{"type": …, "number": …}}, both texts')
    return Party(name, identity(given["type"], given["number"]))


def _read_share(reader: _Reader) -> tuple[Fen, Fen]:
    """The share as subscribed capital and total, from amounts if given, else from the ratio."""
    capital, total = reader.fen("capital_fen"), reader.fen("total_fen")
    ratio = reader.text("share_ratio")
    parts = None if ratio is None else _ratio_parts(ratio)
    if (capital is None) != (total is None):
        raise InvalidCase("capital_fen and total_fen: expected both or neither")
    if capital is None or total is None:
        reader.filled += ["capital_fen", "total_fen"]
        parts = 100 * _parts_per_percent if parts is None else parts
        total = filled_total_fen
        capital = Fen(total * parts // (100 * _parts_per_percent))
    elif ratio is not None and parts is not None:
        one_part = _parts_per_percent // 10 ** len(ratio.partition(".")[2].rstrip("%"))
        if abs(capital * 100 * _parts_per_percent - total * parts) >= total * one_part:
            raise InvalidCase("share_ratio: is not capital_fen of total_fen; correct one of them")
    if not 0 < capital <= total:
        raise InvalidCase("capital_fen: expected above 0 and at most total_fen")
    return capital, total


def _ratio_parts(text: str) -> int:
    """A percentage with at most four decimals, in parts per million."""
    found = _RATIO.fullmatch(text)
    if found is None:
        raise InvalidCase("share_ratio: expected a percentage such as '6.55%' or null")
    parts = int(found[1]) * _parts_per_percent + int((found[2] or "0").ljust(4, "0"))
    if not 0 < parts <= 100 * _parts_per_percent:
        raise InvalidCase("share_ratio: expected above 0% and at most 100%")
    return parts


def _drawn(case_id: str, *what: str) -> bytes:
    """32 bytes that depend on the case and the field alone."""
    return hashlib.sha256("\0".join(("filled in for a case", case_id, *what)).encode()).digest()


def _filled_resident(case_id: str, role: str, name: str) -> Identity:
    """A resident number with a good check character; region 000000 belongs to nobody."""
    drawn = _drawn(case_id, role, name)
    year, month, day = 1950 + drawn[0] % 50, 1 + drawn[1] % 12, 1 + drawn[2] % 28
    first_17 = f"000000{year}{month:02d}{day:02d}{int.from_bytes(drawn[3:7], 'big') % 1000:03d}"
    number = first_17 + resident_check_character(first_17)
    return identity(IdentityType.RESIDENT, number)


def _filled_credit_code(case_id: str, company: str) -> str:
    """A credit code with a good check character; it starts with 00, which no authority gives."""
    drawn = _drawn(case_id, "company", company)
    return credit_code_from_digits([0, 0, *(byte % 31 for byte in drawn[:15])])


def _filled_contract(deal: Deal) -> str:
    """A short contract that says what the case says, the same each time."""
    return (
        f"股权转让合同\n标的公司:{deal.company}({deal.company_code})\n"
        f"转让方:{deal.transferor.name}\n受让方:{deal.transferee.name}\n"
        f"认缴出资额:{format_yuan(deal.capital)} 元,注册资本 {format_yuan(deal.total)} 元\n"
        f"转让价款:{format_yuan(deal.price)} 元\n"
    )

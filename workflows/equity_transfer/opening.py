"""Openings: a commitment's values and salt, in a file that only its holder may read.

Whoever has the file can check it against the chain; whoever has only the chain learns nothing.
Values stand as people write them and are encoded anew each time, so a file cannot show one
identity and open to another.
"""

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from workflows.equity_transfer.case import Deal
from workflows.equity_transfer.encoding import encode_company, encode_document, encode_identity
from workflows.equity_transfer.identity import Identity, InvalidIdentity, credit_code, identity
from workflows.equity_transfer.money import Fen, InvalidAmount, fen_from_json, fen_to_json
from workflows.equity_transfer.rules import Filing
from workflows.workspace import read_json, write_private_json
from zkp.circuits.equity_commitments import (
    SALT_BITS,
    EquityCore,
    EquityFinancials,
    EquityRecord,
    commit_application,
    commit_record,
    fresh_salt,
)
from zkp.circuits.equity_holdings import (
    LOTS_MAX,
    HoldingLot,
    InvalidHoldings,
    commit_lot,
    lot_after,
)
from zkp.circuits.equity_holdings import commit_lots as commitments_of
from zkp.circuits.equity_holdings import commit_record as commit_record_of_lots
from zkp.field import R

_FORMAT = "quorate equity opening 1"
_FORMAT_OF_HOLDINGS = "quorate equity opening 2"
_FORMAT_OF_LOT = "quorate equity lot 1"
_DIGEST = re.compile(r"0x[0-9a-f]{62}")
_ID = re.compile(r"0x[0-9a-f]{32}")
_COMMITMENT = re.compile(r"0x[0-9a-f]{64}")


class InvalidOpening(ValueError):
    """A file that is no opening, or one that does not open what it is held against."""


@dataclass(frozen=True)
class DealFacts:
    """The deal as both bureaus commit to it. `contract_digest` is the document's field element."""

    company_code: str
    transferor: Identity
    transferee: Identity
    capital: Fen
    total: Fen
    price: Fen
    contract_digest: int

    def encode(self) -> EquityCore:
        """The field elements of the statement's core."""
        return EquityCore(
            company=encode_company(self.company_code),
            transferor=encode_identity(self.transferor),
            transferee=encode_identity(self.transferee),
            capital=self.capital,
            total=self.total,
            price=self.price,
            contract_digest=self.contract_digest,
        )


def deal_facts(deal: Deal) -> DealFacts:
    """What is committed of a deal: no names, and the contract by its digest."""
    return DealFacts(
        company_code=deal.company_code,
        transferor=deal.transferor.identity,
        transferee=deal.transferee.identity,
        capital=deal.capital,
        total=deal.total,
        price=deal.price,
        contract_digest=encode_document(deal.contract),
    )


def first_difference(one: DealFacts, other: DealFacts) -> str | None:
    """The first field in which two openings tell different deals, None if they agree."""
    for field in fields(DealFacts):
        if getattr(one, field.name) != getattr(other, field.name):
            return field.name
    return None


@dataclass(frozen=True, repr=False)
class LotOpening:
    """A lot's opening: whose it is, in which company, and its amounts and salt."""

    company_code: str
    holder: Identity
    lot: HoldingLot

    @property
    def commitment(self) -> int:
        """The lot as the chain names it."""
        return commit_lot(encode_company(self.company_code), encode_identity(self.holder), self.lot)

    @property
    def id(self) -> bytes:
        """The commitment as 32 bytes."""
        return self.commitment.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"LotOpening(0x{self.commitment:064x})"


@dataclass(frozen=True, repr=False)
class TaxOpening:
    """The tax bureau's opening: the deal, the figures and the salt of C_tax.

    `lots` are all that the seller has in the company, where the basis is drawn from holdings.
    """

    side: ClassVar[str] = "tax"
    id: bytes
    deal: DealFacts
    financials: EquityFinancials
    salt: int
    lots: tuple[HoldingLot, ...] = ()

    @property
    def record(self) -> EquityRecord:
        """Deal and figures as the statement takes them."""
        return EquityRecord(self.deal.encode(), self.financials)

    @property
    def commitment(self) -> int:
        """C_tax."""
        if not self.lots:
            return commit_record(self.record, self.salt)
        return commit_record_of_lots(
            self.record, commitments_of(self.deal.encode(), self.lots), self.salt
        )

    @property
    def lot_commitments(self) -> tuple[int, ...]:
        """The lots as the contract names them."""
        return commitments_of(self.deal.encode(), self.lots)[: len(self.lots)]

    @property
    def lot_openings(self) -> tuple[LotOpening, ...]:
        """The lots with their owner."""
        deal = self.deal
        return tuple(LotOpening(deal.company_code, deal.transferor, lot) for lot in self.lots)

    @property
    def rest(self) -> LotOpening:
        """What the sale leaves of the lots."""
        lot = lot_after(self.deal.capital, self.lots, self.salt)
        return LotOpening(self.deal.company_code, self.deal.transferor, lot)

    def __repr__(self) -> str:
        return f"TaxOpening(id=0x{self.id.hex()})"


@dataclass(frozen=True, repr=False)
class MarketOpening:
    """The registrar's opening: the deal and the salt of C_reg."""

    side: ClassVar[str] = "market"
    id: bytes
    deal: DealFacts
    salt: int

    @property
    def commitment(self) -> int:
        """C_reg."""
        return commit_application(self.deal.encode(), self.salt)

    def __repr__(self) -> str:
        return f"MarketOpening(id=0x{self.id.hex()})"


Opening = TaxOpening | MarketOpening


def new_tax_opening(
    attestation_id: bytes,
    deal: Deal,
    filing: Filing,
    paid: Fen,
    rule_id: int,
) -> TaxOpening:
    """An opening with a fresh salt. The filing is one that `check_lawful` has passed."""
    assert filing.basis is not None, "check_lawful refuses a filing without basis"
    financials = EquityFinancials(
        other=filing.other,
        assessed=filing.assessed,
        disposition=filing.disposition,
        net_share=filing.net_share,
        basis=filing.basis,
        fees=filing.fees,
        relief=filing.relief,
        paid=paid,
        rule_id=rule_id,
    )
    return TaxOpening(attestation_id, deal_facts(deal), financials, fresh_salt())


def new_market_opening(transfer_id: bytes, deal: Deal) -> MarketOpening:
    """An opening with a fresh salt."""
    return MarketOpening(transfer_id, deal_facts(deal), fresh_salt())


def open_record(opening: Opening, commitment: int) -> None:
    """Raise `InvalidOpening` unless the opening's values and salt make this commitment."""
    if opening.commitment != commitment:
        raise InvalidOpening(
            f"the {opening.side} opening of 0x{opening.id.hex()} does not open the commitment on "
            "chain: it is of another transfer, or one of its values was changed"
        )


def encode_opening(opening: Opening) -> dict[str, Any]:
    """The opening as a JSON document, fen as decimal strings."""
    has_lots = isinstance(opening, TaxOpening) and bool(opening.lots)
    document: dict[str, Any] = {
        "format": _FORMAT_OF_HOLDINGS if has_lots else _FORMAT,
        "side": opening.side,
        "id": "0x" + opening.id.hex(),
        "commitment": f"0x{opening.commitment:064x}",
        "salt": f"0x{opening.salt:062x}",
        "deal": encode_deal(opening.deal),
    }
    if isinstance(opening, TaxOpening):
        names = [field.name for field in fields(EquityFinancials)]
        figures = zip(names, astuple(opening.financials), strict=True)
        document["financials"] = {name: fen_to_json(figure) for name, figure in figures}
        if opening.lots:
            document["lots"] = [_encode_amounts(lot) for lot in opening.lots]
    return document


def encode_lot(opening: LotOpening) -> dict[str, Any]:
    """A lot's opening as a JSON document."""
    return {
        "format": _FORMAT_OF_LOT,
        "commitment": f"0x{opening.commitment:064x}",
        "company_code": opening.company_code,
        "holder": {"type": opening.holder.type.value, "number": opening.holder.number},
        **_encode_amounts(opening.lot),
    }


def _encode_amounts(lot: HoldingLot) -> dict[str, str]:
    return {
        "capital_fen": fen_to_json(lot.capital),
        "basis_fen": fen_to_json(lot.basis),
        "salt": f"0x{lot.salt:064x}",
    }


def encode_deal(deal: DealFacts) -> dict[str, Any]:
    """The deal as a JSON document."""
    return {
        "company_code": deal.company_code,
        "transferor": {"type": deal.transferor.type.value, "number": deal.transferor.number},
        "transferee": {"type": deal.transferee.type.value, "number": deal.transferee.number},
        "capital_fen": fen_to_json(deal.capital),
        "total_fen": fen_to_json(deal.total),
        "price_fen": fen_to_json(deal.price),
        "contract_digest": f"0x{deal.contract_digest:062x}",
    }


def decode_opening(document: object) -> Opening:
    """Read what `encode_opening` wrote; refuses a stated commitment that its values do not make."""
    found = _section(document)
    form, side = found.get("format"), found.get("side")
    if (form, side) not in ((_FORMAT, "tax"), (_FORMAT_OF_HOLDINGS, "tax"), (_FORMAT, "market")):
        raise InvalidOpening(f"opening: expected the form {_FORMAT!r}; restore the file")
    opening_id = bytes.fromhex(_matched(found, "id", _ID)[2:])
    salt = int(_matched(found, "salt", _DIGEST), 16)
    assert salt < 1 << SALT_BITS, "62 hexadecimal digits are 248 bits"
    deal = decode_deal(found.get("deal"))
    opening: Opening
    if found["side"] == "market":
        opening = MarketOpening(opening_id, deal, salt)
    else:
        figures = _section(found.get("financials"))
        names = [field.name for field in fields(EquityFinancials)]
        financials = EquityFinancials(*(_fen(figures, name) for name in names))
        opening = TaxOpening(opening_id, deal, financials, salt)
        if form == _FORMAT_OF_HOLDINGS:
            opening = replace(opening, lots=_decode_lots(found.get("lots")))
            _check_holdings(opening)
    open_record(opening, int(_matched(found, "commitment", _COMMITMENT), 16))
    return opening


def decode_lot(document: object) -> LotOpening:
    """Read what `encode_lot` wrote; refuses a stated commitment that its values do not make."""
    found = _section(document)
    if found.get("format") != _FORMAT_OF_LOT:
        raise InvalidOpening(f"opening: expected the form {_FORMAT_OF_LOT!r}; restore the file")
    try:
        company_code = credit_code(_text(found, "company_code"))
    except InvalidIdentity as error:
        raise InvalidOpening(f"opening: {error}") from None
    opening = LotOpening(company_code, _identity(found, "holder"), _decode_amounts(found))
    if opening.commitment != int(_matched(found, "commitment", _COMMITMENT), 16):
        raise InvalidOpening("opening: the lot's values do not make its name; restore the file")
    return opening


def _decode_lots(lots: object) -> tuple[HoldingLot, ...]:
    if not isinstance(lots, list) or not 1 <= len(lots) <= LOTS_MAX:
        raise InvalidOpening(f"opening: expected 1 to {LOTS_MAX} lots; restore the file")
    return tuple(_decode_amounts(_section(lot)) for lot in lots)


def _decode_amounts(lot: Mapping[str, Any]) -> HoldingLot:
    salt = int(_matched(lot, "salt", _COMMITMENT), 16)
    if salt >= R:
        raise InvalidOpening("opening: a lot's salt is no field element; restore the file")
    return HoldingLot(_fen(lot, "capital_fen"), _fen(lot, "basis_fen"), salt)


def _check_holdings(opening: TaxOpening) -> None:
    """A sale that the lots do not hold leaves nothing that could be named."""
    try:
        lot_after(opening.deal.capital, opening.lots, opening.salt)
    except InvalidHoldings as error:
        raise InvalidOpening(f"opening: {error}; restore the file") from None


def decode_deal(document: object) -> DealFacts:
    """Read what `encode_deal` wrote. Raises `InvalidOpening`."""
    deal = _section(document)
    try:
        company_code = credit_code(_text(deal, "company_code"))
    except InvalidIdentity as error:
        raise InvalidOpening(f"opening: {error}") from None
    return DealFacts(
        company_code=company_code,
        transferor=_identity(deal, "transferor"),
        transferee=_identity(deal, "transferee"),
        capital=_fen(deal, "capital_fen"),
        total=_fen(deal, "total_fen"),
        price=_fen(deal, "price_fen"),
        contract_digest=int(_matched(deal, "contract_digest", _DIGEST), 16),
    )


def _section(document: object) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise InvalidOpening("opening: expected a JSON object; restore the file")
    return document


def _identity(document: Mapping[str, Any], name: str) -> Identity:
    party = _section(document.get(name))
    try:
        return identity(_text(party, "type"), _text(party, "number"))
    except InvalidIdentity as error:
        raise InvalidOpening(f"opening: {name}: {error}") from None


def _fen(document: Mapping[str, Any], name: str) -> Fen:
    try:
        return fen_from_json(document.get(name), name)
    except InvalidAmount:
        raise InvalidOpening(f"opening: {name} is no amount in fen; restore the file") from None


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise InvalidOpening(f"opening: expected {name} to be a text; restore the file")
    return value


def _matched(document: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = _text(document, name)
    if not pattern.fullmatch(value):
        raise InvalidOpening(f"opening: {name} is not as expected; restore the file")
    return value


def save_opening(path: Path, opening: Opening) -> None:
    """Write the opening, mode 600."""
    write_private_json(path, encode_opening(opening))


def load_opening(path: Path) -> Opening:
    """Read an opening's file. Raises `InvalidOpening`."""
    return decode_opening(read_json(path))

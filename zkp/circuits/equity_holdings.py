"""Holdings as the tax bureau attests them, their commitments, and what a sale leaves of them.

A lot is capital of one company in one hand, with its cost basis. A sale consumes all lots that the
seller has in the company and replaces them by one with what remains: after a sale at weighted
average cost (加权平均法) every share that is left has the same cost anyway.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord, core_hash
from zkp.poseidon import poseidon

LOTS_MAX = 8


def _tag(name: str) -> int:
    return int.from_bytes(f"quorate equity_v2 {name}".encode(), "big")


LOT_TAG, HOLDINGS_TAG, REST_TAG = _tag("LOT"), _tag("HOLDINGS"), _tag("REST")
FINANCIAL_TAG, TAX_TAG = _tag("FIN"), _tag("TAX")

# The commitment that stands where there is no lot.
NO_LOT = 0


class InvalidHoldings(ValueError):
    """Lots from which no sale can be computed."""


@dataclass(frozen=True)
class HoldingLot:
    """One lot: subscribed capital and cost basis in fen (below 2^64), and its salt."""

    capital: int
    basis: int
    salt: int


def commit_lot(company: int, holder: int, lot: HoldingLot) -> int:
    """The commitment to a lot. With a fresh salt it says nothing and equals no other."""
    return poseidon(LOT_TAG, company, holder, lot.capital, lot.basis, lot.salt)


def basis_used(capital: int, lots: Sequence[HoldingLot]) -> int:
    """Of the cost of all lots the share of the capital sold, in whole fen rounded down.

    What rounding leaves stays with the lot that remains, so the last sale takes all that is left.
    `InvalidHoldings` if more is sold than is held, or nothing is held.
    """
    held = sum(lot.capital for lot in lots)
    if not 0 < capital <= held:
        raise InvalidHoldings(
            f"the sale of {capital} fen of capital: expected above zero and at most the {held} held"
        )
    return sum(lot.basis for lot in lots) * capital // held


def rest_salt(salt_tax: int) -> int:
    """The salt of the lot that remains: both who attests and who proves can compute it."""
    return poseidon(REST_TAG, salt_tax)


def lot_after(capital: int, lots: Sequence[HoldingLot], salt_tax: int) -> HoldingLot:
    """The lot that remains after a sale; of a whole sale one of no capital and no basis."""
    used = basis_used(capital, lots)
    return HoldingLot(
        sum(lot.capital for lot in lots) - capital,
        sum(lot.basis for lot in lots) - used,
        rest_salt(salt_tax),
    )


def commit_lots(core: EquityCore, lots: Sequence[HoldingLot]) -> tuple[int, ...]:
    """The commitments of the seller's lots, filled up with `NO_LOT`."""
    if len(lots) > LOTS_MAX:
        raise InvalidHoldings(
            f"{len(lots)} lots: expected at most {LOTS_MAX}; have some attested as one first"
        )
    commitments = [commit_lot(core.company, core.transferor, lot) for lot in lots]
    return (*commitments, *[NO_LOT] * (LOTS_MAX - len(lots)))


def financial_hash(financials: EquityFinancials, commitments: Sequence[int]) -> int:
    """F of equity_v2: the figures, and which lots the bureau attests to be all of the seller's."""
    return poseidon(FINANCIAL_TAG, *astuple(financials), poseidon(HOLDINGS_TAG, *commitments))


def commit_record(record: EquityRecord, commitments: Sequence[int], salt: int) -> int:
    """C_tax of equity_v2."""
    financial = financial_hash(record.financials, commitments)
    return poseidon(TAX_TAG, core_hash(record.core), financial, salt)

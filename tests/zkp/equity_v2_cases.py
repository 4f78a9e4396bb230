"""Random sales of held equity, and an independent reading of what statement `equity_v2` allows.

Shares no formula with the circuit: rationals in the place of digits and remainders, and each lot's
cost followed by itself. Most cases are lawful, many by one fen, many not by one.
"""

import math
import random
from dataclasses import dataclass, replace
from fractions import Fraction

from zkp.builder import UnsatisfiedConstraint
from zkp.circuits import equity_v2
from zkp.circuits.equity_commitments import (
    EquityCore,
    EquityFinancials,
    EquityRecord,
    commit_application,
    rule_word,
)
from zkp.circuits.equity_holdings import (
    HoldingLot,
    InvalidHoldings,
    commit_lot,
    commit_lots,
    commit_record,
    lot_after,
)
from zkp.circuits.equity_v2 import Secrets, Statement
from zkp.field import R

AMOUNT_MAX = 2**64 - 1
BOUNDARIES = (0, 1, 2, AMOUNT_MAX - 1, AMOUNT_MAX, AMOUNT_MAX + 1, R - 1)
CTX = 2**247 + 11


@dataclass(frozen=True)
class Sale:
    """A record, the lots that it is attested with, and the rate in 1/10,000."""

    record: EquityRecord
    lots: tuple[HoldingLot, ...]
    rate_bps: int

    def changed(self, **values: int) -> "Sale":
        """With other values in either half of the record."""
        core = {name: value for name, value in values.items() if hasattr(self.record.core, name)}
        tax = {name: value for name, value in values.items() if name not in core}
        record = EquityRecord(
            replace(self.record.core, **core), replace(self.record.financials, **tax)
        )
        return replace(self, record=record)


def average_cost(capital: int, lots: tuple[HoldingLot, ...]) -> Fraction:
    """What the capital sold cost, were fen divisible: the same share of every lot's cost."""
    held = sum(lot.capital for lot in lots)
    return sum((Fraction(lot.basis * capital, held) for lot in lots), Fraction(0))


def tax_due(sale: Sale) -> int:
    """In fen, half a fen rounded up, by the attested basis."""
    core, tax = sale.record.core, sale.record.financials
    income = core.price + tax.other
    if tax.disposition == 1:
        income = max(income, tax.assessed)
    gain = max(0, income - tax.basis - tax.fees)
    return math.floor(Fraction(gain * sale.rate_bps, 10_000) + Fraction(1, 2))


def is_lawful(sale: Sale) -> bool:
    """Whether statement equity_v2 may be proven of this sale."""
    core, tax, lots = sale.record.core, sale.record.financials, sale.lots
    amounts = [core.capital, core.total, core.price, tax.other, tax.assessed, tax.net_share]
    amounts += [tax.basis, tax.fees, tax.relief, tax.paid, tax.rule_id]
    amounts += [amount for lot in lots for amount in (lot.capital, lot.basis)]
    if any(not 0 <= amount <= AMOUNT_MAX for amount in amounts):
        return False
    if tax.disposition not in (0, 1, 2) or not 0 < core.capital <= core.total:
        return False
    if len(set(lots)) != len(lots):
        return False
    held, cost = sum(lot.capital for lot in lots), sum(lot.basis for lot in lots)
    if core.capital > held or held - core.capital > AMOUNT_MAX:
        return False
    exact = average_cost(core.capital, lots)
    # Whole fen below the exact average, and at the last sale all there is.
    if not 0 <= exact - tax.basis < 1 or cost - tax.basis > AMOUNT_MAX:
        return False
    assert core.capital < held or tax.basis == cost, "the last sale takes what remains"
    income = core.price + tax.other
    if income < tax.net_share and tax.disposition == 0:
        return False
    if tax.disposition == 1:
        income = max(income, tax.assessed)
    elif tax.assessed != 0:
        return False
    due = tax_due(sale)
    if abs(income - tax.basis - tax.fees) > AMOUNT_MAX or due > AMOUNT_MAX:
        return False
    return 0 <= tax.paid + tax.relief - due <= AMOUNT_MAX


def secrets_of(sale: Sale) -> Secrets:
    """Fixed salts: their values prove nothing here."""
    return Secrets(sale.lots, 2**247 + 5, 2**246 + 7)


def honest_statement(sale: Sale) -> Statement:
    """What bureaus that compute rightly put on chain for these values, lawful or not."""
    core, secrets = sale.record.core, secrets_of(sale)
    lots = commit_lots(core, sale.lots)
    try:
        rest = lot_after(core.capital, sale.lots, secrets.salt_tax)
    except InvalidHoldings:
        # No sale fits these lots; the attestation is honest all the same.
        rest = HoldingLot(0, 0, 0)
    rest = replace(rest, capital=rest.capital % R, basis=rest.basis % R)
    return Statement(
        commit_record(sale.record, lots, secrets.salt_tax),
        commit_application(core, secrets.salt_reg),
        rule_word(sale.record.financials.rule_id, sale.rate_bps),
        CTX,
        lots,
        commit_lot(core.company, core.transferor, rest),
    )


def attempt(sale: Sale, **statement: object) -> UnsatisfiedConstraint | None:
    """What breaks when this sale is proven; None if nothing does."""
    claimed = honest_statement(sale)._replace(**statement)  # type: ignore[arg-type]
    circuit = equity_v2.build()
    try:
        circuit.check(circuit.solve(equity_v2.inputs(claimed, sale.record, secrets_of(sale))))
    except UnsatisfiedConstraint as error:
        return error
    return None


def random_sale(rng: random.Random) -> Sale:
    """A sale on or around the lines of the rule."""
    lots = _random_lots(rng)
    held, cost = sum(lot.capital for lot in lots), sum(lot.basis for lot in lots)
    capital = rng.choice([1, held, max(1, held - 1), rng.randint(1, max(1, held)), held + 1])
    used = cost * capital // held if held else 0
    disposition = rng.choice([0, 0, 0, 1, 2])
    price = rng.choice([used, used + 1, rng.randint(0, 10**12), rng.randint(0, 10**6)])
    sale = Sale(
        EquityRecord(
            EquityCore(
                company=rng.randrange(R),
                transferor=rng.randrange(R),
                transferee=rng.randrange(R),
                capital=capital,
                total=rng.choice([capital, held, capital + rng.randint(0, 10**9)]),
                price=price,
                contract_digest=rng.randrange(R),
            ),
            EquityFinancials(
                other=rng.choice([0, 0, rng.randint(0, 10**6)]),
                assessed=rng.choice([price, price + 3, 0]) if disposition == 1 else 0,
                disposition=disposition,
                net_share=rng.choice([0, 0, price]),
                basis=used,
                fees=rng.choice([0, rng.randint(0, 10**4)]),
                relief=0,
                paid=0,
                rule_id=1,
            ),
        ),
        lots,
        rng.choice([2000, 2000, 2000, 0, 1, 333, 9999, 10_000, 65_535]),
    )
    relief = rng.choice([0, 0, rng.randint(0, tax_due(sale))])
    sale = sale.changed(relief=relief, paid=tax_due(sale) - relief + rng.choice([0, 0, 0, 1, -1]))
    if sale.record.financials.paid < 0:
        sale = sale.changed(paid=0)
    return _mutated(rng, sale) if rng.random() < 0.5 else sale


def _random_lots(rng: random.Random) -> tuple[HoldingLot, ...]:
    size = rng.choice([10, 10**6, 10**12, 2**60])
    return tuple(
        HoldingLot(
            rng.choice([0, rng.randint(0, size), rng.randint(0, size)]),
            rng.choice([0, rng.randint(0, size), rng.randint(0, size)]),
            rng.randrange(R),
        )
        for _ in range(rng.choice([0, 1, 1, 2, 3, 5, 8]))
    )


def _mutated(rng: random.Random, sale: Sale) -> Sale:
    """One value of record or lots moved: by one, to a boundary, or by swapping two."""
    if sale.lots and rng.random() < 0.3:
        place = rng.randrange(len(sale.lots))
        lots = list(sale.lots)
        if rng.random() < 0.3 and len(lots) < 8:
            lots.append(lots[place])
        else:
            name = rng.choice(["capital", "basis"])
            value = getattr(lots[place], name)
            lots[place] = replace(lots[place], **{name: _moved(rng, value)})
        return replace(sale, lots=tuple(lots))
    names = ["capital", "total", "price", "other", "assessed", "net_share", "basis"]
    name = rng.choice([*names, "basis", "fees", "relief", "paid", "paid", "disposition"])
    half = sale.record.core if hasattr(sale.record.core, name) else sale.record.financials
    return sale.changed(**{name: _moved(rng, getattr(half, name))})


def _moved(rng: random.Random, value: int) -> int:
    return rng.choice([value + 1, max(value - 1, 0), rng.choice(BOUNDARIES)])

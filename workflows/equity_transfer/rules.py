"""The tax on one transfer, in integers, and the rules that a lawful declaration keeps.

Law: 个人所得税法 and 国家税务总局公告2014年第67号. Only what can be computed is here; what an
officer judges (comparable deals, reasons for a low price) comes in as the disposition.
"""

from dataclasses import dataclass
from enum import IntEnum

from workflows.equity_transfer.money import Fen, bounded_fen
from workflows.equity_transfer.refusal import Refusal, RefusalCode

basis_points = 10_000
rule_id_max = 2**32 - 1
rate_bps_max = basis_points

_NOTHING = Fen(0)


class InvalidRule(ValueError):
    """A rule table that no statement can be made with."""


class Disposition(IntEnum):
    """How the tax office took the declared income."""

    AS_FILED = 0
    ASSESSED = 1  # 核定: income is at least what the office assessed
    JUSTIFIED = 2  # 正当理由: low, and accepted as filed


@dataclass(frozen=True)
class RuleTable:
    """One version of the rule: its id and its parameters, rates in basis points (1/10,000)."""

    rule_id: int
    rate_bps: int
    stamp_duty_bps: int

    def __post_init__(self) -> None:
        if not 1 <= self.rule_id <= rule_id_max:
            raise InvalidRule(f"rule id: expected 1 to {rule_id_max}, got {self.rule_id}")
        for name, rate in (("rate", self.rate_bps), ("stamp duty", self.stamp_duty_bps)):
            if not 0 <= rate <= rate_bps_max:
                raise InvalidRule(f"{name}: expected 0 to {rate_bps_max} basis points, got {rate}")

    @property
    def word(self) -> int:
        """The statement's public input `rule`: ruleId · 2^16 + rate_bps."""
        return self.rule_id << 16 | self.rate_bps


@dataclass(frozen=True)
class Filing:
    """What is declared, attested and paid, in fen. `basis` is None where nothing proves it.

    `other` is income besides the price (违约金, 补偿, later receipts); `net_share` is the share of
    net assets, 0 where it was not examined; `assessed` is 0 unless the office assessed.
    """

    price: Fen
    basis: Fen | None
    disposition: Disposition = Disposition.AS_FILED
    other: Fen = _NOTHING
    assessed: Fen = _NOTHING
    net_share: Fen = _NOTHING
    fees: Fen = _NOTHING
    relief: Fen = _NOTHING

    def __post_init__(self) -> None:
        bounded_fen(self.price + self.other, "price and other income")

    @property
    def actual(self) -> Fen:
        """Income as agreed by the parties: price and other receipts."""
        return Fen(self.price + self.other)

    @property
    def income(self) -> Fen:
        """Income that the tax is computed on: the larger of actual and assessed where assessed."""
        if self.disposition is Disposition.ASSESSED:
            return Fen(max(self.actual, self.assessed))
        return self.actual


@dataclass(frozen=True)
class Assessment:
    """The result in fen: exactly one of `taxable` and `loss` can be above zero.

    `remainder` is what rounding half up leaves: 2·taxable·rate + 10^4 = 2·10^4·due + remainder.
    """

    income: Fen
    taxable: Fen
    loss: Fen
    due: Fen
    remainder: int


def round_half_up(amount: int, rate_bps: int) -> tuple[int, int]:
    """amount · rate / 10^4 to the nearest unit, halves up, with the remainder of the doubling."""
    return divmod(2 * amount * rate_bps + basis_points, 2 * basis_points)


def assess(filing: Filing, table: RuleTable) -> Assessment:
    """Compute the tax. Raises `Refusal(NO_BASIS)` where the basis decides and is not proven.

    Without income there is no tax whatever the basis; the loss is then counted without it.
    """
    income = filing.income
    if filing.basis is None and income > 0:
        raise Refusal(
            RefusalCode.NO_BASIS,
            "no voucher proves the basis (股权原值); have the office assess it first",
        )
    deductible = (filing.basis or 0) + filing.fees
    taxable = bounded_fen(max(0, income - deductible), "taxable gain")
    loss = bounded_fen(max(0, deductible - income), "loss")
    due, remainder = round_half_up(taxable, table.rate_bps)
    return Assessment(income, taxable, loss, Fen(due), remainder)


def stamp_duty(amount: int, table: RuleTable) -> Fen:
    """印花税 of one party on the amount of the deed, in fen, halves up."""
    return Fen(round_half_up(amount, table.stamp_duty_bps)[0])


def is_low_price(filing: Filing) -> bool:
    """Whether income as agreed is 明显偏低 by what can be computed; equal is not low."""
    below_net_assets = filing.actual < filing.net_share
    below_cost = filing.basis is not None and filing.actual < filing.basis
    return below_net_assets or below_cost


def check_lawful(filing: Filing) -> None:
    """Raise the `Refusal` of the first rule that a declaration breaks.

    An assessment must have been made to stand for a reason: one below the agreed income is none.
    """
    if filing.basis is None:
        raise Refusal(
            RefusalCode.NO_BASIS,
            "no voucher proves the basis (股权原值); have the office assess it first",
        )
    if not is_low_price(filing) or filing.disposition is Disposition.JUSTIFIED:
        return
    if filing.disposition is Disposition.AS_FILED:
        raise Refusal(
            RefusalCode.LOW_PRICE,
            "income is below the share of net assets or below cost, without a reason (正当理由); "
            "have it assessed (核定) or attest a reason",
        )
    if filing.assessed == 0 or filing.assessed < filing.actual:
        raise Refusal(
            RefusalCode.LOW_PRICE,
            "income is low and the assessment (核定) does not raise it; assess it anew",
        )


def check_paid(due: int, relief: int, paid: int) -> None:
    """Raise `Refusal(NOT_PAID)` unless payment and relief cover the tax due (all in fen)."""
    if paid + relief < due:
        raise Refusal(
            RefusalCode.NOT_PAID,
            "payment and relief do not cover the tax due; pay the rest, then declare",
        )
    bounded_fen(paid + relief - due, "overpayment")

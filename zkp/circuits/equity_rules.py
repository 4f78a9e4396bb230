"""The rules that all statements of an equity transfer share, as constraints.

Each function lays down one rule. Their order and shape are part of every circuit that calls them:
a change here changes those circuits' identities.
"""

from collections.abc import Mapping

from zkp import hints
from zkp.builder import Builder
from zkp.circuits.equity_commitments import AMOUNT_BITS, RATE_BITS
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.gadgets.compare import at_most, is_less, maximum, select
from zkp.gadgets.divide import divide
from zkp.gadgets.ranges import in_bits, nonzero

AMOUNT_NAMES = (
    *("capital", "total", "price", "other", "assessed"),
    *("net_share", "basis", "fees", "relief", "paid", "rule_id"),
)

REFUSAL_CODES = {
    "not_paid": "NOT_PAID",
    "low_price": "LOW_PRICE",
    "commitment": "MISMATCH",
    "rule": "RULE_VERSION",
}
"""The workflow's names for failed constraints, by the scope that they stand in."""


def lay_amounts(builder: Builder, signals: Mapping[str, Expression]) -> dict[str, Uint]:
    """Every amount is an integer below 2^64; so is the rule's number."""
    with builder.scope("amount"):
        return {name: in_bits(builder, signals[name], AMOUNT_BITS, name) for name in AMOUNT_NAMES}


def lay_rate(builder: Builder, rule: Expression, rule_id: Uint) -> Uint:
    """The rate is what is left of `rule` below the rule's number."""
    with builder.scope("rule"):
        rate = rule - rule_id.times(1 << RATE_BITS)
        message = "expected the record's rule to be the rule of the version attested"
        return in_bits(builder, rate, RATE_BITS, "rate_bps", message)


def lay_shares(builder: Builder, amounts: Mapping[str, Uint]) -> None:
    """0 < capital <= total."""
    with builder.scope("share"):
        nonzero(builder, amounts["capital"], "capital", "expected capital above zero")
        message = "expected the capital transferred to be at most the company's total"
        at_most(builder, amounts["capital"], amounts["total"], "capital_in_total", message)


def lay_assessment(
    builder: Builder, amounts: Mapping[str, Uint], disposition: Expression, rate: Uint
) -> None:
    """From the income to the payment: the tax on the gain is computed and covered."""
    income = _lay_income(builder, amounts, disposition)
    taxable = _lay_gain(builder, income, amounts)
    due = _lay_tax(builder, taxable, rate)
    _lay_payment(builder, amounts, due)


def _lay_income(builder: Builder, amounts: Mapping[str, Uint], disposition: Expression) -> Uint:
    """The income that is taxed, by disposition; a low price as filed is refused."""
    actual = amounts["price"] + amounts["other"]
    assessed = amounts["assessed"]
    with builder.scope("disposition"):
        is_assessed = builder.bit("is_assessed", lambda value: int(value(disposition) == 1))
        is_justified = builder.bit("is_justified", lambda value: int(value(disposition) == 2))
        builder.constrain(is_assessed, is_justified, 0, "one_of_two", "expected one disposition")
        message = "expected 0 (as filed), 1 (assessed) or 2 (justified low price)"
        builder.equal(is_assessed + is_justified.times(2), disposition, "value", message)
        message = "expected an assessed income of 0 where none was assessed"
        builder.constrain(is_assessed.negated(), assessed, 0, "no_assessment", message)
        greater = maximum(builder, actual, assessed, "greater_income")
        income = select(builder, is_assessed, greater, actual, "income")
    with builder.scope("low_price"):
        is_low = is_less(builder, actual, amounts["net_share"], "below_net_assets")
        as_filed = Bit((1 - is_assessed - is_justified).terms)
        message = "expected a price below net assets to be assessed or justified, not as filed"
        builder.constrain(is_low, as_filed, 0, "examined", message)
    return income


def _lay_gain(builder: Builder, income: Uint, amounts: Mapping[str, Uint]) -> Uint:
    """The taxable gain. A loss stands on the other side, so nothing is ever negative."""
    costs = amounts["basis"] + amounts["fees"]
    with builder.scope("gain"):
        taxable = in_bits(
            builder,
            builder.computed("taxable", hints.excess(income, costs)),
            AMOUNT_BITS,
            "taxable",
            "expected a gain below 2^64 fen",
        )
        loss = in_bits(
            builder,
            builder.computed("loss", hints.excess(costs, income)),
            AMOUNT_BITS,
            "loss",
            "expected a loss below 2^64 fen",
        )
        message = "expected income plus loss to be basis, fees and gain"
        builder.equal(income + loss, costs + taxable, "balance", message)
        builder.constrain(taxable, loss, 0, "one_sided", "expected a gain or a loss, not both")
    return taxable


def _lay_tax(builder: Builder, taxable: Uint, rate: Uint) -> Uint:
    """taxable · rate / 10,000, rounded half up: the quotient of twice that plus one by two."""
    with builder.scope("tax"):
        product = builder.multiply(taxable, rate, "product")
        assert product.maximum < 1 << (AMOUNT_BITS + RATE_BITS), "a product may have 80 bits"
        due, _ = divide(builder, product.times(2) + constant(10**4), 2 * 10**4, AMOUNT_BITS, "due")
    return due


def _lay_payment(builder: Builder, amounts: Mapping[str, Uint], due: Uint) -> None:
    """Paid and relief cover the tax due, by less than 2^64."""
    with builder.scope("not_paid"):
        surplus = amounts["paid"] + amounts["relief"] - due
        message = "expected tax paid and relief to cover the tax due, by less than 2^64 fen"
        in_bits(builder, surplus, AMOUNT_BITS, "surplus", message)

"""Statement `equity_v1`: both records are of one deal, and its tax was computed and covered.

Public inputs, in order: C_tax, C_reg, rule, ctx. The circuit's constraint bytes are its identity:
any change to this file or to a gadget that moves a constraint makes another circuit, which needs
another name and key. `tests/zkp` holds the identity fixed.
"""

from collections.abc import Mapping
from dataclasses import astuple, fields
from functools import cache
from typing import NamedTuple

from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.circuits.equity_commitments import (
    AMOUNT_BITS,
    CORE_TAG,
    FINANCIAL_TAG,
    RATE_BITS,
    REGISTRY_TAG,
    TAX_TAG,
    EquityCore,
    EquityFinancials,
    EquityRecord,
    commit_application,
    commit_record,
    rule_word,
)
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.field import R
from zkp.gadgets.compare import at_most, is_less, maximum, select
from zkp.gadgets.divide import divide
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import in_bits, nonzero

NAME = "equity_v1"

CORE_NAMES = tuple(field.name for field in fields(EquityCore))
FINANCIAL_NAMES = tuple(field.name for field in fields(EquityFinancials))
AMOUNT_NAMES = (
    *("capital", "total", "price", "other", "assessed"),
    *("net_share", "basis", "fees", "relief", "paid", "rule_id"),
)

# Scopes of constraints whose failure has a name in the workflow.
_CODES = {
    "not_paid": "NOT_PAID",
    "low_price": "LOW_PRICE",
    "commitment": "MISMATCH",
    "rule": "RULE_VERSION",
}


class Statement(NamedTuple):
    """The public inputs, in the verifier's order."""

    c_tax: int
    c_reg: int
    rule: int
    ctx: int


@cache
def build() -> Circuit:
    """The circuit. Building takes about a second; the result is shared."""
    builder = Builder(NAME)
    signals = {name: builder.public(name) for name in Statement._fields}
    for name in (*CORE_NAMES, *FINANCIAL_NAMES, "salt_tax", "salt_reg"):
        signals[name] = builder.private(name)

    _commitments(builder, signals)
    amounts = _amounts(builder, signals)
    rate = _rate(builder, signals["rule"], amounts["rule_id"])
    _shares(builder, amounts)
    income = _income(builder, amounts, signals["disposition"])
    taxable = _gain(builder, income, amounts)
    due = _tax(builder, taxable, rate)
    with builder.scope("not_paid"):
        surplus = amounts["paid"] + amounts["relief"] - due
        message = "expected tax paid and relief to cover the tax due, by less than 2^64 fen"
        in_bits(builder, surplus, AMOUNT_BITS, "surplus", message)
    builder.multiply(signals["ctx"], signals["ctx"], "ctx_bound")
    return builder.build()


def public_inputs(
    record: EquityRecord, *, salt_tax: int, salt_reg: int, rate_bps: int, ctx: int
) -> Statement:
    """The statement that an honest pair of bureaus puts on chain for this record."""
    return Statement(
        commit_record(record, salt_tax),
        commit_application(record.core, salt_reg),
        rule_word(record.financials.rule_id, rate_bps),
        ctx,
    )


def assign(
    statement: Statement, record: EquityRecord, *, salt_tax: int, salt_reg: int
) -> tuple[int, ...]:
    """The witness that proves the statement by this record and these salts.

    Raises `UnsatisfiedConstraint` naming the rule that fails (see `refusal_code`), and
    `InvalidElement` for a number that is not in [0, r).
    """
    return build().assign(inputs(statement, record, salt_tax=salt_tax, salt_reg=salt_reg))


def inputs(
    statement: Statement, record: EquityRecord, *, salt_tax: int, salt_reg: int
) -> dict[str, int]:
    """The circuit's inputs by name."""
    return {
        **statement._asdict(),
        **dict(zip(CORE_NAMES, astuple(record.core), strict=True)),
        **dict(zip(FINANCIAL_NAMES, astuple(record.financials), strict=True)),
        "salt_tax": salt_tax,
        "salt_reg": salt_reg,
    }


def refusal_code(error: UnsatisfiedConstraint) -> str | None:
    """The workflow's code for a failed constraint, None where it has none."""
    return _CODES.get(error.constraint.split("/")[0])


def _commitments(builder: Builder, signals: Mapping[str, Expression]) -> None:
    """Both public commitments open to the same core."""
    core = [signals[name] for name in CORE_NAMES]
    financials = [signals[name] for name in FINANCIAL_NAMES]
    with builder.scope("commitment"):
        k = poseidon(builder, [constant(CORE_TAG), *core], "core")
        f = poseidon(builder, [constant(FINANCIAL_TAG), *financials], "financials")
        tax = poseidon(builder, [constant(TAX_TAG), k, f, signals["salt_tax"]], "tax")
        registry = poseidon(builder, [constant(REGISTRY_TAG), k, signals["salt_reg"]], "registry")
        message = "expected the tax bureau's record and salt to open C_tax"
        builder.equal(tax, signals["c_tax"], "c_tax", message)
        message = "expected the deal in the registry's application to be the one attested"
        builder.equal(registry, signals["c_reg"], "c_reg", message)


def _amounts(builder: Builder, signals: Mapping[str, Expression]) -> dict[str, Uint]:
    """Every amount is an integer below 2^64; so is the rule's number."""
    with builder.scope("amount"):
        return {name: in_bits(builder, signals[name], AMOUNT_BITS, name) for name in AMOUNT_NAMES}


def _rate(builder: Builder, rule: Expression, rule_id: Uint) -> Uint:
    """The rate is what is left of `rule` below the rule's number."""
    with builder.scope("rule"):
        rate = rule - rule_id.times(1 << RATE_BITS)
        message = "expected the record's rule to be the rule of the version attested"
        return in_bits(builder, rate, RATE_BITS, "rate_bps", message)


def _shares(builder: Builder, amounts: Mapping[str, Uint]) -> None:
    """0 < capital <= total."""
    with builder.scope("share"):
        nonzero(builder, amounts["capital"], "capital", "expected capital above zero")
        message = "expected the capital transferred to be at most the company's total"
        at_most(builder, amounts["capital"], amounts["total"], "capital_in_total", message)


def _income(builder: Builder, amounts: Mapping[str, Uint], disposition: Expression) -> Uint:
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


def _gain(builder: Builder, income: Uint, amounts: Mapping[str, Uint]) -> Uint:
    """The taxable gain. A loss stands on the other side, so nothing is ever negative."""
    costs = amounts["basis"] + amounts["fees"]
    with builder.scope("gain"):
        taxable = in_bits(
            builder,
            builder.computed("taxable", lambda value: _excess(value(income), value(costs))),
            AMOUNT_BITS,
            "taxable",
            "expected a gain below 2^64 fen",
        )
        loss = in_bits(
            builder,
            builder.computed("loss", lambda value: _excess(value(costs), value(income))),
            AMOUNT_BITS,
            "loss",
            "expected a loss below 2^64 fen",
        )
        message = "expected income plus loss to be basis, fees and gain"
        builder.equal(income + loss, costs + taxable, "balance", message)
        builder.constrain(taxable, loss, 0, "one_sided", "expected a gain or a loss, not both")
    return taxable


def _tax(builder: Builder, taxable: Uint, rate: Uint) -> Uint:
    """taxable · rate / 10,000, rounded half up: the quotient of twice that plus one by two."""
    with builder.scope("tax"):
        product = builder.multiply(taxable, rate, "product")
        assert product.maximum < 1 << (AMOUNT_BITS + RATE_BITS), "a product may have 80 bits"
        due, _ = divide(builder, product.times(2) + constant(10**4), 2 * 10**4, AMOUNT_BITS, "due")
    return due


def _excess(minuend: int, subtrahend: int) -> int:
    return max(minuend - subtrahend, 0) % R

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
    CORE_TAG,
    FINANCIAL_TAG,
    REGISTRY_TAG,
    TAX_TAG,
    EquityCore,
    EquityFinancials,
    EquityRecord,
    commit_application,
    commit_record,
    rule_word,
)
from zkp.circuits.equity_rules import (
    REFUSAL_CODES,
    lay_amounts,
    lay_assessment,
    lay_rate,
    lay_shares,
)
from zkp.expressions import Expression, constant
from zkp.gadgets.poseidon import poseidon

NAME = "equity_v1"

CORE_NAMES = tuple(field.name for field in fields(EquityCore))
FINANCIAL_NAMES = tuple(field.name for field in fields(EquityFinancials))


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
    amounts = lay_amounts(builder, signals)
    rate = lay_rate(builder, signals["rule"], amounts["rule_id"])
    lay_shares(builder, amounts)
    lay_assessment(builder, amounts, signals["disposition"], rate)
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
    return REFUSAL_CODES.get(error.constraint.split("/")[0])


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

"""Statement `equity_v2`: `equity_v1` with the cost basis drawn from attested holdings.

Public inputs, in order: C_tax, C_reg, rule, ctx, eight lots (0 where there is none), rest. The
contract consumes each lot's commitment and takes `rest` in their place; so no basis is spent twice.
The circuit's constraint bytes are its identity: a change needs another name and key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from typing import NamedTuple

from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.circuits.equity_commitments import (
    AMOUNT_BITS,
    CORE_TAG,
    REGISTRY_TAG,
    EquityRecord,
    commit_application,
    rule_word,
)
from zkp.circuits.equity_holdings import (
    FINANCIAL_TAG,
    HOLDINGS_TAG,
    LOT_TAG,
    LOTS_MAX,
    REST_TAG,
    TAX_TAG,
    HoldingLot,
    commit_lot,
    commit_lots,
    commit_record,
    lot_after,
)
from zkp.circuits.equity_rules import (
    REFUSAL_CODES,
    lay_amounts,
    lay_assessment,
    lay_rate,
    lay_shares,
)
from zkp.circuits.equity_v1 import CORE_NAMES, FINANCIAL_NAMES
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.gadgets.divide import divide_by
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import in_bits, nonzero
from zkp.gadgets.zero import is_zero

NAME = "equity_v2"

_CODES = {**REFUSAL_CODES, "holding": "NO_BASIS", "basis": "NO_BASIS"}


class Statement(NamedTuple):
    """The public inputs; the verifier's order is c_tax, c_reg, rule, ctx, the lots, rest."""

    c_tax: int
    c_reg: int
    rule: int
    ctx: int
    lots: tuple[int, ...]
    rest: int

    @property
    def signals(self) -> tuple[int, ...]:
        """The public signals in the verifier's order."""
        return (self.c_tax, self.c_reg, self.rule, self.ctx, *self.lots, self.rest)


@dataclass(frozen=True)
class Secrets:
    """What the prover knows beside the record: at most eight lots, and both salts."""

    lots: tuple[HoldingLot, ...]
    salt_tax: int
    salt_reg: int


@cache
def build() -> Circuit:
    """The circuit. Building takes some seconds; the result is shared."""
    builder = Builder(NAME)
    publics = (*("c_tax", "c_reg", "rule", "ctx"), *_numbered("lot"), "rest")
    privates = (*CORE_NAMES, *FINANCIAL_NAMES, "salt_tax", "salt_reg")
    signals = {name: builder.public(name) for name in publics}
    for name in (*privates, *_numbered("capital"), *_numbered("basis"), *_numbered("salt")):
        signals[name] = builder.private(name)

    _commitments(builder, signals)
    amounts = lay_amounts(builder, signals)
    rate = lay_rate(builder, signals["rule"], amounts["rule_id"])
    lay_shares(builder, amounts)
    capital, basis = _holdings(builder, signals)
    _sale(builder, signals, amounts, capital, basis)
    lay_assessment(builder, amounts, signals["disposition"], rate)
    builder.multiply(signals["ctx"], signals["ctx"], "ctx_bound")
    return builder.build()


def public_inputs(record: EquityRecord, secrets: Secrets, *, rate_bps: int, ctx: int) -> Statement:
    """The statement that honest bureaus put on chain for this record and these lots.

    Raises `InvalidHoldings` if the sale does not fit the lots.
    """
    core, lots = record.core, secrets.lots
    commitments = commit_lots(core, lots)
    rest = lot_after(core.capital, lots, secrets.salt_tax)
    return Statement(
        commit_record(record, commitments, secrets.salt_tax),
        commit_application(core, secrets.salt_reg),
        rule_word(record.financials.rule_id, rate_bps),
        ctx,
        commitments,
        commit_lot(core.company, core.transferor, rest),
    )


def assign(statement: Statement, record: EquityRecord, secrets: Secrets) -> tuple[int, ...]:
    """The witness that proves the statement.

    Raises `UnsatisfiedConstraint` naming the rule that fails (see `refusal_code`), and
    `InvalidElement` for a number that is not in [0, r).
    """
    return build().assign(inputs(statement, record, secrets))


def inputs(statement: Statement, record: EquityRecord, secrets: Secrets) -> dict[str, int]:
    """The circuit's inputs by name."""
    padded = (*secrets.lots, *[HoldingLot(0, 0, 0)] * (LOTS_MAX - len(secrets.lots)))
    return {
        **dict(zip(build().inputs, statement.signals, strict=False)),
        **dict(zip(CORE_NAMES, astuple(record.core), strict=True)),
        **dict(zip(FINANCIAL_NAMES, astuple(record.financials), strict=True)),
        **{"salt_tax": secrets.salt_tax, "salt_reg": secrets.salt_reg},
        **dict(zip(_numbered("capital"), (lot.capital for lot in padded), strict=True)),
        **dict(zip(_numbered("basis"), (lot.basis for lot in padded), strict=True)),
        **dict(zip(_numbered("salt"), (lot.salt for lot in padded), strict=True)),
    }


def refusal_code(error: UnsatisfiedConstraint) -> str | None:
    """The workflow's code for a failed constraint, None where it has none."""
    return _CODES.get(error.constraint.split("/")[0])


def _numbered(name: str) -> Sequence[str]:
    return [f"{name}{index}" for index in range(LOTS_MAX)]


def _commitments(builder: Builder, signals: Mapping[str, Expression]) -> None:
    """Both public commitments open to the same core, C_tax also to the list of lots."""
    core = [signals[name] for name in CORE_NAMES]
    financials = [signals[name] for name in FINANCIAL_NAMES]
    lots = [signals[name] for name in _numbered("lot")]
    with builder.scope("commitment"):
        k = poseidon(builder, [constant(CORE_TAG), *core], "core")
        holdings = poseidon(builder, [constant(HOLDINGS_TAG), *lots], "holdings")
        f = poseidon(builder, [constant(FINANCIAL_TAG), *financials, holdings], "financials")
        tax = poseidon(builder, [constant(TAX_TAG), k, f, signals["salt_tax"]], "tax")
        registry = poseidon(builder, [constant(REGISTRY_TAG), k, signals["salt_reg"]], "registry")
        message = "expected the tax bureau's record, lots and salt to open C_tax"
        builder.equal(tax, signals["c_tax"], "c_tax", message)
        message = "expected the deal in the registry's application to be the one attested"
        builder.equal(registry, signals["c_reg"], "c_reg", message)


def _holdings(builder: Builder, signals: Mapping[str, Expression]) -> tuple[Uint, Uint]:
    """Capital and basis of all lots, each opened once and by the seller's hand."""
    capital, basis = constant(0), constant(0)
    places: list[Expression] = []
    for index in range(LOTS_MAX):
        commitment = signals[f"lot{index}"]
        with builder.scope("holding"):
            is_absent = is_zero(builder, commitment, f"is_absent{index}")
            amounts = _lot_amounts(builder, signals, index, is_absent)
            opened = _lot_hash(builder, signals, [*amounts, signals[f"salt{index}"]], f"lot{index}")
            message = f"expected lot {index} to open to capital and basis of this seller"
            present = is_absent.negated()
            builder.constrain(present, opened - commitment, 0, f"opened{index}", message)
        capital, basis = capital + amounts[0], basis + amounts[1]
        # An absent lot counts as a small number of its own: no hash that anybody can find.
        places.append(Expression(commitment.terms) + is_absent * (index + 1))
    with builder.scope("holding"):
        _distinct(builder, places)
    return capital, basis


def _lot_amounts(
    builder: Builder, signals: Mapping[str, Expression], index: int, is_absent: Bit
) -> tuple[Uint, Uint]:
    """Capital and basis of one lot, both 0 where there is none."""
    names = (f"capital{index}", f"basis{index}")
    capital, basis = (in_bits(builder, signals[name], AMOUNT_BITS, name) for name in names)
    for name, amount in zip(names, (capital, basis), strict=True):
        message = "expected no amount where there is no lot"
        builder.constrain(is_absent, amount, 0, f"{name}_of_none", message)
    return capital, basis


def _lot_hash(
    builder: Builder, signals: Mapping[str, Expression], of: list[Expression], name: str
) -> Expression:
    owner = [signals["company"], signals["transferor"]]
    return poseidon(builder, [constant(LOT_TAG), *owner, *of], name)


def _distinct(builder: Builder, values: Sequence[Expression]) -> None:
    """No two are equal: the product of all their differences is not zero."""
    product: Expression = constant(1)
    for later, value in enumerate(values):
        for earlier, other in enumerate(values[:later]):
            difference = value - other
            name = f"distinct{earlier}_{later}"
            is_first = product.constant is not None
            product = difference if is_first else builder.multiply(product, difference, name)
    nonzero(builder, product, "distinct", "expected each lot to be named once")


def _sale(
    builder: Builder,
    signals: Mapping[str, Expression],
    amounts: Mapping[str, Uint],
    capital: Uint,
    basis: Uint,
) -> None:
    """The attested basis is the weighted average's share, and `rest` commits to what remains."""
    sold = amounts["capital"]
    with builder.scope("holding"):
        message = "expected at least the capital sold to be held, by less than 2^64"
        left = in_bits(builder, capital - sold, AMOUNT_BITS, "rest_capital", message)
    with builder.scope("basis"):
        product = builder.multiply(basis, sold, "product")
        used, _ = divide_by(builder, product, capital, AMOUNT_BITS, "average")
        message = "expected the attested basis to be the lots' average cost of the capital sold"
        builder.equal(amounts["basis"], used, "attested", message)
        message = "expected a basis below 2^64 to remain"
        kept = in_bits(builder, basis - used, AMOUNT_BITS, "rest_basis", message)
    with builder.scope("commitment"):
        salt = poseidon(builder, [constant(REST_TAG), signals["salt_tax"]], "rest_salt")
        rest = _lot_hash(builder, signals, [left, kept, salt], "rest_lot")
        message = "expected the lot that remains to be the one in the statement"
        builder.equal(rest, signals["rest"], "rest", message)

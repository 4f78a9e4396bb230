"""Statement equity_v1: satisfiable exactly for lawful records, and by no dishonest prover.

`is_lawful` is an independent reading that shares no formula with the circuit: rationals instead of
doubled remainders, a plain maximum instead of digits.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zkp.builder import InvalidAssignment, UnsatisfiedConstraint
from zkp.circuits import equity_v1
from zkp.circuits.equity_commitments import (
    SALT_BITS,
    EquityCore,
    EquityFinancials,
    EquityRecord,
    commit_reg,
    commit_tax,
    core_hash,
    financial_hash,
    fresh_salt,
    rule_word,
)
from zkp.circuits.equity_rules import AMOUNT_NAMES
from zkp.circuits.equity_v1 import Statement
from zkp.field import InvalidElement, R
from zkp.r1cs import Constraint, circuit_id, dot, encode_r1cs

AMOUNT_MAX = 2**64 - 1
RATE_BPS = 2000
SALT_TAX, SALT_REG, CTX = 2**247 + 5, 2**246 + 7, 2**247 + 11
CIRCUIT = equity_v1.build()

LAWFUL = EquityRecord(
    EquityCore(
        company=911101,
        transferor=110101199003070000,
        transferee=310101198512120000,
        capital=30_000_000_00,
        total=100_000_000_00,
        price=1_234_567_891,
        contract_digest=2**253 + 99,
    ),
    EquityFinancials(
        other=0,
        assessed=0,
        disposition=0,
        net_share=1_000_000_000,
        basis=1_000_000_001,
        fees=617_284,
        relief=0,
        paid=46_790_121,
        rule_id=1,
    ),
)


def with_values(record: EquityRecord = LAWFUL, **changes: int) -> EquityRecord:
    """The record with some values of either half replaced."""
    core = {name: value for name, value in changes.items() if hasattr(record.core, name)}
    tax = {name: value for name, value in changes.items() if name not in core}
    return EquityRecord(replace(record.core, **core), replace(record.financials, **tax))


def tax_due(record: EquityRecord, rate_bps: int = RATE_BPS) -> int:
    """Rounded half up, in fen, of whatever income the disposition names."""
    core, tax = record.core, record.financials
    income = core.price + tax.other
    if tax.disposition == 1:
        income = max(income, tax.assessed)
    gain = max(0, income - tax.basis - tax.fees)
    return math.floor(Fraction(gain * rate_bps, 10_000) + Fraction(1, 2))


def is_lawful(record: EquityRecord, rate_bps: int) -> bool:
    """Whether statement equity_v1 may be proven of this record."""
    core, tax = record.core, record.financials
    income = core.price + tax.other
    amounts = [core.capital, core.total, core.price, tax.other, tax.assessed, tax.net_share]
    amounts += [tax.basis, tax.fees, tax.relief, tax.paid, tax.rule_id]
    if any(not 0 <= amount <= AMOUNT_MAX for amount in amounts):
        return False
    if tax.disposition not in (0, 1, 2) or not 0 < core.capital <= core.total:
        return False
    if income < tax.net_share and tax.disposition == 0:
        return False
    if tax.disposition == 1:
        income = max(income, tax.assessed)
    elif tax.assessed != 0:
        return False
    gain = income - tax.basis - tax.fees
    due = tax_due(record, rate_bps)
    if abs(gain) > AMOUNT_MAX or due > AMOUNT_MAX:
        return False
    return 0 <= tax.paid + tax.relief - due <= AMOUNT_MAX


def attempt(
    record: EquityRecord,
    rate_bps: int = RATE_BPS,
    lies: Mapping[str, int] | None = None,
    **statement: int,
) -> UnsatisfiedConstraint | None:
    """What breaks when this record is proven (with these lies); None if nothing does."""
    salts = {"salt_tax": SALT_TAX, "salt_reg": SALT_REG}
    truth = equity_v1.public_inputs(record, **salts, rate_bps=rate_bps, ctx=CTX)
    claimed = truth._replace(**statement)
    witness = CIRCUIT.solve(equity_v1.inputs(claimed, record, **salts), lies)
    try:
        CIRCUIT.check(witness)
    except UnsatisfiedConstraint as error:
        return error
    return None


# --- exactly the lawful ones ---

edges = st.sampled_from([0, 1, 2, AMOUNT_MAX - 1, AMOUNT_MAX, AMOUNT_MAX + 1])
amounts = st.one_of(
    st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, AMOUNT_MAX), edges
)
nudges = st.sampled_from([0, 0, 0, 1, -1])


@st.composite
def records(draw: st.DrawFn) -> tuple[EquityRecord, int]:
    """Records on and around the lines: most are lawful, many by one fen, many not by one."""
    rate_bps = draw(st.sampled_from([2000, 2000, 0, 1, 333, 9999, 10_000, 65_535]))
    disposition = draw(st.sampled_from([0, 0, 1, 1, 2, 3]))
    capital = draw(amounts)
    price, other = draw(amounts), draw(st.one_of(st.just(0), amounts))
    income = price + other
    near_income = st.one_of(st.just(0), amounts, nudges.map(lambda step: max(0, income + step)))
    assessed = draw(near_income) if disposition == 1 or draw(st.integers(0, 9)) == 0 else 0
    taxed = max(income, assessed)
    basis = draw(st.one_of(st.integers(0, taxed), amounts, nudges.map(lambda s: max(0, taxed + s))))
    record = EquityRecord(
        EquityCore(
            company=draw(st.integers(0, R - 1)),
            transferor=draw(st.integers(0, R - 1)),
            transferee=draw(st.integers(0, R - 1)),
            capital=capital,
            total=draw(st.one_of(amounts, nudges.map(lambda step: max(0, capital + step)))),
            price=price,
            contract_digest=draw(st.integers(0, R - 1)),
        ),
        EquityFinancials(
            other=other,
            assessed=assessed,
            disposition=disposition,
            net_share=draw(near_income),
            basis=basis,
            fees=draw(st.one_of(st.just(0), st.integers(0, 10**6), edges)),
            relief=0,
            paid=0,
            rule_id=draw(st.sampled_from([0, 1, 7, AMOUNT_MAX, AMOUNT_MAX + 1])),
        ),
    )
    target = max(0, tax_due(record, rate_bps) + draw(nudges))
    relief = draw(st.one_of(st.just(0), st.integers(0, target), edges))
    paid = draw(st.one_of(st.just(max(0, target - relief)), amounts))
    return with_values(record, relief=relief, paid=paid), rate_bps


@settings(max_examples=200, deadline=None)
@given(records())
@example((LAWFUL, RATE_BPS))
@example((with_values(disposition=2, net_share=AMOUNT_MAX), RATE_BPS))
@example((with_values(price=0, net_share=0, paid=0), RATE_BPS))
def test_satisfiable_exactly_if_lawful(case: tuple[EquityRecord, int]) -> None:
    record, rate_bps = case
    broken = attempt(record, rate_bps)
    assert (broken is None) == is_lawful(record, rate_bps), broken


@pytest.mark.parametrize("name", AMOUNT_NAMES)
def test_an_amount_of_2_to_the_64_is_refused_by_its_own_range(name: str) -> None:
    broken = attempt(with_values(**{name: 2**64}))
    assert broken is not None
    assert broken.constraint == f"amount/{name}"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"paid": 46_790_120}, "NOT_PAID"),
        ({"paid": 46_790_122}, None),
        ({"paid": 46_790_120, "relief": 1}, None),
        ({"paid": 0, "relief": 46_790_121}, None),
        ({"net_share": 1_234_567_891}, None),
        ({"net_share": 1_234_567_892}, "LOW_PRICE"),
        ({"net_share": 1_234_567_892, "disposition": 2}, None),
        ({"net_share": 1_234_567_893, "other": 1, "paid": 10**9}, "LOW_PRICE"),
        ({"net_share": 1_234_567_892, "other": 1, "paid": 10**9}, None),
        ({"disposition": 1, "assessed": 1}, None),
        ({"disposition": 1, "assessed": 1_234_567_896}, "NOT_PAID"),
        ({"disposition": 1, "assessed": 1_234_567_896, "paid": 46_790_122}, None),
        ({"paid": AMOUNT_MAX, "relief": 46_790_121}, None),
        ({"paid": AMOUNT_MAX, "relief": 46_790_122}, "NOT_PAID"),
        ({"basis": AMOUNT_MAX, "paid": 0}, None),
        ({"basis": 1_234_567_891, "fees": 0, "paid": 0}, None),
    ],
)
def test_the_lines_of_the_law(changes: dict[str, int], code: str | None) -> None:
    broken = attempt(with_values(**changes))
    assert (broken and equity_v1.refusal_code(broken)) == code
    assert (broken is None) == (code is None)


@pytest.mark.parametrize(
    ("gain", "rate_bps", "due"),
    [(2, 2500, 1), (1, 2500, 0), (3, 5000, 2), (1, 5000, 1), (1, 4999, 0), (24_999, 2, 5)],
)
def test_ties_round_up(gain: int, rate_bps: int, due: int) -> None:
    record = with_values(price=gain, net_share=0, basis=0, fees=0, paid=due)
    assert attempt(record, rate_bps) is None
    if due:
        assert attempt(with_values(record, paid=due - 1), rate_bps) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"capital": 0},
        {"capital": 0, "total": 0},
        {"capital": 5, "total": 4},
        {"disposition": 3},
        {"assessed": 1},
        {"disposition": 2, "assessed": 1},
        {"disposition": R - 1},
    ],
)
def test_structural_rules(changes: dict[str, int]) -> None:
    broken = attempt(with_values(**changes))
    assert broken is not None
    assert equity_v1.refusal_code(broken) is None


def test_numbers_outside_the_field_are_refused_by_name() -> None:
    statement = Statement(1, 2, 3, R)
    with pytest.raises(InvalidElement, match="ctx"):
        equity_v1.assign(statement, LAWFUL, salt_tax=1, salt_reg=2)
    with pytest.raises(InvalidElement):
        core_hash(replace(LAWFUL.core, price=-1))


# --- both bureaus, one deal ---


@pytest.mark.parametrize(
    "name", ["company", "transferor", "transferee", "capital", "total", "price", "contract_digest"]
)
def test_a_registry_that_saw_another_deal_does_not_match(name: str) -> None:
    other = replace(LAWFUL.core, **{name: getattr(LAWFUL.core, name) + 1})
    broken = attempt(LAWFUL, c_reg=commit_reg(core_hash(other), SALT_REG))
    assert broken is not None
    assert broken.constraint == "commitment/c_reg"
    assert equity_v1.refusal_code(broken) == "MISMATCH"


@pytest.mark.parametrize("name", equity_v1.FINANCIAL_NAMES)
def test_figures_other_than_the_attested_do_not_open_it(name: str) -> None:
    financials = LAWFUL.financials
    other = replace(financials, **{name: getattr(financials, name) + 1})
    attested = commit_tax(core_hash(LAWFUL.core), financial_hash(other), SALT_TAX)
    broken = attempt(LAWFUL, c_tax=attested)
    assert broken is not None
    assert equity_v1.refusal_code(broken) == "MISMATCH"


def test_another_salt_or_swapped_commitments_do_not_open() -> None:
    k, f = core_hash(LAWFUL.core), financial_hash(LAWFUL.financials)
    assert attempt(LAWFUL, c_tax=commit_tax(k, f, SALT_TAX + 1)) is not None
    assert attempt(LAWFUL, c_reg=commit_reg(k, SALT_REG + 1)) is not None
    assert attempt(LAWFUL, c_tax=commit_reg(k, SALT_REG)) is not None


@pytest.mark.parametrize("rule", [rule_word(2, RATE_BPS), rule_word(0, RATE_BPS), RATE_BPS])
def test_another_rule_is_another_version(rule: int) -> None:
    broken = attempt(LAWFUL, rule=rule)
    assert broken is not None
    assert equity_v1.refusal_code(broken) == "RULE_VERSION"


def test_salts_are_fresh_and_of_248_bits() -> None:
    salts = {fresh_salt() for _ in range(100)}
    assert len(salts) == 100
    assert max(salts) < 2**SALT_BITS
    assert max(salts) >= 2 ** (SALT_BITS - 8)


# --- dishonest provers ---


def digits(name: str, value: int, bits: int) -> dict[str, int]:
    """Lies for all binary digits of a range."""
    return {f"{name}.bit{index}": value >> index & 1 for index in range(bits)}


def forged_quotient() -> dict[str, int]:
    """Pays nothing: the quotient that the field's own division gives for remainder 0."""
    gain = 1_234_567_891 - 1_000_000_001 - 617_284
    product = 2 * gain * RATE_BPS + 10_000
    return {"tax/due.quotient": product * pow(20_000, -1, R) % R, "tax/due.remainder": 0}


UNPAID = with_values(paid=0)
CHEAP = with_values(net_share=2 * 10**9)
ASSESSED = with_values(disposition=1, assessed=2 * 10**9, paid=46_790_121)
GAIN = 1_234_567_891 - 1_000_000_001 - 617_284

FORGERIES: dict[str, tuple[EquityRecord, dict[str, int], str]] = {
    "a negative loss hides the gain": (
        UNPAID,
        {"gain/taxable": 0, "gain/loss": R - GAIN},
        "gain/loss",
    ),
    "gain and loss both count": (
        with_values(paid=10**18),
        {"gain/taxable": GAIN + 5, "gain/loss": 5},
        "gain/one_sided",
    ),
    "the gain is left out": (UNPAID, {"gain/taxable": 0, "gain/loss": 0}, "gain/balance"),
    "one fen less, in the remainder": (
        with_values(paid=46_790_120),
        {"tax/due.quotient": 46_790_120, "tax/due.remainder": 12_000 + 2 * 10_000 + 2_000},
        "tax/due.remainder",
    ),
    "a remainder between the divisor and its range": (
        # Gain 10, rate 2000: 2·10·2000 + 10^4 = 50,000 = 20,000·2 + 10,000 = 20,000·1 + 30,000.
        with_values(price=10, net_share=0, basis=0, fees=0, paid=1),
        {"tax/due.quotient": 1, "tax/due.remainder": 30_000},
        "tax/due.remainder_below_divisor",
    ),
    "a quotient that wraps the field": (UNPAID, forged_quotient(), "tax/due.quotient"),
    "the product of tax is made up": (UNPAID, {"tax/product": 0}, "tax/product"),
    "a low price is called high": (
        CHEAP,
        {"low_price/below_net_assets.bit65": 1},
        "low_price/below_net_assets",
    ),
    "assessed income is called not assessed": (
        ASSESSED,
        {"disposition/is_assessed": 0},
        "disposition/value",
    ),
    "both dispositions at once": (
        with_values(disposition=3),
        {"disposition/is_assessed": 1, "disposition/is_justified": 1},
        "disposition/one_of_two",
    ),
    "a disposition that is no bit": (
        with_values(disposition=R - 1, net_share=0),
        {"disposition/is_assessed": R - 1, "disposition/is_justified": 0},
        "disposition/is_assessed",
    ),
    "the lesser income is called the greater": (
        ASSESSED,
        {"disposition/greater_income.order.bit65": 1},
        "disposition/greater_income.order",
    ),
    "the chosen income is made up": (ASSESSED, {"disposition/income": 0}, "disposition/income"),
    "a debt shown as a surplus": (
        UNPAID,
        digits("not_paid/surplus", (R - 46_790_121) % 2**64, 64),
        "not_paid/surplus",
    ),
    "a digit that is no digit": (
        UNPAID,
        {
            **digits("not_paid/surplus", 0, 64),
            "not_paid/surplus.bit0": R - 46_790_121,
        },
        "not_paid/surplus.bit0",
    ),
    "no capital, with an inverse of zero": (
        with_values(capital=0),
        {"share/capital.inverse": 1},
        "share/capital",
    ),
    "a hash step left out": (
        LAWFUL,
        {"commitment/registry.r0.2.fifth": 1},
        "commitment/registry.r0.2.fifth",
    ),
    "a context that is not squared": (LAWFUL, {"ctx_bound": 0}, "ctx_bound"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_breaks_the_constraint_that_is_there_for_it(name: str) -> None:
    record, lies, expected = FORGERIES[name]
    broken = attempt(record, lies=lies)
    assert broken is not None
    assert broken.constraint == expected


def test_a_negative_rate_does_not_hide_in_the_rule() -> None:
    # rule = ruleId·2^16 + rate holds in the field for a rule number of ruleId/2^16 and any rate.
    rule = rule_word(1, RATE_BPS)
    rule_id = rule * pow(2**16, -1, R) % R
    record = with_values(rule_id=rule_id, paid=0)
    broken = attempt(record, rate_bps=0, rule=rule)
    assert broken is not None
    assert broken.constraint == "amount/rule_id"


def honest_witness() -> list[int]:
    salts = {"salt_tax": SALT_TAX, "salt_reg": SALT_REG}
    statement = equity_v1.public_inputs(LAWFUL, **salts, rate_bps=RATE_BPS, ctx=CTX)
    return list(equity_v1.assign(statement, LAWFUL, **salts))


def holds(constraint: Constraint, witness: list[int]) -> bool:
    a, b, c = (dot(side, witness) for side in constraint)
    return (a * b - c) % R == 0


@pytest.mark.parametrize("change", [lambda v: v + 1, lambda v: -v - 1, lambda v: v ^ 1])
def test_no_wire_can_change_alone(change: Callable[[int], int]) -> None:
    witness = honest_witness()
    uses: list[list[Constraint]] = [[] for _ in witness]
    for constraint in CIRCUIT.system.constraints:
        for wire in set().union(*constraint):
            uses[wire].append(constraint)
    for wire, value in enumerate(witness[1:], 1):
        witness[wire] = change(value) % R
        broken = not all(holds(constraint, witness) for constraint in uses[wire])
        assert broken, CIRCUIT.signals[wire]
        witness[wire] = value


# --- what must not change ---


def test_the_circuit_keeps_its_identity() -> None:
    # Another value is another circuit: it needs a name and a key of its own.
    identity = circuit_id(encode_r1cs(CIRCUIT.system)).hex()
    assert identity == "c73180eea46beed7ea3a9e38123a5583a6bf6494b19cc422fc6538abce41a072"
    equity_v1.build.cache_clear()
    assert circuit_id(encode_r1cs(equity_v1.build().system)).hex() == identity


def test_public_inputs_stand_in_the_order_of_the_statement() -> None:
    assert CIRCUIT.system.publics == 4
    assert CIRCUIT.signals[1:5] == ("c_tax", "c_reg", "rule", "ctx")
    statement = CIRCUIT.publics(honest_witness())
    assert statement[2:] == ((1 << 16) + 2000, CTX)


def test_the_message_names_line_rule_and_values() -> None:
    broken = attempt(with_values(paid=0))
    assert broken is not None
    assert broken.where.startswith("equity_rules.py:")
    assert "expected tax paid and relief to cover the tax due" in str(broken)
    assert "got -46790121" in str(broken)


def test_inputs_must_be_complete() -> None:
    with pytest.raises(InvalidAssignment, match="salt_reg"):
        CIRCUIT.solve({"c_tax": 1})

"""Statement equity_v2: satisfiable exactly for lawful sales, and no basis is spent twice."""

import random
from dataclasses import replace

import pytest

from tests.zkp.equity_v2_cases import (
    AMOUNT_MAX,
    Sale,
    attempt,
    honest_statement,
    is_lawful,
    random_sale,
    secrets_of,
    tax_due,
)
from zkp.builder import UnsatisfiedConstraint
from zkp.circuits import equity_v2
from zkp.circuits.equity_commitments import EquityCore, EquityFinancials, EquityRecord
from zkp.circuits.equity_holdings import (
    HoldingLot,
    InvalidHoldings,
    basis_used,
    commit_lot,
    commit_lots,
    lot_after,
)
from zkp.field import R
from zkp.r1cs import circuit_id, encode_r1cs
from zkp.uniqueness.check import Answer, check

LOTS = (HoldingLot(40, 5_000, 11), HoldingLot(33, 1_234, 12), HoldingLot(7, 99, 13))
# 6,333 · 30 / 80 = 2,374.875, so a basis of 2,374; a gain of 7,626 and a tax of 1,525.2.
LAWFUL = Sale(
    EquityRecord(
        EquityCore(1, 2, 3, capital=30, total=100, price=10_000, contract_digest=9),
        EquityFinancials(
            other=0,
            assessed=0,
            disposition=0,
            net_share=0,
            basis=2_374,
            fees=0,
            relief=0,
            paid=1_525,
            rule_id=1,
        ),
    ),
    LOTS,
    2000,
)


def refused(sale: Sale, **statement: object) -> str:
    broken = attempt(sale, **statement)
    assert broken is not None
    return broken.constraint


@pytest.mark.parametrize("seed", range(24))
def test_satisfiable_exactly_if_lawful(seed: int) -> None:
    sale = random_sale(random.Random(seed))
    broken = attempt(sale)
    assert (broken is None) == is_lawful(sale), (sale, broken)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"paid": 1_524}, "NOT_PAID"),
        ({"paid": 1_526}, None),
        ({"basis": 2_375, "paid": 1_525}, "NO_BASIS"),
        ({"basis": 2_373, "paid": 1_525}, "NO_BASIS"),
        ({"basis": 6_333, "paid": 1_525}, "NO_BASIS"),
        ({"capital": 80, "basis": 6_333, "paid": 733}, None),
        ({"capital": 80, "basis": 6_332, "paid": 734}, "NO_BASIS"),
        ({"capital": 81, "basis": 6_333, "paid": 733}, "NO_BASIS"),
        ({"net_share": 10_001}, "LOW_PRICE"),
    ],
)
def test_the_lines_of_the_law(changes: dict[str, int], code: str | None) -> None:
    sale = LAWFUL.changed(**changes)
    broken = attempt(sale)
    assert (broken and equity_v2.refusal_code(broken)) == code
    assert (broken is None) == is_lawful(sale)


def test_the_last_sale_takes_what_remains() -> None:
    lots, spent, salt = LOTS, 0, 5
    for capital in (1, 30, 17, 31, 1):
        used = basis_used(capital, lots)
        sale = replace(LAWFUL, lots=lots).changed(capital=capital, basis=used)
        sale = sale.changed(paid=tax_due(sale))
        assert attempt(sale) is None
        spent += used
        lots = (lot_after(capital, lots, salt),)
    assert lots[0].capital == lots[0].basis == 0
    assert spent == sum(lot.basis for lot in LOTS)


def test_rounding_never_gives_more_basis_than_was_paid() -> None:
    rng = random.Random(3)
    for _ in range(200):
        lots = tuple(HoldingLot(rng.randint(1, 50), rng.randint(0, 99), i) for i in range(3))
        total, spent = sum(lot.basis for lot in lots), 0
        while held := sum(lot.capital for lot in lots):
            capital = rng.randint(1, held)
            spent += basis_used(capital, lots)
            assert spent <= total
            lots = (lot_after(capital, lots, 1),)
        assert spent == total


def test_a_lot_counts_once() -> None:
    twice = replace(LAWFUL, lots=(LOTS[0], LOTS[0]))
    sale = twice.changed(basis=basis_used(30, twice.lots))
    assert refused(sale.changed(paid=tax_due(sale))) == "holding/distinct"


def test_eight_lots_are_taken_and_a_ninth_is_not() -> None:
    lots = tuple(HoldingLot(10 + index, 1_000 + index, index) for index in range(8))
    sale = replace(LAWFUL, lots=lots).changed(basis=basis_used(30, lots))
    assert attempt(sale.changed(paid=tax_due(sale))) is None
    with pytest.raises(InvalidHoldings, match="at most 8"):
        commit_lots(LAWFUL.record.core, (*lots, HoldingLot(1, 1, 1)))


def test_without_lots_there_is_no_basis() -> None:
    sale = replace(LAWFUL, lots=()).changed(basis=0, paid=2_000)
    broken = attempt(sale)
    assert broken is not None
    assert equity_v2.refusal_code(broken) == "NO_BASIS"


@pytest.mark.parametrize("change", [{"company": 7}, {"transferor": 7}])
def test_lots_of_another_hand_or_company_do_not_count(change: dict[str, int]) -> None:
    # The bureau attests lots that were committed for somebody else.
    other = LAWFUL.changed(**change)
    lots = commit_lots(other.record.core, LOTS)
    c_tax = equity_v2.commit_record(LAWFUL.record, lots, secrets_of(LAWFUL).salt_tax)
    assert refused(LAWFUL, lots=lots, c_tax=c_tax) == "holding/opened0"


def test_lots_that_were_not_attested_do_not_open_the_record() -> None:
    lots = commit_lots(LAWFUL.record.core, LOTS[:2])
    assert refused(LAWFUL, lots=lots) == "commitment/c_tax"


def test_the_lot_that_remains_is_the_one_that_follows() -> None:
    core, after = LAWFUL.record.core, lot_after(30, LOTS, secrets_of(LAWFUL).salt_tax)
    assert (after.capital, after.basis) == (50, 6_333 - 2_374)
    for other in (
        replace(after, basis=after.basis + 1),
        replace(after, capital=after.capital + 1),
        replace(after, salt=1),
    ):
        rest = commit_lot(core.company, core.transferor, other)
        assert refused(LAWFUL, rest=rest) == "commitment/rest"


@pytest.mark.parametrize("amount", [2**64, R - 1])
def test_amounts_of_lots_beyond_64_bits_are_refused(amount: int) -> None:
    for name in ("capital", "basis"):
        sale = replace(LAWFUL, lots=(replace(LOTS[0], **{name: amount}), *LOTS[1:]))
        assert refused(sale) == f"holding/{name}0"


def test_an_absent_lot_has_no_amounts() -> None:
    circuit = equity_v2.build()
    inputs = equity_v2.inputs(honest_statement(LAWFUL), LAWFUL.record, secrets_of(LAWFUL))
    for name in ("capital7", "basis7"):
        with pytest.raises(UnsatisfiedConstraint, match="no amount where there is no lot"):
            circuit.assign({**inputs, name: 1_000})


FORGERIES: dict[str, dict[str, int]] = {
    "the average's quotient + 1": {"basis/average.quotient": 2_375, "basis/average.remainder": 0},
    "a field quotient": {
        "basis/average.quotient": 6_333 * 30 * pow(80, -1, R) % R,
        "basis/average.remainder": 0,
    },
    "a negative remainder": {
        "basis/average.quotient": 2_375,
        "basis/average.remainder": R - 10,
    },
    "a lot called absent": {"holding/is_absent0": 1, "holding/is_absent0.inverse": 0},
    "an absent lot called present": {"holding/is_absent7": 0},
    "a product of the average made up": {"basis/product": 6_333 * 80},
    "differences that are zero have an inverse": {"holding/distinct.inverse": 0},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_dishonest_prover_is_refused(name: str) -> None:
    circuit = equity_v2.build()
    inputs = equity_v2.inputs(honest_statement(LAWFUL), LAWFUL.record, secrets_of(LAWFUL))
    with pytest.raises(UnsatisfiedConstraint):
        circuit.check(circuit.solve(inputs, FORGERIES[name]))


def test_the_inputs_determine_every_signal() -> None:
    verdict = check(equity_v2.build())
    assert verdict.answer is Answer.UNIQUE
    assert not verdict.unused
    assert not verdict.arguments


def test_the_statement_stands_in_its_order() -> None:
    circuit = equity_v2.build()
    statement = honest_statement(LAWFUL)
    witness = equity_v2.assign(statement, LAWFUL.record, secrets_of(LAWFUL))
    assert circuit.publics(witness) == statement.signals
    assert circuit.system.publics == 13
    assert statement == equity_v2.public_inputs(
        LAWFUL.record, secrets_of(LAWFUL), rate_bps=2000, ctx=statement.ctx
    )
    assert AMOUNT_MAX == 2**64 - 1


def test_the_circuit_keeps_its_identity() -> None:
    identity = circuit_id(encode_r1cs(equity_v2.build().system)).hex()
    assert identity == "3889741149e17e91f52324c84f5847f375f938fc278e0fd9d3fb56072f60d480"

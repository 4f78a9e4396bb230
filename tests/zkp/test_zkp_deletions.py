"""Without any one of its constraints a circuit can be cheated: a sample, and what finds it."""

from dataclasses import replace

import pytest

from tests.zkp.deletion_cases import BEFORE_COMPARISON, CASES, judged_rows, prepared, row_named
from zkp.builder import Builder, Circuit
from zkp.combinations import Combinations
from zkp.field import R
from zkp.gadgets.canonical import HIGH_MAX, LOW_BITS, canonical_bits
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import in_bits
from zkp.r1cs import Constraint, dot
from zkp.uniqueness.liar import Liar

# One in so many constraints: `tests/acceptance/zk/deletions.py` takes all of them.
SAMPLE = 401


@pytest.mark.parametrize("name", CASES)
def test_a_constraint_left_out_lets_a_forgery_through(name: str) -> None:
    circuit, liar, starts = prepared(name)
    for index in judged_rows(name)[5::SAMPLE]:
        forged = liar.forge(index, starts)
        assert forged is not None, circuit.labels[index].name
        broken = [
            number
            for number, (a, b, c) in enumerate(circuit.system.constraints)
            if (dot(a, forged) * dot(b, forged) - dot(c, forged)) % R
        ]
        assert broken == [index]


RULES = ["disposition/one_of_two", "disposition/is_justified", "low_price/examined"]
RULES += ["gain/one_sided", "gain/balance", "share/capital", "tax/due", "commitment/c_reg"]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_of_the_tax_is_missed(rule: str) -> None:
    assert is_forged_without("equity_v1", rule)


@pytest.mark.parametrize("rule", ["condition/taxes", "condition/tax_clear.bit0"])
def test_each_rule_of_a_tax_status_is_missed(rule: str) -> None:
    assert is_forged_without("credential_10", rule)


BEHIND_SIGNATURE = ["key.on_curve", "r8.on_curve", "challenge.is_top.zero"]


@pytest.mark.parametrize("rule", BEHIND_SIGNATURE)
def test_each_rule_behind_a_signature_is_missed(rule: str) -> None:
    assert is_forged_without(BEFORE_COMPARISON, f"signature.{rule}")


def test_the_inverse_of_a_top_half_is_missed_where_it_is_the_top() -> None:
    builder = Builder("digits")
    canonical_bits(builder, builder.private("x"), "x")
    circuit = builder.build()
    index = row_named(circuit, "x.is_top.inverse")
    liar = Liar(circuit)
    others = [liar.start({"x": value}) for value in (0, 2**200, (HIGH_MAX << LOW_BITS) - 1)]
    assert liar.forge(index, others) is None
    for value in (HIGH_MAX << LOW_BITS, R - 1):
        assert liar.forge(index, [liar.start({"x": value})]) is not None


def is_forged_without(name: str, rule: str) -> bool:
    circuit, liar, starts = prepared(name)
    return liar.forge(row_named(circuit, rule), starts) is not None


def doubled() -> Circuit:
    """A circuit that demands the same twice, so that either constraint is redundant."""
    builder = Builder("doubled")
    limit = builder.public("limit")
    x = in_bits(builder, builder.private("x"), 4, "x")
    builder.equal(x, limit, "first", "expected the limit")
    builder.equal(x * 3, limit * 3, "second", "expected the limit")
    poseidon(builder, [x], "hash")
    return builder.build()


def test_a_redundant_constraint_is_not_called_forged() -> None:
    circuit = doubled()
    liar = Liar(circuit)
    starts = [liar.start({"limit": value, "x": value}) for value in (0, 9)]
    starts.append(liar.start({"limit": 3, "x": 4}))
    for index, label in enumerate(circuit.labels):
        is_forged = liar.forge(index, starts) is not None
        assert is_forged == (label.name not in ("first", "second")), label.name


def test_rows_that_share_a_combination_are_each_evaluated() -> None:
    base = {1: 5, 2: R - 1}
    rows = [
        Constraint(base, base, {3: 1}),
        Constraint({3: 1}, base, {4: 1}),
        Constraint({}, base, {}),
        Constraint({0: 1}, dict(base), {0: 7}),
    ]
    shared = Combinations(5, rows)
    for witness in ((1, 2, 3, 49, 343), (1, 2, 3, 49, 344), (1, 2, 4, 49, 343)):
        expected = [
            index
            for index, (a, b, c) in enumerate(rows)
            if (dot(a, witness) * dot(b, witness) - dot(c, witness)) % R
        ]
        assert list(shared.broken(witness)) == expected


def test_a_changed_system_is_evaluated_anew() -> None:
    system = doubled().system
    witness = (1, 9, 9, *[0] * (system.wires - 3))
    first = list(system.unsatisfied(witness))
    fewer = replace(system, constraints=system.constraints[first[0] + 1 :])
    assert len(list(fewer.unsatisfied(witness))) == len(first) - 1

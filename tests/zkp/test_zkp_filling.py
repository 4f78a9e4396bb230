"""A witness is filled in from shared and shortened combinations: with the same values, and the
check of what may not hold left whole."""

from random import Random

import pytest

from zkp.builder import Builder, Circuit, InvalidAssignment, UnsatisfiedConstraint
from zkp.combinations import Combinations
from zkp.expressions import Expression
from zkp.field import R
from zkp.gadgets.poseidon import poseidon
from zkp.poseidon import poseidon as plain_poseidon
from zkp.r1cs import Constraint, ConstraintSystem, dot


def hash_of(count: int) -> Circuit:
    """Of so many inputs, and of the outcome with the first of them."""
    builder = Builder(f"hash_{count}")
    outputs = [builder.output(f"out{place}") for place in range(2)]
    inputs = [builder.private(f"in{place}") for place in range(count)]
    once = poseidon(builder, inputs, "once")
    builder.expose(outputs[0], once, "once")
    builder.expose(outputs[1], poseidon(builder, [once, inputs[0]], "twice"), "twice")
    return builder.build()


def assert_alike(system: ConstraintSystem, witness: tuple[int, ...]) -> None:
    """Every side has the value that its terms give, whatever it was made of."""
    combinations = system.combinations
    values = combinations.values(witness)
    for row in system.constraints:
        for side in row:
            assert (values[combinations.slots[id(side)]] - dot(side, witness)) % R == 0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_combinations_of_hashes_have_the_values_of_their_terms(count: int) -> None:
    circuit = hash_of(count)
    random = Random(count)
    inputs = {f"in{place}": random.randrange(R) for place in range(count)}
    witness = circuit.assign(inputs)
    once = plain_poseidon(*inputs.values())
    assert circuit.publics(witness) == (once, plain_poseidon(once, inputs["in0"]))
    assert_alike(circuit.system, witness)
    # Not only where all constraints hold.
    assert_alike(circuit.system, (1, *(random.randrange(R) for _ in witness[1:])))


def test_a_hash_takes_a_fraction_of_the_products() -> None:
    """The long combinations of its partial rounds are a few products each."""
    system = hash_of(2).system
    sides = {id(side): len(side) for row in system.constraints for side in row}
    assert system.combinations.products * 4 < sum(sides.values())


@pytest.mark.parametrize("seed", range(20))
def test_combinations_that_look_like_sums_of_others(seed: int) -> None:
    """Dense rows that are sums of earlier ones, nearly so, multiples, or singular."""
    random = Random(seed)
    wires = 40
    rows = [{wire: random.randrange(1, R) for wire in range(wires)} for _ in range(2)]
    for _ in range(12):
        factors = [random.choice([0, 1, R - 1, random.randrange(R)]) for _ in range(2)]
        made = {
            wire: sum(f * row[wire] for f, row in zip(factors, rows[-2:], strict=True)) % R
            for wire in range(wires)
        }
        for wire in random.sample(range(wires), random.choice([0, 1, 3, 30])):
            made[wire] = random.randrange(R)
        rows.append({wire: made[wire] or 1 for wire in random.sample(range(wires), wires)})
    constraints = tuple(Constraint(row, {}, {}) for row in rows)
    system = ConstraintSystem(wires, 0, 0, wires - 1, constraints)
    assert_alike(system, tuple(random.randrange(R) for _ in range(wires)))


def test_a_long_chain_of_sums_has_the_values_of_its_terms() -> None:
    random = Random(1)
    rows = [{wire: random.randrange(1, R) for wire in range(20)} for _ in range(2)]
    for _ in range(3_000):
        rows.append({wire: (3 * rows[-1][wire] + rows[-2][wire]) % R for wire in range(20)})
    combinations = Combinations(20, [Constraint(row, {}, {}) for row in rows])
    witness = [random.randrange(R) for _ in range(20)]
    last = combinations.slots[id(rows[-1])]
    assert combinations.values(witness)[last] == dot(rows[-1], witness) % R


def early(side: str) -> Circuit:
    """A wire is computed from a combination that names an output, which has no value yet."""
    builder = Builder("early")
    out = builder.output("out")
    x = builder.private("x")
    both = Expression((out + x).terms)
    if side == "computed":
        wire = builder.computed("wire", lambda value: value(both))
        builder.constrain(both, 1, wire, "same", "expected the sum")
    else:
        wire = builder.multiply(both, x, "product")
    builder.expose(out, Expression(x.terms), "out is x")
    return builder.build()


@pytest.mark.parametrize("side", ["computed", "multiplied"])
def test_what_was_read_too_early_is_not_believed_by_the_check(side: str) -> None:
    circuit = early(side)
    assert circuit.assign({"x": 0}) == (1, 0, 0, 0)
    with pytest.raises(UnsatisfiedConstraint):
        circuit.assign({"x": 5})
    with pytest.raises(UnsatisfiedConstraint):
        circuit.check(circuit.solve({"x": 5}))


def test_a_product_is_checked_where_another_one_is_demanded() -> None:
    """A constraint holds by how its wire was made only if it names the same factors."""
    builder = Builder("other")
    x, y = builder.private("x"), builder.private("y")
    square = builder.multiply(x, x, "square")
    builder.constrain(x, y, square, "also", "expected x = y or x = 0")
    builder.constrain(y, x, Expression({0: 4}), "four")
    circuit = builder.build()
    assert circuit.assign({"x": 2, "y": 2})[3] == 4
    for x_value, y_value, name in ((2, 3, "also"), (3, 3, "four")):
        with pytest.raises(UnsatisfiedConstraint) as raised:
            circuit.assign({"x": x_value, "y": y_value})
        assert raised.value.constraint == name


def test_lies_are_followed_and_seen_by_the_check() -> None:
    circuit = hash_of(2)
    inputs = {"in0": 3, "in1": 4}
    honest = circuit.assign(inputs)
    name = "once.r5.0.square"
    wire = circuit.signals.index(name)
    assert circuit.solve(inputs, {name: honest[wire]}) == honest
    told = circuit.solve(inputs, {name: honest[wire] + R + 1})
    assert told[wire] == (honest[wire] + 1) % R
    assert told[1] != honest[1]
    with pytest.raises(UnsatisfiedConstraint, match=name.replace(".", r"\.")):
        circuit.check(told)
    with pytest.raises(InvalidAssignment, match="in0"):
        circuit.solve(inputs, {"in0": 4})

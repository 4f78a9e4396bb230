"""The check for under-constrained circuits: what it proves, what it finds, what it leaves open."""

from collections.abc import Callable, Mapping

import pytest

from tests.zkp.planted import each_left_out, without
from zkp.builder import Builder, Circuit
from zkp.circuits import equity_v1
from zkp.expressions import Expression, Uint
from zkp.field import R
from zkp.gadgets.compare import at_most, is_at_least, maximum, select
from zkp.gadgets.divide import divide
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import decompose, in_bits, nonzero
from zkp.r1cs import Constraint, ConstraintSystem
from zkp.uniqueness.check import Answer, Verdict, check, check_system
from zkp.uniqueness.roots import square_root


def of_two(compute: Callable[[Builder, Uint, Uint], object]) -> Circuit:
    """A circuit over two private numbers of four bits."""
    builder = Builder("two")
    left, right = builder.private("left"), builder.private("right")
    compute(builder, in_bits(builder, left, 4, "a"), in_bits(builder, right, 4, "b"))
    return builder.build()


SAMPLES = [{"left": 3, "right": 5}, {"left": 5, "right": 3}, {"left": 15, "right": 15}]
GADGETS = {
    "at least": of_two(lambda c, a, b: is_at_least(c, a, b, "ge")),
    "at most": of_two(lambda c, a, b: at_most(c, a, b, "le", "expected at most")),
    "maximum": of_two(lambda c, a, b: maximum(c, a, b, "max")),
    "select": of_two(lambda c, a, b: select(c, is_at_least(c, a, b, "ge"), b, a, "s")),
    "divide": of_two(lambda c, a, b: divide(c, a + b, 7, 3, "q")),
    "nonzero": of_two(lambda c, a, b: nonzero(c, a, "a", "expected a above zero")),
}


def assert_forged(circuit: Circuit, verdict: Verdict) -> None:
    """A counterexample is two lawful witnesses of the same inputs."""
    assert verdict.answer is Answer.COUNTEREXAMPLE, verdict.undetermined
    assert verdict.witnesses is not None
    first, second = verdict.witnesses
    for witness in (first, second):
        circuit.check(witness)
    index = {name: wire for wire, name in enumerate(circuit.signals)}
    assert first != second
    assert all(first[index[name]] == second[index[name]] for name in circuit.inputs)
    assert verdict.differing


@pytest.mark.parametrize("name", GADGETS)
def test_a_gadget_leaves_nothing_to_choose(name: str) -> None:
    assert check(GADGETS[name]).answer is Answer.UNIQUE


@pytest.mark.parametrize("name", GADGETS)
def test_each_constraint_left_out_is_noticed(name: str) -> None:
    for _, damaged in each_left_out(GADGETS[name]):
        assert_forged(damaged, check(damaged, SAMPLES))


def test_equity_v1_leaves_nothing_to_choose() -> None:
    verdict = check(equity_v1.build())
    assert verdict.answer is Answer.UNIQUE
    assert not verdict.unused
    assert not verdict.arguments


def test_a_hash_is_determined_and_a_step_of_it_left_out_is_not() -> None:
    builder = Builder("hash")
    poseidon(builder, [builder.private("x")], "h")
    circuit = builder.build()
    assert check(circuit).answer is Answer.UNIQUE
    for index in (0, 40, len(circuit.labels) - 1):
        damaged = without(circuit, index)
        assert_forged(damaged, check(damaged))


# --- classes of faults that reviewers have found in public circuits, written anew ---


def build(write: Callable[[Builder], object]) -> Circuit:
    builder = Builder("faulty")
    write(builder)
    return builder.build()


def unbound_bit(builder: Builder) -> None:
    """A digit of a number that may be any field element."""
    x = builder.private("x")
    high = [builder.bit(f"b{i}", lambda v, i=i: v(x) >> i & 1) for i in (1, 2, 3)]
    low = builder.computed("b0", lambda v: v(x) & 1)
    total = low + high[0] * 2 + high[1] * 4 + high[2] * 8
    builder.equal(total, x, "sum", "expected four bits")


def wrapping_quotient(builder: Builder) -> None:
    """Division with a bounded remainder and a quotient that is not: it wraps around r."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    quotient = builder.computed("quotient", lambda v: v(x) // 7)
    remainder = builder.computed("remainder", lambda v: v(x) % 7)
    in_bits(builder, remainder, 3, "remainder.range")
    builder.equal(quotient * 7 + remainder, x, "division", "expected a division")


def loose_remainder(builder: Builder) -> None:
    """The remainder is bounded by a power of two above the divisor only."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    quotient = builder.computed("quotient", lambda v: v(x) // 5)
    remainder = builder.computed("remainder", lambda v: v(x) % 5)
    in_bits(builder, quotient, 8, "quotient.range")
    in_bits(builder, remainder, 3, "remainder.range")
    builder.equal(quotient * 5 + remainder, x, "division", "expected a division")


def free_is_zero(builder: Builder) -> None:
    """`is zero` with one of its two equations: a zero may be called not zero, or the reverse."""
    x = builder.private("x")
    inverse = builder.computed("inverse", lambda v: pow(v(x), R - 2, R))
    answer = builder.computed("answer", lambda v: int(v(x) == 0))
    builder.constrain(x, inverse, 1 - answer, "inverse", "expected an inverse")


def assigned_only(builder: Builder) -> None:
    """A product that is computed and never demanded (circom's <-- in the place of <==)."""
    x = builder.private("x")
    square = builder.computed("square", lambda v: v(x) * v(x))
    builder.multiply(square, x, "cube")


def aliased_bits(builder: Builder) -> None:
    """254 bits that sum up to x modulo r: those of x + r are as good where they fit."""
    x = builder.private("x")
    digits = [builder.bit(f"b{i}", lambda v, i=i: v(x) >> i & 1) for i in range(254)]
    total: Expression = digits[0]
    for index, digit in enumerate(digits[1:], 1):
        total = total + digit * (1 << index)
    builder.equal(total, x, "sum", "expected 254 bits")


def untied_nullifier(builder: Builder) -> None:
    """The nullifier's secret is another signal than the one in the record."""
    record = builder.public("record")
    nonce = builder.private("nonce")
    builder.equal(poseidon(builder, [nonce], "r"), record, "record", "expected the record")
    other = builder.computed("other_nonce", lambda v: v(nonce))
    poseidon(builder, [other, nonce], "nullifier")


def loose_root(builder: Builder) -> None:
    """A square root: both signs are good."""
    x = builder.private("x")
    root = builder.computed("root", lambda v: square_root(v(x)) or 0)
    builder.constrain(root, root, x, "square", "expected a square")


def choice_of_any(builder: Builder) -> None:
    """A multiplexer whose choice was never made a bit and follows from nothing."""
    a, b = builder.private("a"), builder.private("b")
    choice = builder.computed("choice", lambda v: 1)
    step = builder.multiply(choice, a - b, "step")
    builder.equal(step, a - b, "chosen", "expected the first")


def overlapping_limbs(builder: Builder) -> None:
    """Two limbs whose ranges overlap, so that a carry may stand in either."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    low = in_bits(builder, builder.computed("low", lambda v: v(x) % 16), 5, "low.range")
    high = in_bits(builder, builder.computed("high", lambda v: v(x) // 16), 4, "high.range")
    builder.equal(high * 16 + low, x, "limbs", "expected two limbs")


FAULTS: dict[str, tuple[Callable[[Builder], object], Mapping[str, int]]] = {
    "a missing bit constraint": (unbound_bit, {"x": 11}),
    "a quotient without a range": (wrapping_quotient, {"x": 100}),
    "a remainder above the divisor": (loose_remainder, {"x": 21}),
    "an unconstrained inverse": (free_is_zero, {"x": 0}),
    "assigned, not constrained": (assigned_only, {"x": 3}),
    "bits of x + r": (aliased_bits, {"x": 5}),
    "a square root's sign": (loose_root, {"x": 4}),
    "a choice that is no bit": (choice_of_any, {"a": 3, "b": 3}),
    "limbs that overlap": (overlapping_limbs, {"x": 40}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_known_classes_of_faults_are_shown_by_two_witnesses(name: str) -> None:
    write, sample = FAULTS[name]
    circuit = build(write)
    assert_forged(circuit, check(circuit, [sample]))


def test_a_nullifier_of_another_secret_is_shown() -> None:
    from zkp.poseidon import poseidon as plain

    circuit = build(untied_nullifier)
    verdict = check(circuit, [{"nonce": 7, "record": plain(7)}])
    assert_forged(circuit, verdict)
    assert "other_nonce" in verdict.differing


def test_a_public_nullifier_that_nothing_binds_is_shown() -> None:
    builder = Builder("unbound")
    builder.public("nullifier")
    builder.multiply(builder.private("nonce"), builder.private("nonce2"), "use")
    circuit = builder.build()
    assert check(circuit).unused == ("nullifier",)
    assert check(circuit, free=["nullifier"]).answer is Answer.COUNTEREXAMPLE


def test_nothing_is_claimed_where_there_is_no_witness_to_start_from() -> None:
    circuit = build(loose_root)
    system = circuit.system
    assert check_system(system, []).answer is Answer.UNKNOWN
    assert check_system(system, [circuit.assign({"x": 4})]).answer is Answer.COUNTEREXAMPLE


def test_a_written_argument_is_named_in_the_verdict() -> None:
    def write(builder: Builder, *, is_argued: bool) -> None:
        x, y = builder.private("x"), builder.private("y")
        ratio = builder.computed("ratio", lambda v: v(y) * pow(v(x), R - 2, R))
        builder.constrain(x, ratio, y, "ratio", "expected y / x")
        if is_argued:
            builder.argue_nonzero(x * 3, "x is never zero: no reason")

    open_circuit = build(lambda builder: write(builder, is_argued=False))
    assert_forged(open_circuit, check(open_circuit))
    verdict = check(build(lambda builder: write(builder, is_argued=True)))
    assert verdict.answer is Answer.UNIQUE
    assert verdict.arguments == ("x is never zero: no reason",)


def test_a_factor_that_may_be_zero_proves_nothing() -> None:
    # x · y = x: y is 1 unless x is 0, and then it is anything.
    system = ConstraintSystem(3, 0, 0, 1, [Constraint({1: 1}, {2: 1}, {1: 1})])
    assert check_system(system, [(1, 3, 1)]).answer is Answer.UNKNOWN
    assert check_system(system, [(1, 0, 9)]).answer is Answer.COUNTEREXAMPLE


@pytest.mark.parametrize("bits", [252, 253, 254])
def test_digits_are_unique_only_while_they_cannot_wrap(bits: int) -> None:
    # Wires: 1, x, digits; 253 bits stay below r, 254 do not.
    rows = [Constraint({w: 1}, {w: 1, 0: R - 1}, {}) for w in range(2, 2 + bits)]
    rows.append(Constraint({w: 1 << (w - 2) for w in range(2, 2 + bits)}, {0: 1}, {1: 1}))
    system = ConstraintSystem(2 + bits, 0, 0, 1, rows)
    witness = (1, 5, *(5 >> i & 1 for i in range(bits)))
    expected = Answer.UNIQUE if bits < 254 else Answer.COUNTEREXAMPLE
    assert check_system(system, [witness]).answer is expected


def test_scaled_constraints_say_the_same() -> None:
    builder = Builder("scaled")
    decompose(builder, builder.private("x"), 16, "x", "expected 16 bits")
    system = builder.build().system
    factor = 0x1234567890ABCDEF**3 % R
    rows = [
        Constraint(
            *({w: v * f % R for w, v in side.items()} for side, f in zip(row, scale, strict=True))
        )
        for row in system.constraints
        for scale in [(factor, 1, factor)]
    ]
    scaled = ConstraintSystem(system.wires, 0, 0, 1, rows)
    assert check_system(scaled, []).answer is Answer.UNIQUE

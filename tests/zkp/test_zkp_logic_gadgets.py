"""Small gadgets: logic, zero, canonical digits, multiplexers, division by a signal."""

import operator
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.zkp.planted import each_left_out
from zkp.builder import Builder, Circuit, UnsatisfiedConstraint
from zkp.expressions import Bit, Expression, constant
from zkp.field import R
from zkp.gadgets.booleans import all_of, any_of, both, differ, either
from zkp.gadgets.canonical import canonical_bits
from zkp.gadgets.divide import divide_by
from zkp.gadgets.multiplexer import choose, select_element
from zkp.gadgets.ranges import decompose, from_bits, in_bits
from zkp.gadgets.zero import is_equal, is_zero
from zkp.r1cs import dot
from zkp.uniqueness.check import Answer, check, check_system

elements = st.one_of(
    st.sampled_from([0, 1, 2, 2**64, 2**128 - 1, 2**128, R // 2, R - 2, R - 1]),
    st.integers(0, R - 1),
)


def circuit_of(names: str, compute: Callable[..., Expression]) -> Circuit:
    """A circuit with the output `out` of private inputs."""
    builder = Builder("gadget")
    out = builder.output("out")
    inputs = [builder.private(name) for name in names.split()]
    builder.expose(out, compute(builder, *inputs), "expected the result")
    return builder.build()


def on_bits(gadget: Callable[..., Bit]) -> Callable[..., Expression]:
    """The gadget on inputs that are held to one bit each."""

    def compute(builder: Builder, *inputs: Expression) -> Expression:
        bits = [decompose(builder, x, 1, f"bit{i}", "a bit")[0] for i, x in enumerate(inputs)]
        return gadget(builder, bits)

    return compute


LOGIC: dict[str, tuple[Circuit, Callable[[int, int, int], int]]] = {
    "both": (
        circuit_of("a b c", on_bits(lambda u, x: both(u, x[0], x[1], "g"))),
        lambda a, b, c: a & b,
    ),
    "either": (
        circuit_of("a b c", on_bits(lambda u, x: either(u, x[0], x[1], "g"))),
        lambda a, b, c: a | b,
    ),
    "differ": (
        circuit_of("a b c", on_bits(lambda u, x: differ(u, x[0], x[1], "g"))),
        lambda a, b, c: a ^ b,
    ),
    "all": (
        circuit_of("a b c", on_bits(lambda u, x: all_of(u, x, "g"))),
        lambda a, b, c: a & b & c,
    ),
    "any": (
        circuit_of("a b c", on_bits(lambda u, x: any_of(u, x, "g"))),
        lambda a, b, c: a | b | c,
    ),
    "negated": (circuit_of("a b c", on_bits(lambda u, x: x[0].negated())), lambda a, b, c: 1 - a),
}


def outcome(circuit: Circuit, **inputs: int) -> int:
    return circuit.publics(circuit.assign(inputs))[0]


@pytest.mark.parametrize("name", LOGIC)
def test_truth_tables(name: str) -> None:
    circuit, plain = LOGIC[name]
    for number in range(8):
        a, b, c = (number >> place & 1 for place in range(3))
        assert outcome(circuit, a=a, b=b, c=c) == plain(a, b, c)
    with pytest.raises(UnsatisfiedConstraint, match="a bit"):
        circuit.assign({"a": 2, "b": 0, "c": 0})


def test_logic_with_a_constant_costs_nothing() -> None:
    builder = Builder("constant")
    bit = builder.bit("bit", lambda _: 1)
    one, zero = Bit(constant(1).terms), Bit({})
    assert both(builder, bit, one, "a").terms == bit.terms
    assert not both(builder, zero, bit, "b").terms
    assert either(builder, bit, zero, "c").terms == bit.terms
    assert differ(builder, one, bit, "d").terms == bit.negated().terms
    assert len(builder.build().system.constraints) == 1


ZERO = circuit_of("x", lambda builder, x: is_zero(builder, x, "zero"))
EQUAL = circuit_of("x y", lambda builder, x, y: is_equal(builder, x, y, "equal"))


@settings(max_examples=25, deadline=None)
@given(elements, elements)
def test_zero_and_equality_of_any_elements(x: int, y: int) -> None:
    assert outcome(ZERO, x=x) == int(x == 0)
    assert outcome(EQUAL, x=x, y=y) == int(x == y)
    assert outcome(EQUAL, x=x, y=x) == 1


@pytest.mark.parametrize("x", [0, 5])
def test_no_prover_calls_zero_what_is_not(x: int) -> None:
    for inverse in (0, 1, pow(5, -1, R)):
        witness = ZERO.solve({"x": x}, {"zero": int(x != 0), "zero.inverse": inverse})
        with pytest.raises(UnsatisfiedConstraint):
            ZERO.check(witness)


def canonical(builder: Builder, x: Expression) -> Expression:
    digits = canonical_bits(builder, x, "x")
    return from_bits(digits[:128]) + from_bits(digits[128:]) * 3


CANONICAL = circuit_of("x", canonical)


@settings(max_examples=15, deadline=None)
@given(elements)
@example(R - 1)
@example((R - 1) >> 128 << 128)
@example(((R - 1) >> 128 << 128) - 1)
def test_canonical_digits_are_those_of_the_number(x: int) -> None:
    assert outcome(CANONICAL, x=x) == (x % 2**128 + 3 * (x >> 128)) % R
    witness = CANONICAL.assign({"x": x})
    names = {name: witness[wire] for wire, name in enumerate(CANONICAL.signals)}
    low = sum(names[f"x.low.bit{place}"] << place for place in range(128))
    high = sum(names[f"x.high.bit{place}"] << place for place in range(126))
    assert high << 128 | low == x


@pytest.mark.parametrize("x", [0, 1, 2**250, 2**254 - R - 1])
def test_the_digits_of_x_plus_r_are_refused(x: int) -> None:
    low, high = (x + R) % 2**128, (x + R) >> 128
    lies = {"x.low": low, "x.high": high}
    with pytest.raises(UnsatisfiedConstraint) as caught:
        CANONICAL.check(CANONICAL.solve({"x": x}, lies))
    assert caught.value.constraint in {"x.high_in_r", "x.low_in_r"}


CHOOSE = circuit_of("i p q s", lambda b, i, *options: choose(b, i, list(options), "choice"))
SELECT = circuit_of(
    "i p q",
    lambda b, i, p, q: select_element(b, decompose(b, i, 1, "i", "a bit")[0], p, q, "select"),
)


@settings(max_examples=25, deadline=None)
@given(elements, elements, elements, st.integers(0, 2))
def test_multiplexers_give_the_chosen_element(p: int, q: int, s: int, index: int) -> None:
    assert outcome(CHOOSE, i=index, p=p, q=q, s=s) == (p, q, s)[index]
    assert outcome(SELECT, i=index % 2, p=p, q=q) == (q, p)[index % 2]


@pytest.mark.parametrize("index", [3, 4, R - 1])
def test_an_index_without_an_option_is_refused(index: int) -> None:
    with pytest.raises(UnsatisfiedConstraint, match="index below 3"):
        CHOOSE.assign({"i": index, "p": 1, "q": 2, "s": 3})


def divided(part: int) -> Circuit:
    def compute(builder: Builder, n: Expression, d: Expression) -> Expression:
        dividend, divisor = in_bits(builder, n, 16, "n"), in_bits(builder, d, 8, "d")
        return divide_by(builder, dividend, divisor, 16, "div")[part]

    return circuit_of("n d", compute)


QUOTIENT, REMAINDER = divided(0), divided(1)
DIVIDENDS = st.one_of(st.sampled_from([0, 1, 254, 255, 256, 65535]), st.integers(0, 65535))


@settings(max_examples=25, deadline=None)
@given(DIVIDENDS, st.one_of(st.sampled_from([1, 2, 255]), st.integers(1, 255)))
def test_division_by_a_signal(n: int, d: int) -> None:
    assert outcome(QUOTIENT, n=n, d=d) == n // d
    assert outcome(REMAINDER, n=n, d=d) == n % d


@pytest.mark.parametrize("n", [0, 1, 65535])
def test_division_by_zero_is_refused(n: int) -> None:
    with pytest.raises(UnsatisfiedConstraint, match="divisor above zero"):
        QUOTIENT.assign({"n": n, "d": 0})


@pytest.mark.parametrize(("quotient", "remainder"), [(13, 9), (15, R - 5), (0, 100)])
def test_another_quotient_is_refused(quotient: int, remainder: int) -> None:
    lies = {"div.quotient": quotient, "div.remainder": remainder}
    with pytest.raises(UnsatisfiedConstraint):
        QUOTIENT.check(QUOTIENT.solve({"n": 100, "d": 7}, lies))


def test_a_field_quotient_is_refused() -> None:
    lies = {"div.quotient": 100 * pow(7, -1, R) % R, "div.remainder": 0}
    with pytest.raises(UnsatisfiedConstraint) as caught:
        QUOTIENT.check(QUOTIENT.solve({"n": 100, "d": 7}, lies))
    assert caught.value.constraint == "div.quotient"


SHIPPED = {
    **{name: circuit for name, (circuit, _) in LOGIC.items()},
    "zero": ZERO,
    "equal": EQUAL,
    "canonical": CANONICAL,
    "choose": CHOOSE,
    "select": SELECT,
    "quotient": QUOTIENT,
}
SAMPLES = [
    {"x": 0, "y": 0},
    {"x": 5, "y": 6},
    {"a": 1, "b": 1, "c": 1},
    {"a": 0, "b": 1, "c": 0},
    {"i": 0, "p": 3, "q": 4, "s": 7},
    {"i": 1, "p": 3, "q": 4, "s": 7},
    {"i": 2, "p": 3, "q": 4, "s": 7},
    {"n": 100, "d": 7},
    {"n": 3, "d": 7},
]


def samples_of(circuit: Circuit) -> list[dict[str, int]]:
    """Those samples that have the circuit's inputs, without the others."""
    names = set(circuit.inputs)
    return [
        {name: sample[name] for name in circuit.inputs}
        for sample in SAMPLES
        if names <= sample.keys()
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_inputs_determine_every_signal(name: str) -> None:
    assert check(SHIPPED[name]).answer is Answer.UNIQUE


# The one digit of an input is the input: without its constraint the circuit takes more inputs, but
# leaves no signal open. Comparison with the plain rule is what finds that.
INPUT_ROWS = {"bit0.bit0", "bit1.bit0", "bit2.bit0", "i.bit0"}


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "canonical"])
def test_each_constraint_left_out_is_found(name: str) -> None:
    circuit = SHIPPED[name]
    for left_out, damaged in each_left_out(circuit):
        if left_out in INPUT_ROWS:
            continue
        verdict = check(damaged, samples_of(circuit))
        assert verdict.answer is Answer.COUNTEREXAMPLE, left_out
        assert verdict.witnesses is not None
        for witness in verdict.witnesses:
            damaged.check(witness)


CANONICAL_ROWS = [
    *("x.halves", "x.low", "x.high", "x.high_in_r", "x.low_in_r", "x.is_top.zero"),
    *("x.is_top.nonzero", "x.is_top.inverse", "x.low.bit0", "x.high.bit125", "x.low_in_r.bit128"),
]


def test_canonical_digits_without_one_of_their_constraints_are_never_called_unique() -> None:
    damaged = {
        name: circuit for name, circuit in each_left_out(CANONICAL) if name in CANONICAL_ROWS
    }
    for name in CANONICAL_ROWS:
        assert check_system(damaged[name].system, []).answer is Answer.UNKNOWN, name


def test_what_the_gadgets_cost() -> None:
    costs = {name: len(circuit.system.constraints) - 1 for name, circuit in SHIPPED.items()}
    # Inputs of logic cost two constraints a bit, those of division 8 + 1 and 16 + 1.
    assert costs == {
        **{"both": 6 + 1, "either": 6 + 1, "differ": 6 + 1, "all": 6 + 2, "any": 6 + 2},
        **{"negated": 6, "zero": 3, "equal": 3, "canonical": 517, "choose": 3 + 1 + 3},
        **{"select": 2 + 1, "quotient": 26 + 17 + 9 + 10 + 1},
    }


def test_digits_are_bits_and_bits_give_the_number() -> None:
    builder = Builder("digits")
    digits = decompose(builder, builder.private("x"), 9, "x", "nine bits")
    witness = builder.build().assign({"x": 300})
    assert dot(from_bits(digits).terms, witness) % R == 300
    assert from_bits(digits).maximum == 511
    assert operator.xor(*(dot(bit.terms, witness) for bit in digits[:2])) == 0

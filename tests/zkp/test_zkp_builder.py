"""The builder and its gadgets on small circuits, with valid and invalid assignments."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkp.builder import Builder, Circuit, InvalidAssignment, UnsatisfiedConstraint
from zkp.expressions import Expression, Uint, constant
from zkp.field import InvalidElement, R
from zkp.gadgets.compare import at_most, is_at_least, is_less, maximum, select
from zkp.gadgets.divide import divide
from zkp.gadgets.ranges import in_bits, nonzero

BITS = 8
edges = st.sampled_from([0, 1, 127, 128, 254, 255])
bytes_ = st.one_of(edges, st.integers(0, 255))


def two_bytes(compute: Callable[[Builder, Uint, Uint], Expression]) -> Circuit:
    """A circuit whose public `out` is computed from two private bytes."""
    builder = Builder("two_bytes")
    out = builder.public("out")
    left, right = builder.private("left"), builder.private("right")
    a, b = (in_bits(builder, x, BITS, n) for x, n in ((left, "a"), (right, "b")))
    builder.equal(compute(builder, a, b), out, "out", "expected the result")
    return builder.build()


BINARY: dict[str, tuple[Circuit, Callable[[int, int], int]]] = {
    "at least": (two_bytes(lambda c, a, b: is_at_least(c, a, b, "ge")), lambda a, b: int(a >= b)),
    "less": (two_bytes(lambda c, a, b: is_less(c, a, b, "lt")), lambda a, b: int(a < b)),
    "maximum": (two_bytes(lambda c, a, b: maximum(c, a, b, "max")), max),
    "product": (two_bytes(lambda c, a, b: c.multiply(a, b, "ab")), lambda a, b: a * b),
    "select": (
        two_bytes(lambda c, a, b: select(c, is_less(c, a, constant(9), "lt"), b, a, "s")),
        lambda a, b: b if a < 9 else a,
    ),
    "quotient": (
        two_bytes(lambda c, a, b: divide(c, a + b, 7, 8, "q")[0]),
        lambda a, b: (a + b) // 7,
    ),
    "remainder": (
        two_bytes(lambda c, a, b: divide(c, a + b, 7, 8, "q")[1]),
        lambda a, b: (a + b) % 7,
    ),
    "by one": (
        two_bytes(lambda c, a, b: divide(c, a + b, 16, 6, "q")[0]),
        lambda a, b: (a + b) // 16,
    ),
}


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=40, deadline=None)
@given(a=bytes_, b=bytes_, wrong=st.integers(0, 600))
def test_gadgets_give_the_plain_answer_and_no_other(name: str, a: int, b: int, wrong: int) -> None:
    circuit, plain = BINARY[name]
    circuit.assign({"left": a, "right": b, "out": plain(a, b)})
    if wrong != plain(a, b):
        with pytest.raises(UnsatisfiedConstraint):
            circuit.assign({"left": a, "right": b, "out": wrong})


@given(a=bytes_, b=bytes_)
def test_at_most(a: int, b: int) -> None:
    circuit = two_bytes(lambda c, x, y: at_most(c, x, y, "le", "expected left at most right"))
    if a <= b:
        circuit.assign({"left": a, "right": b, "out": b - a})
    else:
        with pytest.raises(UnsatisfiedConstraint, match="left at most right"):
            circuit.assign({"left": a, "right": b, "out": (b - a) % R})


@pytest.mark.parametrize("value", [256, 257, R - 1, R // 2, 2**64])
def test_a_range_refuses_what_does_not_fit(value: int) -> None:
    circuit = BINARY["product"][0]
    with pytest.raises(UnsatisfiedConstraint, match=r"'a' .*from 0 to 2\^8-1"):
        circuit.assign({"left": value, "right": 1, "out": value})


def test_nonzero() -> None:
    builder = Builder("nonzero")
    nonzero(builder, builder.private("x"), "x_inverse", "expected x above zero")
    circuit = builder.build()
    circuit.assign({"x": R - 1})
    with pytest.raises(UnsatisfiedConstraint, match="expected x above zero"):
        circuit.assign({"x": 0})


def test_the_lying_prover_is_named_with_line_and_values() -> None:
    builder = Builder("square")
    x = builder.private("x")
    with builder.scope("inner"):
        builder.multiply(x, x, "square")
    circuit = builder.build()
    witness = circuit.solve({"x": 3}, {"inner/square": 10})
    with pytest.raises(UnsatisfiedConstraint) as caught:
        circuit.check(witness)
    assert caught.value.constraint == "inner/square"
    assert caught.value.where.startswith("test_zkp_builder.py:")
    assert "(3) * (3), which is not 10" in str(caught.value)


@pytest.mark.parametrize("names", [{}, {"x": 1, "y": 2}, {"y": 1}])
def test_inputs_must_be_the_declared_ones(names: dict[str, int]) -> None:
    builder = Builder("one")
    builder.private("x")
    with pytest.raises(InvalidAssignment, match=r"expected exactly \['x'\]"):
        builder.build().solve(names)


def test_inputs_must_be_reduced() -> None:
    builder = Builder("one")
    builder.private("x")
    with pytest.raises(InvalidElement, match="x: expected"):
        builder.build().solve({"x": R})


def test_bounds_follow_the_arithmetic() -> None:
    builder = Builder("bounds")
    x = builder.private("x")
    byte = in_bits(builder, x, 8, "byte")
    assert (byte + byte).maximum == 510
    assert (byte + constant(5)).maximum == 260
    assert byte.times(20_000).maximum == 255 * 20_000
    assert builder.multiply(byte, byte, "product").maximum == 255 * 255
    assert not isinstance(byte - byte, Uint)
    assert not isinstance(byte + x, Uint)
    assert (byte - byte).constant == 0
    assert (x + 5 - x).constant == 5
    assert x.constant is None


def test_a_bound_that_could_wrap_the_field_is_our_own_mistake() -> None:
    builder = Builder("wrap")
    byte = in_bits(builder, builder.private("x"), 8, "byte")
    with pytest.raises(AssertionError, match="wrap"):
        byte.times(1 << 250)
    with pytest.raises(AssertionError, match="wrap"):
        in_bits(builder, builder.computed("y", lambda _: 0), 253, "y")
    with pytest.raises(AssertionError, match="two signals"):
        builder.computed("y", lambda _: 0)
    with pytest.raises(AssertionError, match="private inputs"):
        builder.private("late")

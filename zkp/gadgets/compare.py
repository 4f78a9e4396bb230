"""Comparisons and choices between bounded integers."""

from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, Uint
from zkp.gadgets.ranges import decompose, in_bits


@gadget
def at_most(builder: Builder, left: Uint, right: Uint, name: str, message: str) -> Uint:
    """Demands left <= right; gives the difference right - left."""
    bits = max(left.maximum, right.maximum).bit_length()
    return in_bits(builder, right - left, bits, name, message)


@gadget
def is_at_least(builder: Builder, left: Uint, right: Uint, name: str) -> Bit:
    """1 if left >= right, else 0: the top digit of left - right + 2^bits."""
    bits = max(left.maximum, right.maximum).bit_length()
    shifted = left - right + (1 << bits)
    digits = decompose(builder, shifted, bits + 1, name, "expected two integers to compare")
    return digits[-1]


@gadget
def is_less(builder: Builder, left: Uint, right: Uint, name: str) -> Bit:
    """1 if left < right, else 0."""
    return is_at_least(builder, left, right, name).negated()


@gadget
def select(builder: Builder, choice: Bit, one: Uint, zero: Uint, name: str) -> Uint:
    """`one` if choice is 1, `zero` if it is 0."""
    difference: Expression = one - zero
    step = builder.multiply(Expression(choice.terms), difference, name)
    return Uint((step + zero).terms, max(one.maximum, zero.maximum))


@gadget
def maximum(builder: Builder, left: Uint, right: Uint, name: str) -> Uint:
    """The greater of two integers."""
    is_left = is_at_least(builder, left, right, f"{name}.order")
    return select(builder, is_left, left, right, name)

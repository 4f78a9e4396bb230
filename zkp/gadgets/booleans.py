"""Logic on bits. An operation with a constant costs no constraint, any other costs one."""

from collections.abc import Sequence

from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression


@gadget
def both(builder: Builder, left: Bit, right: Bit, name: str) -> Bit:
    """1 if both are 1 (AND)."""
    return Bit(_product(builder, left, right, name).terms)


@gadget
def either(builder: Builder, left: Bit, right: Bit, name: str) -> Bit:
    """1 if one of them or both are 1 (OR)."""
    return Bit((_sum(left, right) - _product(builder, left, right, name)).terms)


@gadget
def differ(builder: Builder, left: Bit, right: Bit, name: str) -> Bit:
    """1 if they are not equal (XOR)."""
    return Bit((_sum(left, right) - _product(builder, left, right, name) * 2).terms)


@gadget
def all_of(builder: Builder, bits: Sequence[Bit], name: str) -> Bit:
    """1 if every bit is 1; one constraint for each bit but the first."""
    assert bits, "expected at least one bit"
    result = bits[0]
    for index, bit in enumerate(bits[1:], 1):
        result = both(builder, result, bit, f"{name}.{index}")
    return result


@gadget
def any_of(builder: Builder, bits: Sequence[Bit], name: str) -> Bit:
    """1 if at least one bit is 1."""
    return all_of(builder, [bit.negated() for bit in bits], name).negated()


def _sum(left: Bit, right: Bit) -> Expression:
    return Expression(left.terms) + right


def _product(builder: Builder, left: Bit, right: Bit, name: str) -> Expression:
    for known, other in ((left.constant, right), (right.constant, left)):
        if known is not None:
            return Expression((other * known).terms)
    return builder.multiply(Expression(left.terms), Expression(right.terms), name)

"""Ranges: the constraints that turn a field element into an integer of so many bits."""

from zkp.builder import Builder, Compute, gadget
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.field import R

# Two values of this many bits can still be subtracted and offset without wrapping the field.
BITS_MAX = 252


@gadget
def decompose(builder: Builder, value: Expression, bits: int, name: str, message: str) -> list[Bit]:
    """Binary digits of `value`, lowest first; unsatisfiable unless 0 <= value < 2^bits."""
    assert 0 < bits <= BITS_MAX, f"{bits} bits could wrap the field"
    digits = [builder.bit(f"{name}.bit{index}", _digit(value, index)) for index in range(bits)]
    builder.equal(_weighed(digits), value, name, message, shown=value)
    return digits


@gadget
def in_bits(builder: Builder, value: Expression, bits: int, name: str, message: str = "") -> Uint:
    """The same value, proven to be an integer below 2^bits."""
    expectation = message or f"expected an integer from 0 to 2^{bits}-1"
    decompose(builder, value, bits, name, expectation)
    return Uint(value.terms, (1 << bits) - 1)


@gadget
def nonzero(builder: Builder, value: Expression, name: str, message: str) -> None:
    """Demands value != 0, by showing its inverse."""
    inverse = builder.computed(
        f"{name}.inverse", lambda evaluate: _inverse_or_zero(evaluate(value))
    )
    builder.constrain(value, inverse, 1, name, message)


def _digit(value: Expression, index: int) -> Compute:
    return lambda evaluate: evaluate(value) >> index & 1


def _weighed(digits: list[Bit]) -> Expression:
    total: Expression = constant(0)
    for index, digit in enumerate(digits):
        total = total + digit * (1 << index)
    return total


def _inverse_or_zero(value: int) -> int:
    return pow(value, R - 2, R)

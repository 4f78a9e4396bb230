"""Ranges: the constraints that turn a field element into an integer of so many bits."""

from collections.abc import Sequence

from zkp import hints
from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, Uint
from zkp.field import R

# Two values of this many bits can still be subtracted and offset without wrapping the field.
BITS_MAX = 252


@gadget
def decompose(builder: Builder, value: Expression, bits: int, name: str, message: str) -> list[Bit]:
    """Binary digits of `value`, lowest first; unsatisfiable unless 0 <= value < 2^bits."""
    assert 0 < bits <= BITS_MAX, f"{bits} bits could wrap the field"
    digits = [builder.bit(f"{name}.bit{index}", hints.digit(value, index)) for index in range(bits)]
    builder.equal(from_bits(digits), value, name, message, shown=value)
    return digits


def from_bits(digits: Sequence[Bit]) -> Uint:
    """The integer of binary digits, lowest first. Costs no constraint."""
    assert len(digits) <= BITS_MAX, f"{len(digits)} bits could wrap the field"
    total: dict[int, int] = {}
    for index, digit in enumerate(digits):
        for wire, coefficient in digit.terms.items():
            total[wire] = (total.get(wire, 0) + (coefficient << index)) % R
    terms = {wire: coefficient for wire, coefficient in total.items() if coefficient}
    return Uint(terms, (1 << len(digits)) - 1)


@gadget
def in_bits(builder: Builder, value: Expression, bits: int, name: str, message: str = "") -> Uint:
    """The same value, proven to be an integer below 2^bits."""
    expectation = message or f"expected an integer from 0 to 2^{bits}-1"
    decompose(builder, value, bits, name, expectation)
    return Uint(value.terms, (1 << bits) - 1)


@gadget
def nonzero(builder: Builder, value: Expression, name: str, message: str) -> None:
    """Demands value != 0, by showing its inverse."""
    inverse = builder.computed(f"{name}.inverse", hints.ratio(1, value))
    builder.constrain(value, inverse, 1, name, message)

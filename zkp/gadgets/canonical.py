"""The 254 binary digits of any field element, with x + r excluded.

A sum of 254 bits reaches 2^254 - 1 > r, so x below 2^254 - r has two writings. Here the upper and
lower half are compared with those of r - 1. circomlib's Num2Bits_strict answers the same question.
"""

from zkp import hints
from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, Uint, constant
from zkp.field import R
from zkp.gadgets.compare import at_most
from zkp.gadgets.ranges import decompose, in_bits
from zkp.gadgets.zero import is_equal

ELEMENT_BITS = 254
LOW_BITS = 128
HIGH_BITS = ELEMENT_BITS - LOW_BITS
HIGH_MAX, LOW_MAX = divmod(R - 1, 1 << LOW_BITS)


@gadget
def canonical_bits(builder: Builder, value: Expression, name: str) -> list[Bit]:
    """Digits of value as an integer in [0, r), lowest first."""
    low = builder.computed(f"{name}.low", hints.remainder(value, 1 << LOW_BITS))
    high = builder.computed(f"{name}.high", hints.quotient(value, 1 << LOW_BITS))
    message = "expected two halves of a number below r"
    builder.equal(low + high * (1 << LOW_BITS), value, f"{name}.halves", message, shown=value)
    digits = decompose(builder, low, LOW_BITS, f"{name}.low", message)
    digits += decompose(builder, high, HIGH_BITS, f"{name}.high", message)
    upper = Uint(high.terms, (1 << HIGH_BITS) - 1)
    at_most(builder, upper, constant(HIGH_MAX), f"{name}.high_in_r", message)
    is_top = is_equal(builder, high, HIGH_MAX, f"{name}.is_top")
    # With the greatest upper half the lower one is bounded too; otherwise 2^128 makes room.
    slack = LOW_MAX - low + is_top.negated() * (1 << LOW_BITS)
    in_bits(builder, slack, LOW_BITS + 1, f"{name}.low_in_r", message)
    return digits

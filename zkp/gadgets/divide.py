"""Division of a bounded integer by a constant, with remainder."""

from zkp.builder import Builder, gadget
from zkp.expressions import Uint, constant
from zkp.field import R
from zkp.gadgets.compare import at_most
from zkp.gadgets.ranges import in_bits


@gadget
def divide(
    builder: Builder, dividend: Uint, divisor: int, quotient_bits: int, name: str
) -> tuple[Uint, Uint]:
    """Quotient and remainder: dividend = divisor · quotient + remainder, remainder < divisor.

    Unsatisfiable if the quotient does not fit in `quotient_bits`. Both are decomposed, so that
    neither side of the equation can wrap the field and the answer is the only one.
    """
    assert divisor > 0, "no division by zero"
    assert divisor << quotient_bits < R // 2, "the quotient's bound could wrap the field"
    quotient = in_bits(
        builder,
        builder.computed(f"{name}.quotient", lambda value: value(dividend) // divisor),
        quotient_bits,
        f"{name}.quotient",
    )
    remainder = in_bits(
        builder,
        builder.computed(f"{name}.remainder", lambda value: value(dividend) % divisor),
        (divisor - 1).bit_length(),
        f"{name}.remainder",
    )
    at_most(
        builder,
        remainder,
        constant(divisor - 1),
        f"{name}.remainder_below_divisor",
        f"expected a remainder below {divisor}",
    )
    builder.equal(
        quotient.times(divisor) + remainder,
        dividend,
        name,
        f"expected quotient times {divisor} plus remainder to give the dividend",
    )
    return quotient, remainder

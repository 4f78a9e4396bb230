"""Division of bounded integers with remainder, by a constant or by another signal."""

from zkp import hints
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
        builder.computed(f"{name}.quotient", hints.quotient(dividend, divisor)),
        quotient_bits,
        f"{name}.quotient",
    )
    remainder = in_bits(
        builder,
        builder.computed(f"{name}.remainder", hints.remainder(dividend, divisor)),
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


@gadget
def divide_by(
    builder: Builder, dividend: Uint, divisor: Uint, quotient_bits: int, name: str
) -> tuple[Uint, Uint]:
    """The same by a divisor that is a signal. Unsatisfiable for a divisor of zero.

    The one constraint divisor · quotient = dividend - remainder holds over the integers, as both
    sides stay below r/2; and of dividend = divisor · q + remainder with 0 ≤ remainder < divisor
    there is only one solution.
    """
    assert divisor.maximum << quotient_bits < R // 2, "the quotient's bound could wrap the field"
    assert dividend.maximum < R // 2, "the dividend could wrap the field"
    quotient = in_bits(
        builder,
        builder.computed(f"{name}.quotient", hints.quotient(dividend, divisor)),
        quotient_bits,
        f"{name}.quotient",
    )
    remainder = in_bits(
        builder,
        builder.computed(f"{name}.remainder", hints.remainder(dividend, divisor)),
        divisor.maximum.bit_length(),
        f"{name}.remainder",
    )
    at_most(
        builder,
        remainder + constant(1),
        divisor,
        f"{name}.remainder_below_divisor",
        "expected a divisor above zero and a remainder below it",
    )
    message = "expected quotient times divisor plus remainder to give the dividend"
    builder.constrain(divisor, quotient, dividend - remainder, name, message)
    return quotient, remainder

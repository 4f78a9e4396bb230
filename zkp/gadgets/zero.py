"""Is a field element zero, are two equal: answers as bits, without assuming a range."""

from zkp import hints
from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression


@gadget
def is_zero(builder: Builder, value: Expression, name: str) -> Bit:
    """1 if value = 0, else 0. Three constraints.

    value · inverse = 1 - answer and value · answer = 0 leave one answer. The third constraint,
    inverse · answer = 0, is there for the inverse: of zero it could be any number.
    """
    inverse = builder.computed(f"{name}.inverse", hints.ratio(1, value))
    answer = builder.computed(name, hints.is_equal(value, 0))
    message = "expected 1 for zero and 0 for any other value"
    builder.constrain(value, inverse, 1 - answer, f"{name}.nonzero", message)
    builder.constrain(value, answer, 0, f"{name}.zero", message)
    builder.constrain(inverse, answer, 0, f"{name}.inverse", "expected 0 as the inverse of zero")
    return Bit(answer.terms)


@gadget
def is_equal(builder: Builder, left: Expression, right: Expression | int, name: str) -> Bit:
    """1 if both are the same field element, else 0."""
    return is_zero(builder, left - right, name)

"""Choices: one of two by a bit, one of many by an index."""

from collections.abc import Sequence

from zkp import hints
from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, constant


@gadget
def select_element(
    builder: Builder, choice: Bit, one: Expression, zero: Expression, name: str
) -> Expression:
    """`one` if choice is 1, `zero` if it is 0: any field elements. One constraint."""
    step = builder.multiply(Expression(choice.terms), Expression((one - zero).terms), name)
    return step + zero


@gadget
def one_hot(builder: Builder, index: Expression, count: int, name: str) -> list[Bit]:
    """`count` bits of which the one at `index` is 1; unsatisfiable unless index < count.

    (index - i) · bit_i = 0 leaves only that bit to be other than 0, and their sum is 1.
    """
    bits = []
    for place in range(count):
        bit = builder.computed(f"{name}.{place}", hints.is_equal(index, place))
        builder.constrain(index - place, bit, 0, f"{name}.{place}", f"expected 0 unless {place}")
        bits.append(Bit(bit.terms))
    total: Expression = constant(0)
    for bit in bits:
        total = Expression(total.terms) + bit
    message = f"expected an index below {count}"
    builder.equal(total, 1, f"{name}.in_range", message, shown=index)
    return bits


@gadget
def choose(
    builder: Builder, index: Expression, options: Sequence[Expression], name: str
) -> Expression:
    """The option at `index`; unsatisfiable if there is none. Two constraints an option."""
    total: Expression = constant(0)
    bits = one_hot(builder, index, len(options), f"{name}.at")
    for place, (bit, option) in enumerate(zip(bits, options, strict=True)):
        picked = builder.multiply(
            Expression(bit.terms), Expression(option.terms), f"{name}.{place}"
        )
        total = Expression(total.terms) + picked
    return total

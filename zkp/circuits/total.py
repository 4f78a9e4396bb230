"""Statement `total`: the values behind published commitments add up to a published total.

Public inputs, in order: total, series, sixteen commitments (0 where there is none). No value is
shown. The series (a period, a kind of figure) is inside each commitment, so values of
another one do not count. Who verifies compares the list: a commitment named twice counts twice.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from zkp.builder import Builder, Circuit
from zkp.expressions import Expression, constant
from zkp.gadgets.poseidon import poseidon as poseidon_gadget
from zkp.gadgets.ranges import in_bits
from zkp.gadgets.zero import is_zero
from zkp.poseidon import poseidon

NAME = "total"
VALUES_MAX = 16
VALUE_BITS = 64
VALUE_TAG = int.from_bytes(b"quorate total value v1", "big")

# The commitment that stands where there is no value.
NO_VALUE = 0


class InvalidValues(ValueError):
    """Values that the statement has no place for."""


class SaltedValue(NamedTuple):
    """A whole number below 2^64, and a random salt of its own (248 bits)."""

    value: int
    salt: int


def commit_value(series: int, value: SaltedValue) -> int:
    """The commitment to a value of a series. With a fresh salt it says nothing."""
    return poseidon(VALUE_TAG, series, *value)


def public_inputs(
    series: int, values: Sequence[SaltedValue], places: int = VALUES_MAX
) -> tuple[int, ...]:
    """The public signals of an honest list: total, series, commitments.

    Raises `InvalidValues` for more values than places.
    """
    if len(values) > places:
        raise InvalidValues(
            f"{len(values)} values: expected at most {places}; prove the totals of several "
            "lists, and commit to each of those"
        )
    commitments = [commit_value(series, value) for value in values]
    padding = [NO_VALUE] * (places - len(values))
    return (sum(value.value for value in values), series, *commitments, *padding)


def inputs(publics: Sequence[int], values: Sequence[SaltedValue]) -> dict[str, int]:
    """The circuit's inputs by name; places without a value hold zeros."""
    places = len(publics) - len(("total", "series"))
    padded = [*values, *[SaltedValue(0, 0)] * (places - len(values))]
    privates = [part for value in padded for part in value]
    return dict(zip(build(places).inputs, (*publics, *privates), strict=True))


@cache
def build(places: int = VALUES_MAX) -> Circuit:
    """The circuit for lists of up to `places` values; another length is another circuit."""
    builder = Builder(f"{NAME}_{places}")
    total, series = builder.public("total"), builder.public("series")
    commitments = [builder.public(f"commitment{index}") for index in range(places)]
    opened = [
        (builder.private(f"value{index}"), builder.private(f"salt{index}"))
        for index in range(places)
    ]
    sum_: Expression = constant(0)
    for index, (commitment, (value, salt)) in enumerate(zip(commitments, opened, strict=True)):
        message = f"expected value {index} to be a whole number below 2^{VALUE_BITS}"
        sum_ = sum_ + in_bits(builder, value, VALUE_BITS, f"value{index}", message)
        is_absent = is_zero(builder, commitment, f"is_absent{index}")
        message = f"expected no value at place {index}, where there is no commitment"
        builder.constrain(is_absent, value, 0, f"value{index}_of_none", message)
        hashed = poseidon_gadget(
            builder, [constant(VALUE_TAG), series, value, salt], f"commitment{index}"
        )
        message = f"expected commitment {index} to open to a value of this series"
        builder.constrain(
            is_absent.negated(), hashed - commitment, 0, f"opened{index}", message, shown=value
        )
    builder.equal(sum_, total, "total", "expected the values to add up to the total")
    return builder.build()

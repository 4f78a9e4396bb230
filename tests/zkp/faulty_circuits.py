"""Faults of the kinds that reviews of public circuits keep finding, written anew and small.

Each has a sample of lawful inputs; in each a prover may choose what ought to follow.
"""

from collections.abc import Callable, Mapping

from zkp.builder import Builder, Circuit
from zkp.expressions import Expression, constant
from zkp.field import R
from zkp.gadgets.compare import at_most, is_less
from zkp.gadgets.poseidon import poseidon
from zkp.gadgets.ranges import decompose, from_bits, in_bits
from zkp.poseidon import poseidon as plain_poseidon


def comparison_that_nobody_reads(builder: Builder) -> None:
    """A residue is compared with its modulus, and the answer is not demanded to be yes."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    residue = in_bits(builder, builder.computed("residue", lambda v: v(x) % 11), 8, "residue")
    factor = in_bits(builder, builder.computed("factor", lambda v: v(x) // 11), 8, "factor")
    builder.equal(factor * 11 + residue, x, "sum", "expected a residue modulo 11")
    is_less(builder, residue, constant(11), "below")


def index_beyond_the_tree(builder: Builder) -> None:
    """A nullifier of an index whose low digits alone lead through the tree."""
    out, nonce = builder.output("nullifier"), builder.private("nonce")
    place = builder.private("place")
    low = decompose(builder, place, 3, "place", "expected a place in the tree")
    above = builder.computed("above", lambda v: 0)
    index = from_bits(low) + above * 8
    builder.expose(out, poseidon(builder, [nonce, index], "mark"), "expected the nullifier")


def division_by_zero(builder: Builder) -> None:
    """Division with remainder that says nothing of a divisor of zero."""
    given = [builder.private(name) for name in ("x", "divisor")]
    x, divisor = in_bits(builder, given[0], 8, "x"), in_bits(builder, given[1], 4, "divisor")
    quotient = builder.computed("quotient", lambda v: v(x) // max(v(divisor), 1))
    remainder = builder.computed("remainder", lambda v: v(x) - v(quotient) * v(divisor))
    below = in_bits(builder, quotient, 8, "quotient.range")
    rest = in_bits(builder, remainder, 8, "remainder.range")
    builder.constrain(divisor, below, x - rest, "division", "expected a division")


def slope_of_one_point(builder: Builder) -> None:
    """A line's slope through two points that may be the same one."""
    x1, y1, x2, y2 = (builder.private(name) for name in ("x1", "y1", "x2", "y2"))
    slope = builder.computed("slope", lambda v: v(y2 - y1) * pow(v(x2 - x1), R - 2, R))
    builder.constrain(x2 - x1, slope, y2 - y1, "slope", "expected the slope of the line")


def places_that_only_sum_to_one(builder: Builder) -> None:
    """One of three by bits of which exactly one is set, not necessarily the one at the index."""
    index = in_bits(builder, builder.private("index"), 2, "index")
    bits = [builder.bit(f"at{i}", lambda v, i=i: int(v(index) == i)) for i in range(4)]
    total: Expression = bits[0]
    for bit in bits[1:]:
        total = Expression(total.terms) + bit
    builder.equal(total, 1, "one", "expected one place")


def range_of_a_copy(builder: Builder) -> None:
    """The range check stands on a copy, and nothing says that the copy is one."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    half = builder.computed("half", lambda v: v(x) // 2)
    copy = builder.computed("copy", lambda v: v(half))
    in_bits(builder, copy, 7, "copy")
    odd = builder.bit("odd", lambda v: v(x) & 1)
    builder.equal(half * 2 + odd, x, "halves", "expected half and rest")


def comparison_of_other_lengths(builder: Builder) -> None:
    """A remainder of 6 bits is held below a divisor by a difference that may have 253."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    quotient = in_bits(builder, builder.computed("quotient", lambda v: v(x) // 5), 8, "quotient")
    remainder = in_bits(builder, builder.computed("remainder", lambda v: v(x) % 5), 6, "remainder")
    digits = [
        builder.bit(f"slack{i}", lambda v, i=i: v(4 - remainder) >> i & 1) for i in range(254)
    ]
    total: Expression = digits[0]
    for place, digit in enumerate(digits[1:], 1):
        total = Expression(total.terms) + digit * (1 << place)
    builder.equal(total, 4 - remainder, "below", "expected a remainder below 5")
    builder.equal(quotient * 5 + remainder, x, "division", "expected a division")


def forgotten_top_digit(builder: Builder) -> None:
    """A sum of digits that leaves the highest one out."""
    x = in_bits(builder, builder.private("x"), 4, "x")
    digits = [builder.bit(f"b{i}", lambda v, i=i: v(x) >> i & 1) for i in range(5)]
    builder.equal(from_bits(digits[:4]), x, "sum", "expected five digits")


def carry_without_a_range(builder: Builder) -> None:
    """Two limbs are added and the carry may be any field element."""
    given = [builder.private(name) for name in "ab"]
    a, b = (in_bits(builder, x, 8, name) for x, name in zip(given, "ab", strict=True))
    carry = builder.computed("carry", lambda v: v(a + b) >> 8)
    low = builder.computed("low", lambda v: v(a + b) & 255)
    builder.equal(low + carry * 256, a + b, "addition", "expected sum and carry")


def commitment_of_an_unbound_salt(builder: Builder) -> None:
    """A nullifier with a salt that no commitment holds: as many marks as one likes."""
    out, record, nonce = builder.output("mark"), builder.public("record"), builder.private("nonce")
    builder.equal(poseidon(builder, [nonce], "r"), record, "record", "expected the record")
    salt = builder.computed("salt", lambda v: 7)
    builder.expose(out, poseidon(builder, [nonce, salt], "m"), "expected the mark")


def quotient_within_the_wrong_bound(builder: Builder) -> None:
    """A quotient of 250 bits: the product with its divisor of 8 wraps around the field."""
    x = in_bits(builder, builder.private("x"), 8, "x")
    quotient = builder.computed("quotient", lambda v: v(x) // 255)
    remainder = in_bits(builder, builder.computed("rest", lambda v: v(x) % 255), 8, "rest")
    in_bits(builder, quotient, 250, "quotient")
    at_most(builder, remainder, constant(254), "below", "expected a remainder below 255")
    builder.equal(quotient * 255 + remainder, x, "division", "expected a division")


CATALOGUE: dict[str, tuple[Callable[[Builder], None], Mapping[str, int]]] = {
    "a comparison's answer that nobody demands": (comparison_that_nobody_reads, {"x": 21}),
    "an index longer than the path": (index_beyond_the_tree, {"nonce": 5, "place": 3}),
    "division by zero": (division_by_zero, {"x": 9, "divisor": 0}),
    "the slope between equal points": (slope_of_one_point, {"x1": 1, "y1": 2, "x2": 1, "y2": 2}),
    "one place, not the one at the index": (places_that_only_sum_to_one, {"index": 2}),
    "a range check on a copy": (range_of_a_copy, {"x": 9}),
    "a comparison longer than its numbers": (comparison_of_other_lengths, {"x": 23}),
    "a digit that is left out of the sum": (forgotten_top_digit, {"x": 9}),
    "a carry without a range": (carry_without_a_range, {"a": 200, "b": 100}),
    "a nullifier with a salt of one's choice": (
        commitment_of_an_unbound_salt,
        {"nonce": 7, "record": plain_poseidon(7)},
    ),
    "a quotient whose product wraps": (quotient_within_the_wrong_bound, {"x": 200}),
}


def built(write: Callable[[Builder], None]) -> Circuit:
    """The circuit of one entry."""
    builder = Builder("faulty")
    write(builder)
    return builder.build()

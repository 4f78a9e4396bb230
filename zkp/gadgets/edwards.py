"""Points of Baby Jubjub in a circuit: addition, doubling, multiples of fixed and of any points.

Only the complete Edwards law is used: there is no exceptional point for a prover to look for. It
costs more than the Montgomery form that circomlib's scalar multiplications take.
"""

from collections.abc import Sequence
from typing import NamedTuple

from zkp import babyjubjub, hints
from zkp.babyjubjub import IDENTITY, A, D, Point
from zkp.builder import Builder, gadget
from zkp.expressions import Bit, Expression, constant

WINDOW_BITS = 3

COMPLETENESS = (
    "1 + d·x1·x2·y1·y2 and 1 - d·x1·x2·y1·y2 are never zero for two points on Baby Jubjub, as a is "
    "a square and d is none (Bernstein, Birkner, Joye, Lange, Peters: Twisted Edwards Curves, "
    "2008, section 6); every point of a circuit was held to the curve's equation, is a constant on "
    "it, or is a sum of such points"
)


class EdwardsPoint(NamedTuple):
    """Two expressions that constraints hold to a point on the curve."""

    x: Expression
    y: Expression


def fixed_point(point: Point) -> EdwardsPoint:
    """A point that is written into the circuit."""
    babyjubjub.check_point(point, "fixed point")
    return EdwardsPoint(constant(point.x), constant(point.y))


@gadget
def on_curve(builder: Builder, x: Expression, y: Expression, name: str) -> EdwardsPoint:
    """Demands a·x² + y² = 1 + d·x²·y². Three constraints."""
    xx = builder.multiply(x, x, f"{name}.xx")
    yy = builder.multiply(y, y, f"{name}.yy")
    message = "expected a point on Baby Jubjub"
    builder.constrain(xx * D, yy, xx * A + yy - 1, f"{name}.on_curve", message)
    return EdwardsPoint(x, y)


@gadget
def add_points(
    builder: Builder, left: EdwardsPoint, right: EdwardsPoint, name: str
) -> EdwardsPoint:
    """The sum of any two points on the curve. Six constraints."""
    across = builder.multiply(left.x, right.y, f"{name}.xy")
    back = builder.multiply(right.x, left.y, f"{name}.yx")
    # (y1 - a·x1)·(x2 + y2) = y1·y2 - a·x1·x2 - a·x1·y2 + x2·y1
    mixed = builder.multiply(left.y - left.x * A, right.x + right.y, f"{name}.mixed")
    product = builder.multiply(across, back, f"{name}.product")
    x = _quotient(builder, across + back, 1 + product * D, f"{name}.x")
    y = _quotient(builder, mixed + across * A - back, 1 - product * D, f"{name}.y")
    return EdwardsPoint(x, y)


@gadget
def double_point(builder: Builder, point: EdwardsPoint, name: str) -> EdwardsPoint:
    """Twice a point on the curve, by its equation: 1 + d·x²·y² = a·x² + y². Five constraints."""
    xx = builder.multiply(point.x, point.x, f"{name}.xx")
    yy = builder.multiply(point.y, point.y, f"{name}.yy")
    xy = builder.multiply(point.x, point.y, f"{name}.xy")
    sum_ = xx * A + yy
    x = _quotient(builder, xy * 2, sum_, f"{name}.x")
    y = _quotient(builder, yy - xx * A, 2 - sum_, f"{name}.y")
    return EdwardsPoint(x, y)


@gadget
def fixed_multiple(builder: Builder, base: Point, digits: Sequence[Bit], name: str) -> EdwardsPoint:
    """The multiple of a fixed point by a number in binary digits, lowest first.

    Windows of three digits choose from tables; ten constraints a window.
    """
    total: EdwardsPoint | None = None
    for number, start in enumerate(range(0, len(digits), WINDOW_BITS)):
        window = digits[start : start + WINDOW_BITS]
        table = [babyjubjub.multiply(base, count) for count in range(1 << len(window))]
        base = babyjubjub.multiply(base, 1 << WINDOW_BITS)
        chosen = _looked_up(builder, table, window, f"{name}.window{number}")
        total = chosen if total is None else add_points(builder, total, chosen, f"{name}.{number}")
    assert total is not None, "expected at least one digit"
    return total


@gadget
def multiple(
    builder: Builder, point: EdwardsPoint, digits: Sequence[Bit], name: str
) -> EdwardsPoint:
    """The multiple of any point on the curve; digits lowest first. 13 constraints a digit."""
    total = fixed_point(IDENTITY)
    for number, digit in reversed(list(enumerate(digits))):
        if number != len(digits) - 1:
            total = double_point(builder, total, f"{name}.double{number}")
        # The point itself for a 1, the neutral (0, 1) for a 0.
        choice = Expression(digit.terms)
        x = builder.multiply(choice, point.x, f"{name}.x{number}")
        y = builder.multiply(choice, point.y - 1, f"{name}.y{number}") + 1
        addend = EdwardsPoint(x, y)
        is_first = number == len(digits) - 1
        total = addend if is_first else add_points(builder, total, addend, f"{name}.add{number}")
    return total


def _quotient(builder: Builder, dividend: Expression, divisor: Expression, name: str) -> Expression:
    """dividend / divisor, where the completeness of the law says that the divisor is not zero."""
    result = builder.computed(name, hints.ratio(dividend, divisor))
    builder.constrain(divisor, result, dividend, name, "expected the curve's addition law to hold")
    builder.argue_nonzero(divisor, COMPLETENESS)
    return result


def _looked_up(
    builder: Builder, table: Sequence[Point], window: Sequence[Bit], name: str
) -> EdwardsPoint:
    """The table's entry that the digits name, as a polynomial in them (its Möbius transform)."""
    monomials: list[Expression] = [constant(1)]
    for place, digit in enumerate(window):
        digit_alone = Expression(digit.terms)
        monomials += [
            builder.multiply(digit_alone, monomial, f"{name}.{place}.{index}")
            if index
            else digit_alone
            for index, monomial in enumerate(monomials)
        ]
    x, y = (_interpolated([point[axis] for point in table], monomials) for axis in (0, 1))
    return EdwardsPoint(x, y)


def _interpolated(values: list[int], monomials: Sequence[Expression]) -> Expression:
    coefficients = list(values)
    step = 1
    while step < len(coefficients):
        for index in range(len(coefficients)):
            if index & step:
                coefficients[index] -= coefficients[index ^ step]
        step *= 2
    total: Expression = constant(0)
    for coefficient, monomial in zip(coefficients, monomials, strict=True):
        total = Expression(total.terms) + Expression(monomial.terms) * coefficient
    return total

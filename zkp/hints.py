"""What a circuit's program computes a wire with, as data: a verb over two expressions.

Every backend knows the verbs. Each has a value for any two field elements, taken as the integers
from 0 to r-1, so no hint ever fails; what a wire may be is for constraints to say. A callable of an
author's own computes a wire as well, but only in Python.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from operator import mul

from zkp.expressions import Expression, constant
from zkp.field import R

# Computes a wire: is given a function that evaluates expressions over the wires before it.
Evaluate = Callable[[Expression], int]
Compute = Callable[[Evaluate], int]


class Verb(IntEnum):
    """What becomes of two elements; the functions below say what. The numbers are the crate's."""

    PRODUCT = 1
    RATIO = 2
    QUOTIENT = 3
    REMAINDER = 4
    DIGIT = 5
    EQUAL = 6
    EXCESS = 7


@dataclass(frozen=True, slots=True)
class Hint:
    """A verb and what it is about."""

    verb: Verb
    left: Expression
    right: Expression

    def __call__(self, evaluate: Evaluate) -> int:
        """The value, not reduced."""
        return COMPUTED[self.verb](evaluate(self.left), evaluate(self.right))


def product(left: Expression, right: Expression | int) -> Hint:
    """left · right, as most wires of a hash are."""
    return _hint(Verb.PRODUCT, left, right)


def ratio(left: Expression | int, right: Expression) -> Hint:
    """left / right in the field; 0 where right is 0."""
    return _hint(Verb.RATIO, left, right)


def quotient(dividend: Expression, divisor: Expression | int) -> Hint:
    """How often the divisor goes into the dividend; a divisor of 0 counts as 1."""
    return _hint(Verb.QUOTIENT, dividend, divisor)


def remainder(dividend: Expression, divisor: Expression | int) -> Hint:
    """What that leaves."""
    return _hint(Verb.REMAINDER, dividend, divisor)


def digit(value: Expression, place: int) -> Hint:
    """The binary digit of 2^place."""
    return _hint(Verb.DIGIT, value, place)


def is_equal(left: Expression, right: Expression | int) -> Hint:
    """1 if they are equal, else 0."""
    return _hint(Verb.EQUAL, left, right)


def excess(left: Expression, right: Expression) -> Hint:
    """left - right where left is the greater, else 0."""
    return _hint(Verb.EXCESS, left, right)


def _hint(verb: Verb, *sides: Expression | int) -> Hint:
    return Hint(verb, *(constant(side) if isinstance(side, int) else side for side in sides))


def _ratio(left: int, right: int) -> int:
    return left * pow(right, -1, R) if right else 0


# Of each verb the value, not reduced.
COMPUTED: Mapping[Verb, Callable[[int, int], int]] = {
    Verb.PRODUCT: mul,
    Verb.RATIO: _ratio,
    Verb.QUOTIENT: lambda left, right: left // max(right, 1),
    Verb.REMAINDER: lambda left, right: left % max(right, 1),
    Verb.DIGIT: lambda left, right: left >> right & 1,
    Verb.EQUAL: lambda left, right: int(left == right),
    Verb.EXCESS: lambda left, right: max(left - right, 0),
}

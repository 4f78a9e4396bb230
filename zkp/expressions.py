"""What a circuit computes with: linear combinations of wires, typed by what is proven of them.

An `Expression` may be any field element. A `Uint` is known, by constraints that were already laid
down, to be an integer from 0 to `maximum`; a `Bit` is 0 or 1. Gadgets that would be unsound on a
value that wraps around the field ask for these types, so the mistake shows before it is made.
"""

from collections.abc import Mapping
from typing import overload

from zkp.field import R

# The wire that carries the constant 1.
ONE = 0


class Expression:
    """A linear combination: coefficients in [1, R) by wire, wires that cancel left out."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[int, int]) -> None:
        self.terms = terms

    @property
    def constant(self) -> int | None:
        """Its value if it names no wire, else None."""
        if not self.terms:
            return 0
        return self.terms[ONE] if self.terms.keys() == {ONE} else None

    def __add__(self, other: "Expression | int") -> "Expression":
        return Expression(_combined(self.terms, _terms(other), 1))

    def __radd__(self, other: int) -> "Expression":
        return self + other

    def __sub__(self, other: "Expression | int") -> "Expression":
        return Expression(_combined(self.terms, _terms(other), R - 1))

    def __rsub__(self, other: int) -> "Expression":
        return Expression(_combined(_terms(other), self.terms, R - 1))

    def __mul__(self, factor: int) -> "Expression":
        return Expression(_combined({}, self.terms, factor % R))

    def __rmul__(self, factor: int) -> "Expression":
        return self * factor


class Uint(Expression):
    """An expression that constraints hold between 0 and `maximum`, as an integer."""

    __slots__ = ("maximum",)

    def __init__(self, terms: Mapping[int, int], maximum: int) -> None:
        assert 0 <= maximum < R, f"a bound of {maximum.bit_length()} bits could wrap the field"
        super().__init__(terms)
        self.maximum = maximum

    @overload
    def __add__(self, other: "Uint") -> "Uint": ...
    @overload
    def __add__(self, other: Expression | int) -> Expression: ...
    def __add__(self, other: Expression | int) -> Expression:
        if isinstance(other, int) and other >= 0:
            other = constant(other)
        total = super().__add__(other)
        if isinstance(other, Uint):
            return Uint(total.terms, self.maximum + other.maximum)
        return total

    def times(self, factor: int) -> "Uint":
        """A multiple by a non-negative integer, still without wrapping."""
        assert factor >= 0, "a negative multiple is no unsigned integer"
        return Uint((self * factor).terms, self.maximum * factor)


class Bit(Uint):
    """An expression that constraints hold to 0 or 1."""

    __slots__ = ()

    def __init__(self, terms: Mapping[int, int]) -> None:
        super().__init__(terms, 1)

    def negated(self) -> "Bit":
        """1 for 0 and 0 for 1."""
        return Bit((1 - self).terms)


def constant(value: int) -> Uint:
    """A number that is written into the circuit itself."""
    return Uint(_terms(value), value)


def _terms(operand: Expression | int) -> Mapping[int, int]:
    if isinstance(operand, Expression):
        return operand.terms
    return {ONE: operand % R} if operand % R else {}


def _combined(left: Mapping[int, int], right: Mapping[int, int], factor: int) -> dict[int, int]:
    terms = dict(left)
    for wire, coefficient in right.items():
        total = (terms.get(wire, 0) + factor * coefficient) % R
        if total:
            terms[wire] = total
        else:
            terms.pop(wire, None)
    return terms

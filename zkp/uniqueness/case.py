"""One case of a case analysis: bounds, equations and what is zero or not, and what follows.

Variables are integers that `zkp.uniqueness.cases` numbers; this only reasons about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zkp.expressions import ONE
from zkp.field import R
from zkp.r1cs import Terms
from zkp.uniqueness.linear import (
    Bounds,
    Equation,
    Form,
    Impossible,
    combine,
    equation,
    normalised,
    tighten,
)

ROUNDS_MAX = 20
# Equations looked at in one round.
LOOKS_MAX = 4000

# A variable is a wire in one of four roles: shared by both witnesses, in the first, in the second,
# or the difference of second and first. Wire 0, the constant, stays variable 0.
SHARED, FIRST, SECOND, DIFFERENCE = range(4)


class Side(NamedTuple):
    """A linear combination, and its normal form to look it up by."""

    terms: Terms
    form: Form


def side(terms: Terms) -> Side:
    """A linear combination made ready."""
    return Side(terms, normalised(terms))


class Product(NamedTuple):
    """a · b = c, as soon as the differences of the wires `guards` are zero."""

    a: Side
    b: Side
    c: Side
    guards: tuple[int, ...]
    rank: int


class Ground(NamedTuple):
    """The equations that hold in all cases, and by variable which of them name it."""

    equations: Sequence[Equation]
    uses: Mapping[int, Sequence[int]]


def ground(equations: Sequence[Equation]) -> Ground:
    """Equations made ready."""
    uses: dict[int, list[int]] = {}
    for index, item in enumerate(equations):
        for variable, _ in item.terms:
            uses.setdefault(variable, []).append(index)
    return Ground(equations, uses)


@dataclass
class Case:
    """What holds in one case; `stale` are equations of the ground to be looked at again."""

    ground: Ground
    stale: set[int]
    bounds: Bounds
    equations: list[Equation]
    zero: set[Form]
    nonzero: set[Form]
    done: set[tuple[int, int]]

    def split(self) -> "Case":
        """A copy to add an assumption to."""
        return Case(
            self.ground,
            set(self.stale),
            dict(self.bounds),
            list(self.equations),
            set(self.zero),
            set(self.nonzero),
            set(self.done),
        )

    def demand_zero(self, terms: Terms) -> None:
        """Adds the equation `terms` = 0. Raises `Impossible` where that is plainly false."""
        constant = terms.get(ONE, 0) % R
        if terms.keys() <= {ONE}:
            if constant:
                raise Impossible
            return
        self.zero.add(normalised(terms))
        self.equations.append(equation(terms))

    def value(self, of: Side) -> int | None:
        """The value of a linear combination where it is fixed, else None."""
        total = 0
        for variable, coefficient in of.terms.items():
            low, high = self.bounds.get(variable, (0, 1))
            if low != high:
                return 0 if of.form in self.zero else None
            total += low * coefficient
        return total % R

    def is_nonzero(self, of: Side) -> bool:
        """Whether a linear combination is known not to be zero."""
        value = self.value(of)
        return bool(value) or (value is None and of.form in self.nonzero)

    def trim(self) -> bool:
        """Moves the bounds of variables off the values that they may not have."""
        changed = False
        for form in self.nonzero:
            variables = [term for term in form if term[0] != ONE]
            if self.value(Side(dict(form), form)) == 0:
                raise Impossible
            if len(variables) != 1 or variables[0][0] not in self.bounds:
                continue
            ((variable, coefficient),) = variables
            low, high = self.bounds[variable]
            root = -dict(form).get(ONE, 0) * pow(coefficient, -1, R)
            if (low - root) % R == 0:
                self.bounds[variable], changed = (low + 1, high), True
                self._touch([variable])
            elif (high - root) % R == 0:
                self.bounds[variable], changed = (low, high - 1), True
                self._touch([variable])
        return changed

    def propagate(self, products: Sequence[Product]) -> None:
        """Draws conclusions until nothing new follows. Raises `Impossible` on a contradiction."""
        for _ in range(ROUNDS_MAX):
            changed = self._tighten_all()
            for index, product in enumerate(products):
                if all(self.bounds.get(guard) == (0, 0) for guard in product.guards):
                    changed |= self._conclude(index, product)
            changed |= self.trim()
            if not changed:
                return

    def _tighten_all(self) -> bool:
        """Looks at the case's own equations, and at those of the ground whose bounds moved."""
        moved = [variable for item in self.equations for variable in tighten(self.bounds, item)]
        self._touch(moved)
        for _ in range(LOOKS_MAX):
            if not self.stale:
                break
            moved = tighten(self.bounds, self.ground.equations[self.stale.pop()])
            self._touch(moved)
        return bool(moved)

    def _touch(self, variables: Sequence[int]) -> None:
        for variable in variables:
            self.stale.update(self.ground.uses.get(variable, ()))

    def is_undecided(self, product: Product) -> bool:
        """Whether it says that one of two factors is zero, and neither is known to be or not."""
        return (
            self.value(product.c) == 0
            and all(self.bounds.get(guard) == (0, 0) for guard in product.guards)
            and all(
                self.value(factor) is None and not self.is_nonzero(factor)
                for factor in (product.a, product.b)
            )
        )

    def _conclude(self, index: int, product: Product) -> bool:
        """What one product says now; True if something was added."""
        changed = False
        target = self.value(product.c)
        for turn, (factor, other) in enumerate(((product.a, product.b), (product.b, product.a))):
            if (index, turn) in self.done:
                continue
            value = self.value(factor)
            if value is not None:
                self.demand_zero(combine((value, other.terms), (R - 1, product.c.terms)))
            elif target == 0 and self.is_nonzero(factor):
                self.demand_zero(other.terms)
            elif target:
                self.nonzero.add(factor.form)
            else:
                continue
            self.done.add((index, turn))
            changed = True
        return changed

"""What is known of a circuit's signals: which the inputs determine, and between which bounds.

Propagation only: each rule adds a fact that follows from one constraint and the facts before it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from zkp.expressions import ONE
from zkp.field import R
from zkp.r1cs import Constraint, ConstraintSystem, Terms
from zkp.uniqueness.linear import (
    HALF,
    Equation,
    Impossible,
    Interval,
    combine,
    equation,
    is_injective,
    normalised,
    signed,
    tighten,
)

# A constraint is looked at again at most so often because bounds of its signals moved.
VISITS_MAX = 24


class Row(NamedTuple):
    """A constraint, and the linear equation it is if one of its factors is a constant."""

    sides: Constraint
    linear: Equation | None
    wires: frozenset[int]


def row(constraint: Constraint) -> Row:
    """A constraint made ready for propagation."""
    a, b, c = constraint
    wires = frozenset(wire for side in constraint for wire in side if wire != ONE)
    linear = None
    for factor, other in ((a, b), (b, a)):
        if factor.keys() <= {ONE}:
            linear = equation(combine((factor.get(ONE, 0), other), (R - 1, c)))
            break
    return Row(constraint, linear, wires)


class Facts:
    """Determined signals, bounds, and linear combinations that are never zero."""

    def __init__(
        self, system: ConstraintSystem, inputs: Iterable[int], nonzero: Iterable[Terms]
    ) -> None:
        self.rows = [row(constraint) for constraint in system.constraints]
        self.uses: list[list[int]] = [[] for _ in range(system.wires)]
        for index, item in enumerate(self.rows):
            for wire in item.wires:
                self.uses[wire].append(index)
        self.determined = {ONE, *inputs}
        self.bounds: dict[int, Interval] = {ONE: (1, 1)}
        self.nonzero = {normalised(terms) for terms in nonzero}
        self._visits = [0] * len(self.rows)
        self._waiting = deque(range(len(self.rows)))
        self._queued = [True] * len(self.rows)
        for item in self.rows:
            self._bound_roots(item)

    def undetermined(self, wires: Iterable[int]) -> list[int]:
        """Those of the wires that are not known to be determined."""
        return [wire for wire in wires if wire not in self.determined]

    def add_determined(self, wires: Iterable[int]) -> None:
        """New facts from elsewhere; `propagate` draws the conclusions."""
        for wire in wires:
            if wire not in self.determined:
                self.determined.add(wire)
                self._wake(wire)

    def propagate(self) -> None:
        """Applies all rules until nothing new follows."""
        while self._waiting:
            index = self._waiting.popleft()
            self._queued[index] = False
            self._visits[index] += 1
            item = self.rows[index]
            if item.linear is not None:
                self._tighten(item.linear, self._visits[index])
            else:
                self._bound_product(item)
            if any(wire not in self.determined for wire in item.wires):
                self._determine(item)

    def width(self, wire: int) -> int | None:
        """The greatest difference of two values of a wire, None if it may be anything."""
        interval = self.bounds.get(wire)
        return None if interval is None else interval[1] - interval[0]

    def interval(self, terms: Terms) -> Interval | None:
        """Bounds of a linear combination as an integer, None if it has none or could wrap."""
        low = high = 0
        for wire, value in terms.items():
            own = self.bounds.get(wire)
            if own is None:
                return None
            coefficient = signed(value)
            ends = (own[0] * coefficient, own[1] * coefficient)
            low, high = low + min(ends), high + max(ends)
        return (low, high) if low >= -HALF and high <= HALF else None

    def is_nonzero(self, terms: Terms) -> bool:
        """Whether a linear combination is known never to be zero."""
        if normalised(terms) in self.nonzero:
            return True
        interval = self.interval(terms)
        return interval is not None and not interval[0] <= 0 <= interval[1]

    def _wake(self, wire: int) -> None:
        for index in self.uses[wire]:
            if not self._queued[index]:
                self._queued[index] = True
                self._waiting.append(index)

    def _bound_roots(self, item: Row) -> None:
        """(x - p)(x - q) = 0 leaves x the values p and q."""
        if len(item.wires) != 1 or item.linear is not None or item.sides.c:
            return
        (wire,) = item.wires
        roots = [
            signed(-side.get(ONE, 0) * pow(side[wire], -1, R))
            for side in (item.sides.a, item.sides.b)
        ]
        self.bounds[wire] = (min(roots), max(roots))

    def _tighten(self, item: Equation, visits: int) -> None:
        try:
            changed = tighten(self.bounds, item)
        except Impossible:
            # The circuit has no witness at all; nothing that follows would mean anything.
            return
        if visits <= VISITS_MAX:
            for wire in changed:
                self._wake(wire)

    def _bound_product(self, item: Row) -> None:
        """Of a product of bounded factors the bounds are known, if it stands alone."""
        a, b, c = item.sides
        if len(c) != 1 or ONE in c:
            return
        ((wire, coefficient),) = c.items()
        if coefficient != 1 or wire in self.bounds:
            return
        left, right = self.interval(a), self.interval(b)
        if left is None or right is None:
            return
        ends = [x * y for x in left for y in right]
        if min(ends) >= -HALF and max(ends) <= HALF:
            self.bounds[wire] = (min(ends), max(ends))
            self._wake(wire)

    def _determine(self, item: Row) -> None:
        """Signals that this constraint determines, the others being determined."""
        if item.linear is not None:
            self._resolve(item.linear.terms)
            return
        a, b, c = item.sides
        if c.keys() == {ONE}:
            self.nonzero.update((normalised(a), normalised(b)))
        for factor, other in ((a, b), (b, a)):
            if self.undetermined(factor):
                continue
            if not self.undetermined(other):
                self._resolve(_signed_terms(c))
            elif not self.undetermined(c) and self.is_nonzero(factor):
                self._resolve(_signed_terms(other))
            else:
                self._resolve_quotient(factor, other, c)
            return

    def _resolve(self, terms: Sequence[tuple[int, int]]) -> None:
        """The sum of these terms is determined."""
        free = [(wire, value) for wire, value in terms if wire not in self.determined]
        if free and is_injective(free, self.width):
            self.add_determined([wire for wire, _ in free])

    def _resolve_quotient(self, factor: Terms, other: Terms, product: Terms) -> None:
        """factor · x = y where x stands in both, or y = K - remainder below the factor."""
        free_other, free_product = self.undetermined(other), self.undetermined(product)
        if free_other == free_product and len(free_other) == 1:
            wire = free_other[0]
            slope = combine((other[wire], factor), (R - product[wire], {ONE: 1}))
            if self.is_nonzero(slope):
                self.add_determined([wire])
        elif len(free_other) == len(free_product) == 1 and self._divides(
            factor, other, product, free_other[0], free_product[0]
        ):
            self.add_determined([free_other[0], free_product[0]])

    def _divides(
        self, divisor: Terms, other: Terms, product: Terms, quotient: int, remainder: int
    ) -> bool:
        """Division with remainder has one answer over the integers, if nothing wraps.

        divisor · (c·quotient) = K - c·remainder with remainder in [0, divisor): two answers differ
        by divisor · δq = -δr with |δr| < divisor, so both differences are zero.
        """
        if abs(signed(other[quotient])) != abs(signed(product[remainder])):
            return False
        size, span = self.interval(divisor), self.width(quotient)
        rest = self.bounds.get(remainder)
        if size is None or span is None or rest is None or size[0] < 0 or rest[0] < 0:
            return False
        if size[1] * span + rest[1] - rest[0] >= HALF:
            return False
        return any(
            self._is_below(self.rows[index], remainder, divisor) for index in self.uses[remainder]
        )

    def _is_below(self, item: Row, wire: int, limit: Terms) -> bool:
        """Whether an equation says limit - wire = 1 + something that is not negative."""
        if item.linear is None:
            return False
        whole = dict(item.linear.terms)
        if item.linear.constant:
            whole[ONE] = item.linear.constant
        for sign in (1, R - 1):
            slack = combine((sign, whole), (1, limit), (R - 1, {wire: 1}), (R - 1, {ONE: 1}))
            bounds = self.interval(slack)
            gap = self.interval(combine((1, limit), (R - 1, {wire: 1})))
            if bounds is not None and bounds[0] >= 0 and bounds[1] < HALF and gap is not None:
                return True
        return False


def _signed_terms(terms: Mapping[int, int]) -> list[tuple[int, int]]:
    return [(wire, signed(value)) for wire, value in terms.items() if wire != ONE]

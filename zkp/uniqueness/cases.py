"""Case analysis where propagation stops: two witnesses of the same inputs, and why they are equal.

Around one constraint A · B = 0 the undetermined signals are written twice, with their differences
as variables of their own. Either A or B is zero, in each witness; where every case that the bounds
allow makes a difference zero, that signal is determined. Bounded in size, depth and cases.
"""

from collections.abc import Iterator, Sequence

from zkp.expressions import ONE
from zkp.r1cs import Terms
from zkp.uniqueness.case import DIFFERENCE, FIRST, SECOND, SHARED, Case, Product, ground, side
from zkp.uniqueness.facts import Facts, Row
from zkp.uniqueness.linear import Bounds, Equation, Impossible, equation, normalised

NEIGHBOURS_MAX = 1200
DEPTH_MAX = 20
CASES_MAX = 60
# Cases are split over the centre itself first, then over products with one of its open wires.
SPLIT_RANK_MAX, FAR_RANK = 1, 2


def neighbourhood(facts: Facts, centre: Row) -> list[Row]:
    """Constraints within two steps over undetermined wires, nearest first."""
    seen: dict[int, None] = {}
    wires = set(facts.undetermined(centre.wires))
    reached = set(wires)
    for _ in range(2):
        near = sorted({index for wire in wires for index in facts.uses[wire]} - seen.keys())
        seen.update(dict.fromkeys(near))
        if len(seen) > NEIGHBOURS_MAX:
            break
        wires = {
            wire
            for index in near
            for wire in facts.undetermined(facts.rows[index].wires)
            if wire not in reached
        }
        reached |= wires
    return [facts.rows[index] for index in list(seen)[:NEIGHBOURS_MAX]]


def centres(facts: Facts) -> list[Row]:
    """Constraints A · B = 0 of undetermined wires that are no plain 0-or-1 constraint."""
    return [
        item
        for item in facts.rows
        if item.linear is None
        and not item.sides.c
        and len(item.wires) > 1
        and facts.undetermined(item.wires)
    ]


def determined_by_cases(facts: Facts, centre: Row) -> set[int]:
    """Wires near a constraint that are equal in any two witnesses of the same inputs."""
    rows = neighbourhood(facts, centre)
    open_wires = {wire for item in rows for wire in facts.undetermined(item.wires)}
    if not open_wires:
        return set()
    problem = _Doubled(facts, rows, open_wires, centre)
    return problem.solve()


class _Doubled:
    """The constraints around a centre, written for two witnesses of the same inputs."""

    def __init__(self, facts: Facts, rows: Sequence[Row], wires: set[int], centre: Row) -> None:
        self._open = wires
        self._target = wires & centre.wires
        self._cases = 0
        self._products: list[Product] = []
        equations = [
            Equation(
                ((4 * wire + FIRST, 1), (4 * wire + DIFFERENCE, 1), (4 * wire + SECOND, -1)), 0
            )
            for wire in wires
        ]
        for item in rows:
            if item.linear is None:
                # A bit's own constraint adds nothing to its bounds, but can be split upon.
                if len(item.wires) > 1 or item.wires <= centre.wires:
                    self._add_product(item, centre)
                continue
            whole = {**dict(item.linear.terms), ONE: item.linear.constant}
            equations += [equation(self._written(whole, role)) for role in (FIRST, SECOND)]
            equations.append(equation(self._difference(whole)))
        self._products.sort(key=lambda product: product.rank)
        bounds: Bounds = {ONE: (1, 1)}
        for wire in {wire for item in rows for wire in item.wires}:
            roles = (FIRST, SECOND) if wire in wires else (SHARED,)
            if wire in facts.bounds:
                bounds.update({4 * wire + role: facts.bounds[wire] for role in roles})
        near = {wire for item in rows for wire in item.wires} | {ONE}
        nonzero = {
            normalised(self._written(dict(form), role))
            for form in facts.nonzero
            if all(wire in near for wire, _ in form)
            for role in (FIRST, SECOND)
        }
        stale = set(range(len(equations)))
        self._start = Case(ground(equations), stale, bounds, [], set(), nonzero, set())

    def solve(self) -> set[int]:
        """Wires whose difference is zero in every case; no case is split once the centre's are."""
        equal = self._search(self._start, 0)
        return set() if self._cases > CASES_MAX else equal

    def _search(self, case: Case, depth: int) -> set[int]:
        self._cases += 1
        if self._cases > CASES_MAX:
            return set()
        try:
            case.propagate(self._products)
        except Impossible:
            return self._open
        equal = {wire for wire in self._open if case.bounds.get(4 * wire + DIFFERENCE) == (0, 0)}
        if self._target <= equal or depth == DEPTH_MAX:
            return equal
        near = (item for item in self._products if item.rank <= SPLIT_RANK_MAX)
        product = next(filter(case.is_undecided, near), None)
        if product is None:
            return equal
        equal = self._open
        for branch in _branches(case, product):
            equal = equal & self._search(branch, depth + 1)
            if not equal:
                break
        return equal

    def _add_product(self, item: Row, centre: Row) -> None:
        """A product in each witness, and its difference where one factor is the same in both."""
        rank = 0 if item is centre else 1 if item.wires & self._target else FAR_RANK
        a, b, c = item.sides
        for role in (FIRST, SECOND):
            left, right, target = (side(self._written(terms, role)) for terms in (a, b, c))
            self._products.append(Product(left, right, target, (), rank))
        for factor, other in ((a, b), (b, a)):
            guards = tuple(4 * wire + DIFFERENCE for wire in factor if wire in self._open)
            left = side(self._written(factor, FIRST))
            right, target = side(self._difference(other)), side(self._difference(c))
            self._products.append(Product(left, right, target, guards, FAR_RANK))

    def _written(self, terms: Terms, role: int) -> dict[int, int]:
        return {
            4 * wire + (role if wire in self._open else SHARED): value
            for wire, value in terms.items()
        }

    def _difference(self, terms: Terms) -> dict[int, int]:
        return {4 * wire + DIFFERENCE: v for wire, v in terms.items() if wire in self._open}


def _branches(case: Case, product: Product) -> Iterator[Case]:
    """The first factor is zero; or it is not, and the second is. Impossible ones are left out."""
    zero, other = case.split(), case.split()
    other.nonzero.add(product.a.form)
    for branch, factor in ((zero, product.a), (other, product.b)):
        try:
            branch.demand_zero(factor.terms)
        except Impossible:
            continue
        yield branch

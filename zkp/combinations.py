"""Linear combinations made ready to be evaluated for many witnesses.

The rows of a circuit share them: an S-box names its base in three constraints. Each is evaluated
once for a witness, whichever rows it stands in; a long one as a sum of earlier ones, where that is
shorter (`zkp.chains`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter, mul
from typing import NamedTuple

from zkp.chains import Chain
from zkp.field import R

Row = tuple[int, int, int]

UNKNOWN = -1
"""Stands in a slot whose value was not computed yet."""


class Sum(NamedTuple):
    """The values that `pick` takes out of the slots, each times its coefficient."""

    pick: Callable[[Sequence[int]], Sequence[int]]
    coefficients: tuple[int, ...]

    def value(self, values: Sequence[int]) -> int:
        """The sum, reduced."""
        products: Iterable[int] = map(mul, self.coefficients, self.pick(values))
        return sum(products) % R


class Combinations:
    """The sides of constraints, those that are the same object only once.

    Values stand in one list of slots: first the wires, then what is more than a wire alone.
    `slots` finds a side's by identity, so the constraints must outlive this. `uses` tells for each
    slot of a combination the slots that it is made of, all of them smaller.
    """

    def __init__(self, wires: int, constraints: Iterable[Sequence[Mapping[int, int]]]) -> None:
        self.wires = wires
        self.slots: dict[int, int] = {}
        self.uses: dict[int, tuple[int, ...]] = {}
        self.sums: dict[int, Sum] = {}
        self.rows: list[Row] = []
        # A hash's constants come again with each call: one object of them stays in the cache.
        self._coefficients: dict[tuple[int, ...], tuple[int, ...]] = {}
        chain = Chain()
        for constraint in constraints:
            for terms in constraint:
                if id(terms) not in self.slots:
                    self.slots[id(terms)] = self._slot(terms, chain)
            a, b, c = (self.slots[id(terms)] for terms in constraint)
            self.rows.append((a, b, c))

    def _slot(self, terms: Mapping[int, int], chain: Chain) -> int:
        if len(terms) == 1 and 1 in terms.values():
            return next(iter(terms))
        slot = self.wires + len(self.sums)
        terms = chain.shortened(slot, terms)
        self.uses[slot] = tuple(terms)
        coefficients = tuple(terms.values())
        coefficients = self._coefficients.setdefault(coefficients, coefficients)
        self.sums[slot] = Sum(_picking(self.uses[slot]), coefficients)
        return slot

    @property
    def products(self) -> int:
        """How many products one evaluation of all of them takes."""
        return sum(map(len, self.uses.values()))

    def unknown(self) -> list[int]:
        """What follows a witness in a list of slots."""
        return [UNKNOWN] * len(self.sums)

    def compute(self, slot: int, values: list[int]) -> int:
        """Fills in a combination's slot, and before it those that it is made of."""
        for used in self.uses[slot]:
            if used >= self.wires and values[used] == UNKNOWN:
                self.compute(used, values)
        value = values[slot] = self.sums[slot].value(values)
        return value

    def broken(self, values: list[int], rows: Iterable[int] | None = None) -> Iterable[int]:
        """The rows that a witness breaks, in order; of all, or of those named.

        `values` are slots; what is known there is believed, and what is not is filled in.
        """
        for slot, found in self.sums.items():
            if values[slot] == UNKNOWN:
                values[slot] = found.value(values)
        for index in range(len(self.rows)) if rows is None else rows:
            a, b, c = self.rows[index]
            if (values[a] * values[b] - values[c]) % R:
                yield index


def _picking(slots: tuple[int, ...]) -> Callable[[Sequence[int]], Sequence[int]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    # One place by itself would come without a sequence around it.
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0))

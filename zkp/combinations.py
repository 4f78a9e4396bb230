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


class Sum(NamedTuple):
    """The values of the slots that it `uses`, taken out by `pick`, each times its coefficient."""

    uses: tuple[int, ...]
    coefficients: tuple[int, ...]
    pick: Callable[[Sequence[int]], Sequence[int]]


def sum_of(terms: Mapping[int, int]) -> Sum:
    """A linear combination of slots."""
    uses = tuple(terms)
    return Sum(uses, tuple(terms.values()), _picking(uses))


class Combinations:
    """The sides of constraints, those that are the same object only once.

    Values stand in one list of slots: first the wires, then what is more than a wire alone.
    `slots` finds a side's by identity, so the constraints must outlive this. `sums` tells for each
    slot of a combination, in order, what it is made of: smaller slots.
    """

    def __init__(self, wires: int, constraints: Iterable[Sequence[Mapping[int, int]]]) -> None:
        self.wires = wires
        self.slots: dict[int, int] = {}
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
        found = sum_of(chain.shortened(slot, terms))
        shared = self._coefficients.setdefault(found.coefficients, found.coefficients)
        self.sums[slot] = found._replace(coefficients=shared)
        return slot

    @property
    def products(self) -> int:
        """How many products one evaluation of all of them takes."""
        return sum(len(found.uses) for found in self.sums.values())

    def values(self, witness: Sequence[int]) -> list[int]:
        """Of all slots."""
        values = list(witness)
        for _, coefficients, pick in self.sums.values():
            values.append(sum(map(mul, coefficients, pick(values))) % R)
        return values

    def broken(self, witness: Sequence[int]) -> Iterable[int]:
        """The rows that a witness breaks, in order."""
        values = self.values(witness)
        for index, (a, b, c) in enumerate(self.rows):
            if (values[a] * values[b] - values[c]) % R:
                yield index


def _picking(slots: tuple[int, ...]) -> Callable[[Sequence[int]], Sequence[int]]:
    if len(slots) > 1:
        return itemgetter(*slots)
    # One place by itself would come without a sequence around it.
    return itemgetter(slice(slots[0], slots[0] + 1) if slots else slice(0))

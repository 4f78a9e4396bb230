"""Linear combinations made ready to be evaluated for many witnesses.

The rows of a circuit share them: an S-box names its base in three constraints. Each is evaluated
once for a witness, whichever rows it stands in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter, mul

from zkp.field import R

Read = Callable[[Sequence[int]], int]
Row = tuple[int, int, int]


class Combinations:
    """The sides of constraints by place in a list, those that are the same object only once."""

    def __init__(self, constraints: Iterable[Sequence[Mapping[int, int]]]) -> None:
        places: dict[int, int] = {}
        self._reads: list[Read] = []
        self.rows: list[Row] = []
        for constraint in constraints:
            for terms in constraint:
                if id(terms) not in places:
                    places[id(terms)] = len(self._reads)
                    self._reads.append(_reader(terms))
            a, b, c = (places[id(terms)] for terms in constraint)
            self.rows.append((a, b, c))

    def values(self, witness: Sequence[int]) -> list[int]:
        """The value of each combination, in [0, r)."""
        return [read(witness) % R for read in self._reads]

    def broken(self, witness: Sequence[int]) -> Iterable[int]:
        """The rows that a witness breaks, in order."""
        values = self.values(witness)
        return (
            index
            for index, (a, b, c) in enumerate(self.rows)
            if (values[a] * values[b] - values[c]) % R
        )


def _reader(terms: Mapping[int, int]) -> Read:
    if not terms:
        return lambda _: 0
    if len(terms) == 1:
        ((wire, coefficient),) = terms.items()
        return lambda witness: coefficient * witness[wire]
    pick, coefficients = itemgetter(*terms), tuple(terms.values())
    return lambda witness: sum(map(mul, coefficients, pick(witness)))

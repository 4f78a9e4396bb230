"""Long linear combinations as sums of the ones before them and a few wires more.

The linear layers of a hash with partial rounds make each S-box's base a combination of all S-boxes
before it. Their hidden state has few dimensions, so a base is also two or three earlier bases,
each times a factor, and some three wires. Nothing is assumed of a circuit: factors are guessed
from a few coefficients, and what is then left over is computed for every wire.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zkp.expressions import ONE
from zkp.field import R

Terms = Mapping[int, int]

# Shorter combinations are neither replaced nor, below the second number, used to replace others.
LONG_TERMS_MIN = 12
USED_TERMS_MIN = 4
# Dimensions of the hidden state: a hash of two, three and four inputs.
ORDERS = (2, 3, 4)


class _Shown(NamedTuple):
    """A combination that others may be sums of."""

    slot: int
    terms: Terms


class Chain:
    """Is shown combinations in their order, and remembers the last few."""

    def __init__(self) -> None:
        self._recent: deque[_Shown] = deque(maxlen=max(ORDERS))
        self._factors: dict[int, tuple[int, ...]] = {}

    def shortened(self, slot: int, terms: Terms) -> Terms:
        """The next combination, by wires or, if that is at most half as long, by wires and the
        slots of earlier ones; slots must be no wires' numbers."""
        found = terms
        if len(terms) >= LONG_TERMS_MIN:
            # The order that served last comes first.
            for order in sorted(ORDERS, key=lambda order: order not in self._factors):
                before = list(self._recent)[-order:]
                if len(before) == order:
                    found = self._by_earlier(before, terms)
                if found is not terms:
                    break
        if len(terms) >= USED_TERMS_MIN:
            self._recent.append(_Shown(slot, terms))
        return found

    def _by_earlier(self, before: Sequence[_Shown], terms: Terms) -> Terms:
        factors = self._guessed(len(before), [shown.terms for shown in before], terms)
        if factors is None:
            return terms
        rest = dict(terms)
        for factor, shown in zip(factors, before, strict=True):
            for wire, coefficient in shown.terms.items():
                rest[wire] = rest.get(wire, 0) - factor * coefficient
        rest = {wire: left for wire, value in rest.items() if (left := value % R)}
        if len(rest) + len(before) > len(terms) // 2:
            return terms
        self._factors[len(before)] = factors
        earlier = {shown.slot: factor for factor, shown in zip(factors, before, strict=True)}
        return {**earlier, **rest}

    def _guessed(self, order: int, rows: Sequence[Terms], terms: Terms) -> tuple[int, ...] | None:
        """The factors that fit some wires which all have: neither the newest nor the oldest."""
        wires = list(rows[0])
        middle = max(0, len(wires) // 2 - order)
        near = [wire for wire in wires[middle : middle + 3 * order] if wire != ONE]
        shared = [wire for wire in near if wire in terms and all(wire in row for row in rows)]
        probes = shared[: order + 1]
        if len(probes) <= order:
            return None
        equations = [[*(row[wire] for row in rows), terms[wire]] for wire in probes]
        last = self._factors.get(order)
        if last is not None and all(_fits(last, equation) for equation in equations):
            return last
        factors = _solution(equations[:order])
        return factors if factors is not None and _fits(factors, equations[order]) else None


def _fits(factors: Sequence[int], equation: Sequence[int]) -> bool:
    *coefficients, value = equation
    return (sum(a * b for a, b in zip(factors, coefficients, strict=True)) - value) % R == 0


def _solution(equations: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """Of as many linear equations as unknowns, each with its right side last; None if singular."""
    rows = list(equations)
    for column in range(len(rows)):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        inverse = pow(rows[column][column], -1, R)
        rows[column] = [value * inverse % R for value in rows[column]]
        for index, row in enumerate(rows):
            if index != column and row[column]:
                pairs = zip(row, rows[column], strict=True)
                rows[index] = [(value - row[column] * unit) % R for value, unit in pairs]
    return tuple(row[-1] for row in rows)

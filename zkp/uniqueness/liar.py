"""A dishonest prover that needs one constraint to be missing: it breaks that one and no other.

Such an assignment is a forgery without the constraint: where an honest witness of the same inputs
exists there are two, and where none does the statement is false. One signal is lied about, the
program computes what follows, and where a constraint breaks another signal is solved for. Nothing
found proves nothing.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from zkp.circuit import Circuit
from zkp.expressions import ONE, Expression
from zkp.field import R
from zkp.r1cs import Constraint, Terms, dot

# Of one first lie: repairs on top of each other, signals tried for each, programs followed in the
# brief search as in the long one.
DEPTH_MAX = 6
CANDIDATES_MAX = 6
FOLLOWED_MAX = 24
# First lies about the signals of one constraint.
LIES_MAX = 24
# Digits that may make up for the one whose constraint is missing.
PARTNERS_MAX = 6


class Start(NamedTuple):
    """What the program computes from some inputs, and the constraints that this breaks."""

    values: Sequence[int]
    broken: frozenset[int]


class Liar:
    """Looks for assignments that break exactly one constraint of a circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._rows = circuit.system.constraints
        self._wires = [
            sorted({wire for side in row for wire in side if wire != ONE}) for row in self._rows
        ]
        self._rows_of: list[list[int]] = [[] for _ in range(circuit.system.wires)]
        for index, wires in enumerate(self._wires):
            for wire in wires:
                self._rows_of[wire].append(index)
        self._readers = _readers(circuit)
        self._digits = {
            wires[0]: index
            for index, (row, wires) in enumerate(zip(self._rows, self._wires, strict=True))
            if len(wires) == 1 and not row.c and row.a and row.b
        }
        self._left = 0

    def start(self, inputs: Mapping[str, int]) -> Start:
        """What an honest prover computes from inputs that may be unlawful."""
        values = self._circuit.solve(inputs)
        return Start(values, frozenset(self._circuit.system.unsatisfied(values)))

    def forge(self, index: int, starts: Sequence[Start]) -> tuple[int, ...] | None:
        """An assignment that breaks constraint `index` alone, if one is found."""
        for start in starts:
            tries = iter([{}]) if self._is_near(index, start) else self._lies(start, index)
            for lies in itertools.islice(tries, LIES_MAX):
                values = self._repair(start, index, lies)
                if values is not None and self._breaks_only(values, index):
                    return tuple(values)
        return None

    def _repair(self, start: Start, index: int, lies: Mapping[int, int]) -> list[int] | None:
        """With one further lie if that will do, else with more: a wrong one leads far astray."""
        for depth in (1, DEPTH_MAX):
            self._left = FOLLOWED_MAX
            values = self._repaired(start, index, lies, depth)
            if values is not None:
                return values
        return None

    def _is_near(self, index: int, start: Start) -> bool:
        """Whether the inputs break the constraint, or one that its signals could be repaired in."""
        own = self._wires[index]
        return index in start.broken or any(
            not start.broken.isdisjoint(self._rows_of[wire]) for wire in own
        )

    def _breaks_only(self, values: Sequence[int], index: int) -> bool:
        return list(self._circuit.system.unsatisfied(values)) == [index]

    def _lies(self, start: Start, index: int) -> Iterator[dict[int, int]]:
        """First lies: about a digit and another that makes up for it, then about any one signal."""
        if start.broken:
            return
        for wire in self._wires[index]:
            if self._digits.get(wire) == index:
                yield from self._exchanged(start.values, wire)
        for wire in self._suspects(index):
            now = start.values[wire]
            guesses = (now + 1, now - 1, 1 - now, 0, 1, -now, now * 7 + 3)
            for value in dict.fromkeys(guess % R for guess in guesses):
                if value != now and self._is_allowed(wire, value, index):
                    yield {wire: value}

    def _suspects(self, index: int) -> list[int]:
        """A constraint's signals: the one computed last, inputs and outputs, the others."""
        system = self._circuit.system
        inner = 1 + system.publics + system.private_inputs
        wires = self._wires[index]
        computed = [wire for wire in reversed(wires) if wire >= inner]
        return [*computed[:1], *[wire for wire in wires if wire < inner], *computed[1:]]

    def _exchanged(self, values: Sequence[int], digit: int) -> Iterator[dict[int, int]]:
        """Another digit of the same number is turned over, and this one makes up for it."""
        for index in self._rows_of[digit]:
            partners = [wire for wire in self._wires[index] if wire in self._digits]
            # A digit that stands in nothing else changes nothing else.
            partners.sort(key=lambda wire: len(self._rows_of[wire]))
            for partner in [wire for wire in partners if wire != digit][:PARTNERS_MAX]:
                turned = list(values)
                turned[partner] = (1 - values[partner]) % R
                solved = _solved(self._rows[index], digit, turned, _reading(turned))
                if solved is not None:
                    yield {partner: turned[partner], digit: solved}

    def _is_allowed(self, wire: int, value: int, index: int) -> bool:
        """A digit stays one, unless it is its own constraint that is missing."""
        return value in (0, 1) or self._digits.get(wire, index) == index

    def _repaired(
        self, start: Start, index: int, lies: Mapping[int, int], depth: int
    ) -> list[int] | None:
        """The assignment with these lies and further ones that breaks nothing but `index`."""
        if self._left == 0:
            return None
        self._left -= 1
        values, read = self._followed(start.values, lies)
        broken = self._first_broken(start, values, read, index)
        if broken is None:
            return values if _is_broken(self._rows[index], read) else None
        if depth == 0:
            return None
        for wire in self._candidates(broken, lies, index):
            value = _solved(self._rows[broken], wire, values, read)
            if value is None or not self._is_allowed(wire, value, index):
                continue
            found = self._repaired(start, index, {**lies, wire: value}, depth - 1)
            if found is not None:
                return found
        return None

    def _candidates(self, row: int, lies: Mapping[int, int], index: int) -> list[int]:
        """Signals to be lied about next: those of the missing constraint, then inputs first."""
        own = set(self._wires[index])
        wires = [wire for wire in self._wires[row] if wire not in lies]
        wires.sort(key=lambda wire: (wire not in own, wire))
        return wires[:CANDIDATES_MAX]

    def _first_broken(
        self, start: Start, values: Sequence[int], read: Callable[[Terms], int], index: int
    ) -> int | None:
        touched = set(start.broken)
        for wire, (before, now) in enumerate(zip(start.values, values, strict=True)):
            if before != now:
                touched.update(self._rows_of[wire])
        touched.discard(index)
        return next((row for row in sorted(touched) if _is_broken(self._rows[row], read)), None)

    def _followed(
        self, start: Sequence[int], lies: Mapping[int, int]
    ) -> tuple[list[int], Callable[[Terms], int]]:
        """All signals as the program computes them but for the lies, and combinations of them."""
        values = list(start)
        for wire, value in lies.items():
            values[wire] = value
        read = _reading(values)

        def evaluate(expression: Expression) -> int:
            return read(expression.terms)

        waiting = sorted({place for wire in lies for place in self._readers[wire]})
        queued = set(waiting)
        while waiting:
            wire, compute = self._circuit.program[heapq.heappop(waiting)]
            if wire in lies:
                continue
            value = compute(evaluate) % R
            if value == values[wire]:
                continue
            values[wire] = value
            for reader in self._readers[wire]:
                if reader not in queued:
                    queued.add(reader)
                    heapq.heappush(waiting, reader)
        return values, read


def _reading(witness: Sequence[int]) -> Callable[[Terms], int]:
    """Values of linear combinations, each computed when it is first asked for.

    A number's digits all read the same combination, so it is known by its identity. Wires that it
    names must not change afterwards.
    """
    known: dict[int, tuple[Terms, int]] = {}

    def read(terms: Terms) -> int:
        seen = known.get(id(terms))
        if seen is None:
            seen = known[id(terms)] = (terms, dot(terms, witness) % R)
        return seen[1]

    return read


def _readers(circuit: Circuit) -> list[list[int]]:
    """By wire, the places in the program whose computation reads it."""
    readers: list[list[int]] = [[] for _ in range(circuit.system.wires)]
    seen: set[int] = set()

    def record(expression: Expression) -> int:
        seen.update(expression.terms)
        return 1

    for place, (_, compute) in enumerate(circuit.program):
        seen.clear()
        compute(record)
        for wire in seen - {ONE}:
            readers[wire].append(place)
    return readers


def _is_broken(row: Constraint, read: Callable[[Terms], int]) -> bool:
    return (read(row.a) * read(row.b) - read(row.c)) % R != 0


def _solved(
    row: Constraint, wire: int, values: Sequence[int], read: Callable[[Terms], int]
) -> int | None:
    """The value of a wire that satisfies a constraint; None where it does not stand linearly."""
    (a, b, c), now = (side.get(wire, 0) for side in row), values[wire]
    slope = (a * (read(row.b) - b * now) + b * (read(row.a) - a * now) - c) % R
    if a * b % R or not slope:
        return None
    rest = (read(row.a) - a * now) * (read(row.b) - b * now) - (read(row.c) - c * now)
    return -rest * pow(slope, -1, R) % R

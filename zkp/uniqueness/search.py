"""Looks for a second witness: one undetermined signal is changed, and the others are made to fit.

Backtracking over constraints that have one free signal left (solved for it), over digits of bounded
signals (including those of x + r), and then over guesses. What it finds is checked against the
whole system; that it finds nothing proves nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from zkp.expressions import ONE
from zkp.field import R
from zkp.r1cs import Terms
from zkp.uniqueness.facts import Facts, Row
from zkp.uniqueness.linear import signed
from zkp.uniqueness.roots import square_root

# Of one attempt, and of all attempts together: a step looks at each constraint that changed.
STEPS_MAX = 200
STEPS_IN_ALL_MAX = 600
DEPTH_MAX = 100
TARGETS_MAX = 24
# A sum of digits may stand for its value plus this many multiples of r.
WRAPS_MAX = 3


class _OutOfSteps(Exception):
    """The search is given up."""


def second_witness(
    facts: Facts, witness: Sequence[int], targets: Iterable[int]
) -> tuple[int, ...] | None:
    """Another witness with the same determined signals that differs in one of `targets`."""
    steps = 0
    # A signal that nothing bounds is the likeliest to be free.
    for wire in sorted(targets, key=facts.bounds.__contains__)[:TARGETS_MAX]:
        search = _Search(facts, witness, wire)
        for value in _guesses(facts, wire, witness[wire]):
            found = search.attempt(value)
            steps += search.steps
            if found is not None or steps > STEPS_IN_ALL_MAX:
                return found
    return None


def _guesses(facts: Facts, wire: int, present: int) -> Iterator[int]:
    """Values worth trying for a wire, other than its present one."""
    near = (0, 1, present + 1, present - 1, present + 2, present - 2, -present, 2, present * 7 + 3)
    interval = facts.bounds.get(wire)
    seen = {present % R}
    for value in near:
        reduced = value % R
        inside = interval is None or interval[0] <= signed(reduced) <= interval[1]
        if reduced not in seen and inside:
            seen.add(reduced)
            yield reduced


class _Search:
    """One target wire in one component of undetermined wires; all else keeps its value."""

    def __init__(self, facts: Facts, witness: Sequence[int], target: int) -> None:
        self._facts, self._witness, self._target = facts, witness, target
        self._free = _component(facts, target)
        self.steps = 0
        self._values: dict[int, int] = {}

    def attempt(self, value: int) -> tuple[int, ...] | None:
        """The witness in which the target has this value, if one is found."""
        self._values, self.steps = {}, 0
        try:
            found = self._assign({self._target: value}, 0)
        except _OutOfSteps:
            return None
        if not found:
            return None
        second = list(self._witness)
        for wire, own in self._values.items():
            second[wire] = own
        return tuple(second)

    def _assign(self, chosen: dict[int, int], depth: int) -> bool:
        """Takes values on, follows their consequences, and searches on; undoes all if it fails."""
        self.steps += 1
        if self.steps > STEPS_MAX or depth > DEPTH_MAX:
            raise _OutOfSteps
        taken: list[int] = []
        if self._follow(chosen, taken) and self._branch(depth):
            return True
        for wire in taken:
            del self._values[wire]
        return False

    def _follow(self, chosen: dict[int, int], taken: list[int]) -> bool:
        """Assigns what is forced. False if a constraint cannot hold any more."""
        pending = list(chosen.items())
        while pending:
            wire, value = pending.pop()
            if wire in self._values:
                if self._values[wire] != value:
                    return False
                continue
            self._values[wire] = value
            taken.append(wire)
            for index in self._facts.uses[wire]:
                options = self._options(self._facts.rows[index])
                if options is None:
                    continue
                if not options:
                    return False
                if len(options) == 1:
                    pending += options[0].items()
        return True

    def _branch(self, depth: int) -> bool:
        """Tries the ways on where a constraint near what changed leaves more than one."""
        best: list[dict[int, int]] | None = None
        for wire in self._values:
            for index in self._facts.uses[wire]:
                options = self._options(self._facts.rows[index])
                if options is None or len(options) < 2:
                    continue
                if best is None or len(options) < len(best):
                    best = options
        if best is None:
            best = self._guess()
        if best is None:
            return True
        return any(self._assign(option, depth + 1) for option in best)

    def _options(self, item: Row) -> list[dict[int, int]] | None:
        """The assignments that satisfy a constraint; None if they are too many to say."""
        free = [w for w in item.wires if w in self._free and w not in self._values]
        if not free:
            a, b, c = (self._value(side) for side in item.sides)
            return [{}] if (a * b - c) % R == 0 else []
        if len(free) == 1:
            return self._solve(item, free[0])
        if item.linear is not None:
            return self._digits(dict(item.linear.terms), item.linear.constant, free)
        return None

    def _value(self, terms: Terms) -> int:
        return sum(value * self._now(wire) for wire, value in terms.items())

    def _now(self, wire: int) -> int:
        return self._values.get(wire, self._witness[wire])

    def _solve(self, item: Row, wire: int) -> list[dict[int, int]] | None:
        """All values of one wire that satisfy a constraint: none, one, two, or any (None)."""
        a, b, c = (
            (side.get(wire, 0), self._value({w: v for w, v in side.items() if w != wire}))
            for side in item.sides
        )
        square = a[0] * b[0] % R
        slope = (a[0] * b[1] + a[1] * b[0] - c[0]) % R
        rest = (a[1] * b[1] - c[1]) % R
        if square == 0:
            if slope == 0:
                return None if rest == 0 else []
            return self._allowed(wire, [-rest * pow(slope, -1, R) % R])
        root = square_root((slope * slope - 4 * square * rest) % R)
        if root is None:
            return []
        half = pow(2 * square, -1, R)
        return self._allowed(wire, sorted({(sign - slope) * half % R for sign in (root, -root)}))

    def _allowed(self, wire: int, values: list[int]) -> list[dict[int, int]]:
        interval = self._facts.bounds.get(wire)
        return [
            {wire: value}
            for value in values
            if interval is None or interval[0] <= signed(value) <= interval[1]
        ]

    def _digits(
        self, terms: dict[int, int], constant: int, free: list[int]
    ) -> list[dict[int, int]] | None:
        """The values of bounded wires whose weights are like those of digits."""
        known = {wire: value for wire, value in terms.items() if wire not in free}
        rest = constant + self._value(known)
        unknown = {wire: terms[wire] for wire in free}
        # A weight above r/2 reads as a negative one, and so does that of a negated equation.
        for sign in (1, -1):
            positive = {wire: sign * value % R for wire, value in unknown.items()}
            for weights, target in ((unknown, -rest), (positive, -sign * rest)):
                found = self._written_in(weights, target)
                if found is not None:
                    return found
        return None

    def _written_in(self, weights: dict[int, int], target: int) -> list[dict[int, int]] | None:
        """All ways to write `target` modulo r; None if the weights are not like those of digits."""
        reach, offset = 0, 0
        ascending = sorted((abs(value), wire) for wire, value in weights.items())
        for weight, wire in ascending:
            interval = self._facts.bounds.get(wire)
            if interval is None or weight <= reach:
                return None
            ends = (interval[0] * weights[wire], interval[1] * weights[wire])
            offset, reach = offset + min(ends), reach + max(ends) - min(ends)
        goal = (target - offset) % R
        goals = [goal + wraps * R for wraps in range(WRAPS_MAX) if goal + wraps * R <= reach]
        options = (self._written(goal, ascending, weights) for goal in goals)
        return [option for option in options if option is not None]

    def _written(
        self, goal: int, ascending: list[tuple[int, int]], weights: dict[int, int]
    ) -> dict[int, int] | None:
        """`goal` as digits over the lowest value of each wire's term; None if there is no way."""
        option = {}
        for weight, wire in reversed(ascending):
            low, high = self._facts.bounds[wire]
            digit = min(goal // weight, high - low)
            goal -= digit * weight
            option[wire] = (low + digit if weights[wire] > 0 else high - digit) % R
        return option if goal == 0 else None

    def _guess(self) -> list[dict[int, int]] | None:
        """Ways on where no constraint forces anything: keep a value, or change it."""
        for wire in self._values:
            for index in self._facts.uses[wire]:
                item = self._facts.rows[index]
                free = [w for w in item.wires if w in self._free and w not in self._values]
                if free and self._is_broken(item):
                    other = min(free)
                    values = [self._witness[other]]
                    values += _guesses(self._facts, other, self._witness[other])
                    return [{other: value} for value in values]
        return None

    def _is_broken(self, item: Row) -> bool:
        a, b, c = (self._value(side) for side in item.sides)
        return (a * b - c) % R != 0


def _component(facts: Facts, start: int) -> set[int]:
    """Undetermined wires that hang together with `start` over constraints."""
    component, waiting = {start}, [start]
    while waiting:
        wire = waiting.pop()
        for index in facts.uses[wire]:
            for other in facts.rows[index].wires:
                if other != ONE and other not in facts.determined and other not in component:
                    component.add(other)
                    waiting.append(other)
    return component

"""How a circuit's program fills in a witness, and what is left to be checked then.

A constraint's sides are mostly what the program computed with. Their values are kept for the check
if every wire that they name had its last value then. A constraint that says no more than how the
program made a wire, as this product, holds by that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from zkp.combinations import UNKNOWN, Combinations
from zkp.expressions import Expression
from zkp.field import R
from zkp.r1cs import ConstraintSystem, Terms, dot
from zkp.steps import Compute, Evaluate, Rounds, Step, grouped, joined

Program = Sequence[tuple[int, Compute]]


@dataclass(frozen=True, slots=True)
class Product:
    """Computes a wire as a product, as most wires of a hash are."""

    left: Expression
    right: Expression

    def __call__(self, evaluate: Evaluate) -> int:
        """The product, not reduced."""
        return evaluate(self.left) * evaluate(self.right)


class Filling:
    """A program made ready to be run for many inputs.

    `open_rows` are the constraints that do not hold by how the program makes its wires.
    """

    def __init__(self, system: ConstraintSystem, program: Program) -> None:
        self._program = program
        self._combinations = system.combinations
        self._ready = self._when_ready()
        self._steps: list[Step] = []
        self._planned: set[int] = set()
        made: set[tuple[int, int, int]] = set()
        for done, (wire, compute) in enumerate(program):
            factors = self._factors(compute, done)
            if factors is None:
                self._steps.append(Step(wire, compute=compute, left=done))
                continue
            for slot in factors:
                self._plan(slot)
            self._steps.append(Step(wire, left=factors[0], right=factors[1]))
            power = joined(self._steps[-4:])
            if power is not None:
                self._steps[-4:] = [power]
            made.add((*factors, wire))
        self._parts = grouped(self._steps, self._combinations.uses)
        rows = enumerate(self._combinations.rows)
        self.open_rows = [index for index, row in rows if row not in made]

    def _when_ready(self) -> list[int]:
        """By slot, how many wires the program must have computed for it to have its value."""
        combinations = self._combinations
        ready = [0] * combinations.wires
        for number, (wire, _) in enumerate(self._program, 1):
            ready[wire] = number
        for uses in combinations.uses.values():
            ready.append(max(map(ready.__getitem__, uses), default=0))
        return ready

    def _factors(self, compute: Compute, done: int) -> tuple[int, int] | None:
        """The slots that a wire is the product of, if both have their values by then."""
        if not isinstance(compute, Product):
            return None
        sides = (compute.left, compute.right)
        left, right = (self._combinations.slots.get(id(side.terms)) for side in sides)
        if left is None or right is None or max(self._ready[left], self._ready[right]) > done:
            return None
        return left, right

    def _plan(self, slot: int) -> None:
        """A step for a combination, after those for the ones that it is made of."""
        if slot < self._combinations.wires or slot in self._planned:
            return
        for used in self._combinations.uses[slot]:
            self._plan(used)
        self._planned.add(slot)
        self._steps.append(Step(slot, *self._combinations.sums[slot]))

    def fill(self, values: list[int]) -> None:
        """Computes all wires from the inputs. `values` are slots (see `Combinations`): in are
        constant and inputs, zero for the other wires, and out what came to be known.
        """
        evaluate = _Evaluating(self._combinations, self._ready, values)
        for part in self._parts:
            if isinstance(part, Rounds):
                part.fill(values)
            else:
                _fill(part, values, evaluate)

    def fill_with_lies(self, values: list[int], lies: Mapping[int, int]) -> None:
        """The same, where wires are given other values than the program would compute."""
        evaluate = _Evaluating(self._combinations, self._ready, values)
        for evaluate.done, (wire, compute) in enumerate(self._program):
            values[wire] = (lies[wire] if wire in lies else compute(evaluate)) % R


def _fill(steps: Sequence[Step], values: list[int], evaluate: "_Evaluating") -> None:
    for slot, pick, coefficients, compute, left, right in steps:
        if pick is not None:
            value = values[slot] = sum(map(mul, coefficients, pick(values))) % R
            if left:
                square = values[left] = value * value % R
                fourth = values[left + 1] = square * square % R
                values[left + 2] = fourth * value % R
        elif compute is None:
            values[slot] = values[left] * values[right] % R
        else:
            evaluate.done = left
            values[slot] = compute(evaluate) % R


class _Evaluating:
    """Evaluates expressions while `done` wires are computed; keeps what will not change."""

    def __init__(self, combinations: Combinations, ready: Sequence[int], values: list[int]) -> None:
        self.done = 0
        self._combinations, self._ready, self._values = combinations, ready, values
        self._read = reading(values)

    def __call__(self, expression: Expression) -> int:
        terms = expression.terms
        slot = self._combinations.slots.get(id(terms))
        if slot is None:
            return self._read(terms)
        value = self._values[slot]
        if value != UNKNOWN:
            return value
        if self._ready[slot] > self.done:
            return dot(terms, self._values) % R
        return self._combinations.compute(slot, self._values)


def reading(witness: Sequence[int]) -> Callable[[Terms], int]:
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

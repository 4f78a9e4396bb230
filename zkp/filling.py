"""How a circuit's program fills in a witness, and what is left to be checked then.

A constraint's sides are mostly what the program computed with, so they are computed once, as soon
as all wires that they name have their values. A constraint that says no more than how the program
made a wire, as this product, holds by that. A plan is data that a backend follows; here in Python.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import mul
from typing import NamedTuple

from zkp.combinations import Row, Sum, sum_of
from zkp.expressions import ONE, Expression
from zkp.field import R
from zkp.hints import COMPUTED, Compute, Hint, Verb
from zkp.r1cs import ConstraintSystem, Terms, dot

Program = Sequence[tuple[int, Compute]]

_PRODUCT = Verb.PRODUCT


class Step(NamedTuple):
    """Fills in a slot: with a sum, with a verb over two slots, or with what an author's own
    callable computes."""

    slot: int
    by: Sum | Verb | Compute
    left: int = 0
    right: int = 0


class Plan:
    """A program made ready to be run for many inputs.

    Values stand in slots: the wires (`first_input` is the first of `inputs`), then combinations of
    them. `steps` fill in what is neither the constant nor an input; `open_rows` are the numbers and
    slots of constraints that do not hold by that. `is_data` tells that no step is a callable.
    """

    def __init__(self, system: ConstraintSystem, program: Program) -> None:
        self._combinations = system.combinations
        self.wires = system.wires
        self.first_input = 1 + system.public_outputs
        self.inputs = system.public_inputs + system.private_inputs
        self.steps: list[Step] = []
        self.is_data = all(isinstance(compute, Hint) for _, compute in program)
        self._ready = self._when_ready(program)
        # Expressions that hints alone name, by the identity of their terms, and constants.
        self._named: dict[int, int] = {}
        self._constants: dict[int, int] = {}
        made: set[Row] = set()
        sums = self._sums_by_time(len(program))
        for done, (wire, compute) in enumerate(program):
            self.steps += sums[done]
            if not isinstance(compute, Hint):
                self.steps.append(Step(wire, compute))
                continue
            left, right = (self._slot(side.terms, done) for side in (compute.left, compute.right))
            self.steps.append(Step(wire, compute.verb, left, right))
            # Nothing that it is made of, nor the wire itself, is computed again.
            is_final = max(self._ready[left], self._ready[right]) < self._ready[wire] == done + 1
            if compute.verb is _PRODUCT and is_final:
                made.add((left, right, wire))
        self.steps += sums[-1]
        rows = enumerate(self._combinations.rows)
        self.open_rows = [(index, row) for index, row in rows if row not in made]

    @property
    def slots(self) -> int:
        """How many there are."""
        return len(self._ready)

    def _when_ready(self, program: Program) -> list[int]:
        """By slot, how many wires the program must have computed for it to have its value."""
        ready = [0] * self.wires
        for number, (wire, _) in enumerate(program, 1):
            ready[wire] = number
        for found in self._combinations.sums.values():
            ready.append(max(map(ready.__getitem__, found.uses), default=0))
        return ready

    def _sums_by_time(self, end: int) -> list[list[Step]]:
        """Steps for combinations, by how many wires are computed when they can be taken."""
        times: list[list[Step]] = [[] for _ in range(end + 1)]
        for slot, found in self._combinations.sums.items():
            times[self._ready[slot]].append(Step(slot, found))
        return times

    def _slot(self, terms: Terms, done: int) -> int:
        """Where a hint finds an expression's value, once so many wires are computed."""
        slot = self._combinations.slots.get(id(terms), self._named.get(id(terms)))
        if slot is None and len(terms) == 1 and 1 in terms.values():
            slot = next(iter(terms))
        if slot is not None and (slot < self.wires or self._ready[slot] <= done):
            return slot
        if terms.keys() <= {ONE}:
            value = terms.get(ONE, 0)
            if value not in self._constants:
                self._constants[value] = self._added(terms, done)
            return self._constants[value]
        # What is read before it was computed is zero.
        known = {wire: factor for wire, factor in terms.items() if self._ready[wire] <= done}
        slot = self._added(known, done)
        if len(known) == len(terms):
            self._named[id(terms)] = slot
        return slot

    def _added(self, terms: Terms, done: int) -> int:
        slot = self.slots
        self._ready.append(done)
        self.steps.append(Step(slot, sum_of(terms)))
        return slot


def fill(plan: Plan, inputs: Sequence[int]) -> tuple[Sequence[int], int | None]:
    """All wires from the inputs, and the number of the first constraint that does not hold."""
    values = _given(plan, inputs)
    _follow(plan.steps, values)
    broken = (
        index for index, (a, b, c) in plan.open_rows if (values[a] * values[b] - values[c]) % R
    )
    return tuple(values[: plan.wires]), next(broken, None)


def fill_with_lies(plan: Plan, inputs: Sequence[int], lies: Mapping[int, int]) -> tuple[int, ...]:
    """All wires, where computed ones are given other values than the program would compute."""
    values = _given(plan, inputs)
    start = 0
    for place, step in enumerate(plan.steps):
        if step.slot in lies:
            _follow(plan.steps[start:place], values)
            values[step.slot] = lies[step.slot] % R
            start = place + 1
    _follow(plan.steps[start:], values)
    return tuple(values[: plan.wires])


def _given(plan: Plan, inputs: Sequence[int]) -> list[int]:
    assert len(inputs) == plan.inputs, f"{len(inputs)} values for {plan.inputs} inputs"
    values = [0] * plan.slots
    values[ONE] = 1
    values[plan.first_input : plan.first_input + plan.inputs] = inputs
    return values


def _follow(steps: Iterable[Step], values: list[int]) -> None:
    def evaluate(expression: Expression) -> int:
        return dot(expression.terms, values) % R

    for slot, by, left, right in steps:
        if by is _PRODUCT:
            values[slot] = values[left] * values[right] % R
        elif isinstance(by, Sum):
            values[slot] = sum(map(mul, by.coefficients, by.pick(values))) % R
        elif isinstance(by, Verb):
            values[slot] = COMPUTED[by](values[left], values[right]) % R
        else:
            values[slot] = by(evaluate) % R

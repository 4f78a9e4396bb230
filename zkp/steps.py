"""The steps that fill in a witness, and a loop of their own for the partial rounds of a hash.

In such rounds each S-box's base is a sum of the two bases and the three fifth powers before it,
with the same factors in every round but for a constant (see `zkp.chains`): what a round needs is at
hand from the ones before, and nothing has to be looked up.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from zkp.expressions import ONE, Expression
from zkp.field import R

# Computes a wire: is given a function that evaluates expressions over the wires before it.
Evaluate = Callable[[Expression], int]
Compute = Callable[[Evaluate], int]

# Fewer rounds gain nothing by a loop of their own.
ROUNDS_MIN = 8


class Step(NamedTuple):
    """Fills in a slot: with a combination (see `zkp.combinations.Sum`), with what the program
    computes when `left` wires are done, or with the product of two slots.

    Where `left` stands beside `pick` it is a wire: the combination's square; the next two are its
    fourth and fifth power, a hash's S-box in one step.
    """

    slot: int
    pick: Callable[[Sequence[int]], Sequence[int]] | None = None
    coefficients: tuple[int, ...] = ()
    compute: Compute | None = None
    left: int = 0
    right: int = 0

    @property
    def is_product(self) -> bool:
        """Whether it multiplies two slots."""
        return self.pick is None and self.compute is None

    @property
    def fifth(self) -> int:
        """The wire of the fifth power; 0 if the step is no S-box."""
        return self.left + 2 if self.pick is not None and self.left else 0


class Rounds(NamedTuple):
    """S-boxes in a row. `before` are the slots of the last base and the one before it, and of the
    last three fifth powers; `each` has a round's base, the wire of its square, and the constant.
    """

    before: tuple[int, ...]
    factors: tuple[int, ...]
    each: Sequence[tuple[int, int, int]]

    def fill(self, values: list[int]) -> None:
        """All of them, one after the other."""
        base1, base2, fifth1, fifth2, fifth3 = (values[slot] for slot in self.before)
        a, b, c, d, e = self.factors
        for slot, wire, constant in self.each:
            base = a * base1 + b * base2 + c * fifth1 + d * fifth2 + e * fifth3 + constant
            values[slot] = base = base % R
            values[wire] = square = base * base % R
            values[wire + 1] = fourth = square * square % R
            base2, base1, fifth3, fifth2 = base1, base, fifth2, fifth1
            values[wire + 2] = fifth1 = fourth * base % R


def joined(steps: Sequence[Step]) -> Step | None:
    """Four steps as one, if they are a combination and its powers."""
    if len(steps) < 4 or steps[0].pick is None or not all(step.is_product for step in steps[1:]):
        return None
    base, wire = steps[0].slot, steps[1].slot
    square, fourth, fifth = ((base, base), (wire, wire), (wire + 1, base))
    expected = [(wire, *square), (wire + 1, *fourth), (wire + 2, *fifth)]
    if [(step.slot, step.left, step.right) for step in steps[1:]] != expected:
        return None
    return steps[0]._replace(left=wire)


def grouped(
    steps: Sequence[Step], uses: Mapping[int, tuple[int, ...]]
) -> list[list[Step] | Rounds]:
    """The same steps in their order, partial rounds put together."""
    parts: list[list[Step] | Rounds] = []
    plain: list[Step] = []
    place = 0
    while place < len(steps):
        rounds = _rounds_from(steps, place, uses)
        if rounds is None:
            plain.append(steps[place])
            place += 1
            continue
        parts += [plain, rounds]
        plain = []
        place += len(rounds.each)
    return [*parts, plain]


def _rounds_from(
    steps: Sequence[Step], first: int, uses: Mapping[int, tuple[int, ...]]
) -> Rounds | None:
    each: list[tuple[int, int, int]] = []
    before, factors = _recurrence(steps, first, uses)
    for place in range(first, len(steps)):
        _, found = _recurrence(steps, place, uses)
        if not found or found[:-1] != factors[:-1]:
            break
        each.append((steps[place].slot, steps[place].left, found[-1]))
    return Rounds(before, factors[:-1], each) if len(each) >= ROUNDS_MIN else None


def _recurrence(
    steps: Sequence[Step], place: int, uses: Mapping[int, tuple[int, ...]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The slots that an S-box's base is a sum of, and the factors with the constant at the end;
    nothing if it is no sum of this kind."""
    row = steps[max(0, place - 3) : place + 1]
    if len(row) < 4 or not all(step.fifth for step in row):
        return (), ()
    third, second, first, step = row
    before = (first.slot, second.slot, first.fifth, second.fifth, third.fifth)
    terms = dict(zip(uses[step.slot], step.coefficients, strict=True))
    if terms.keys() != {*before, ONE}:
        return (), ()
    return before, tuple(terms[slot] for slot in (*before, ONE))
